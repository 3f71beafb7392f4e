//! The tree this program was built from, and its own programs, as the lab runs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Result;
use crate::progress::Progress;
use crate::watched;

/// Static, so that it runs in an image that holds nothing else. The target is named although it is this machine's:
/// only then do procedural macros still build.
const TARGET: &str = "x86_64-unknown-linux-gnu";
const STATIC: &str = "-C target-feature=+crt-static";

/// The top of the tree.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this crate is a folder of a folder of the workspace")
}

/// Builds a package's program of the same name as one static file; quick if nothing has changed.
///
/// # Errors
/// If the build fails.
pub fn static_program(package: &str) -> Result<PathBuf> {
    build_static(&[package], |_| {})?;
    Ok(static_folder().join(package))
}

/// Builds the packages' programs as [`static_program`] does, all at once, for a person who waits. Returns their folder.
///
/// # Errors
/// If the build fails.
pub fn static_programs(packages: &[&str], progress: &Progress) -> Result<PathBuf> {
    let running = progress.begin("FerroLB and its lab");
    let total = crates_of(packages)?;
    let mut done = 0;
    build_static(packages, |line| {
        if line.trim_start().starts_with("Compiling ") {
            done += 1;
            running.done(done, total);
        }
    })?;
    Ok(static_folder())
}

/// Builds this lab's own program, for trials that run it from outside; quick if nothing has changed.
///
/// # Errors
/// If the build fails.
pub fn lab_program() -> Result<PathBuf> {
    const NAME: &str = "ferrolb-lab";
    let mut command = cargo("build");
    watched::run(command.args(["-p", NAME, "--bin", NAME]), |_| {})?;
    Ok(target_folder().join("debug").join(NAME))
}

fn build_static(packages: &[&str], line: impl FnMut(&str)) -> Result<()> {
    let mut command = cargo("build");
    command
        .env("RUSTFLAGS", STATIC)
        .args(["--release", "--target", TARGET, "--bins"])
        .args(selected(packages));
    watched::run(&mut command, line).map(drop)
}

/// How many crates of this target there are to compile at most.
fn crates_of(packages: &[&str]) -> Result<usize> {
    let mut command = cargo("tree");
    command
        .args([
            "--target",
            TARGET,
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--no-dedupe",
        ])
        .args(selected(packages));
    let listed = watched::run(&mut command, |_| {})?;
    let mut crates: Vec<&str> = listed.lines().filter(|line| !line.is_empty()).collect();
    crates.sort_unstable();
    crates.dedup();
    Ok(crates.len())
}

fn selected<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    packages.iter().flat_map(|package| ["-p", *package]).collect()
}

/// Cargo without what a cargo that runs this program has set for it: some build scripts would run again for that.
fn cargo(task: &str) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root()).arg(task);
    let set = std::env::vars_os().map(|(name, _)| name);
    for name in set.filter(|name| is_of_a_package(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

fn is_of_a_package(variable: &str) -> bool {
    ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
}

fn static_folder() -> PathBuf {
    target_folder().join(TARGET).join("release")
}

fn target_folder() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root().join(set.unwrap_or_else(|| "target".into()))
}
