//! What `make demo` does where it may not do what it is for.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::{env, fs};

use nix::unistd::Uid;

/// Stands for cargo: runs the program that this build made, without building.
const CARGO: &str = r#"#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift
exec "$FERROLB" "$@"
"#;

/// By a user without rights, who need not be able to write to the tree.
fn demo(folder: &Path) -> Output {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tree");
    let cargo = folder.join("cargo");
    fs::write(&cargo, CARGO).expect("a program");
    for path in [folder, &cargo] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("open to others");
    }
    let mut command = match Uid::effective().is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
            command.arg(top.join("scripts/in-lab"));
            command
        }
        false => Command::new(top.join("scripts/in-lab")),
    };
    let target = env::current_exe().expect("this program");
    let target = target.ancestors().nth(2).expect("target/debug");
    command
        .arg("demo")
        .env("CARGO", cargo)
        .env("FERROLB", target.join("ferrolb"))
        .output()
        .expect("the script runs")
}

#[test]
fn without_rights_the_demo_says_what_is_missing_and_shows_a_plan_instead() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = demo(folder.path());
    let text = String::from_utf8_lossy(&seen.stdout);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(seen.status.code(), Some(2), "{seen:?}");
    assert_eq!(
        lines[0],
        "No lab here: it needs root, to make namespaces and cgroups (run it with sudo -E)."
    );
    for expected in ["NAMESPACE", "example-1", "192.0.2.200"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}
