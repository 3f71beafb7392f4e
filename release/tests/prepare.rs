//! `make release` on a copy of this tree.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Newer than any version of this tree.
const VERSION: &str = "999.8.7";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn git(tree: &Path, arguments: &[&str]) -> String {
    let person = ["-c", "user.name=Person", "-c", "user.email=person@example.com"];
    let output = Command::new("git")
        .arg("-C")
        .arg(tree)
        .args(person)
        .args(arguments)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn commit(tree: &Path) {
    git(tree, &["add", "--all"]);
    git(tree, &["commit", "--quiet", "--message", "all"]);
}

/// A repository with what git knows of this tree, committed.
fn copy() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in git(&root(), &["ls-files"]).lines() {
        let to = copy.path().join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root().join(file), to).unwrap();
    }
    git(copy.path(), &["init", "--quiet"]);
    commit(copy.path());
    copy
}

fn prepare(tree: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb-release"));
    command.arg("--tree").arg(tree).arg("prepare");
    command.args(arguments).output().unwrap()
}

fn refused(tree: &Path, arguments: &[&str]) -> String {
    let output = prepare(tree, arguments);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_version_is_set_in_everything_that_carries_it() {
    let copy = copy();
    let tree = copy.path();
    let output = prepare(tree, &[VERSION, "--image", "registry.example.com/ferrolb"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let read = |file: &str| fs::read_to_string(tree.join(file)).unwrap();
    assert!(read("Cargo.toml").contains(&format!("\nversion = \"{VERSION}\"\n")));
    assert!(read("CHANGELOG.md").contains(&format!("## [Unreleased]\n\n## [{VERSION}] - 20")));
    let kustomization = read("deploy/kustomization.yaml");
    assert!(kustomization.contains("newName: registry.example.com/ferrolb\n"));
    assert!(kustomization.contains(&format!("newTag: {VERSION}\n")));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut listing = Command::new(cargo);
    listing.args(["tree", "--locked", "--offline", "--package=ferrolb", "--depth=0"]);
    let listed = listing.current_dir(tree).output().unwrap();
    let (listed, error) = (
        String::from_utf8_lossy(&listed.stdout),
        String::from_utf8_lossy(&listed.stderr),
    );
    assert!(
        listed.starts_with(&format!("ferrolb v{VERSION} ")),
        "the lock fits: {listed}{error}"
    );
    let elsewhere = Command::new("git")
        .arg("-C")
        .arg(tree)
        .args(["grep", "--fixed-strings", "localhost/ferrolb", "--", "deploy"])
        .output();
    let elsewhere = elsewhere.unwrap().stdout;
    assert_eq!(
        String::from_utf8_lossy(&elsewhere),
        "",
        "no manifest names the image of before"
    );
}

#[test]
fn a_tree_with_changes_is_refused_and_stays_as_it_is() {
    let copy = copy();
    fs::write(copy.path().join("README.md"), "changed").unwrap();
    let status = git(copy.path(), &["status", "--porcelain"]);
    assert!(refused(copy.path(), &[VERSION]).contains("not committed"));
    assert_eq!(git(copy.path(), &["status", "--porcelain"]), status);
}

#[test]
fn a_version_that_is_tagged_or_older_or_none_is_refused_with_the_reason() {
    let copy = copy();
    git(copy.path(), &["tag", &format!("v{VERSION}")]);
    assert!(refused(copy.path(), &[VERSION]).contains(&format!("there is a tag v{VERSION}")));
    assert!(refused(copy.path(), &["0.0.1"]).contains("the tree is at "));
    assert!(refused(copy.path(), &["1.2"]).contains("not three numbers"));
    assert_eq!(git(copy.path(), &["status", "--porcelain"]), "");
}
