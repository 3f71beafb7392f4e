//! The tree this program was built from, and its own programs, as the lab runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Result;
use crate::progress::Progress;
use crate::watched;

/// Static, so that it runs in an image that holds nothing else. The target is named although it is this machine's:
/// only then do procedural macros still build.
const TARGET: &str = "x86_64-unknown-linux-gnu";
const STATIC: &str = "-C target-feature=+crt-static";
/// The packages of the static programs, each with a program of its name. Cargo is always told of all: the features of what
/// they share depend on who asks, so that each by itself would be compiled again.
const PACKAGES: [&str; 3] = ["ferrolb", "ferrolb-echo", "ferrolb-lab"];

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

/// How the static programs are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    /// As they are published: what is measured, and what trials run.
    Release,
    /// In a third of the time, for a person who waits: what `scripts/in-lab` runs.
    Quick,
}

impl Profile {
    /// A static program that cargo built in one profile builds the others in the same one.
    fn of_this_program() -> Self {
        let this = std::env::current_exe().and_then(fs::canonicalize);
        let folder = fs::canonicalize(Self::Quick.folder());
        match (this, folder) {
            (Ok(this), Ok(folder)) if this.parent() == Some(&folder) => Self::Quick,
            _ => Self::Release,
        }
    }

    fn folder(self) -> PathBuf {
        target_folder().join(TARGET).join(self.name())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Quick => "quick",
        }
    }
}

fn build_static(packages: &[&str], line: impl FnMut(&str)) -> Result<()> {
    let mut command = cargo("build");
    command
        .env("RUSTFLAGS", STATIC)
        .args(["--profile", Profile::of_this_program().name()])
        .args(["--target", TARGET])
        .args(each("-p", &PACKAGES))
        .args(each("--bin", packages));
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
        .args(each("-p", packages));
    let listed = watched::run(&mut command, |_| {})?;
    let mut crates: Vec<&str> = listed.lines().filter(|line| !line.is_empty()).collect();
    crates.sort_unstable();
    crates.dedup();
    Ok(crates.len())
}

fn each<'a>(flag: &'a str, packages: &[&'a str]) -> Vec<&'a str> {
    packages.iter().flat_map(|package| [flag, *package]).collect()
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
    Profile::of_this_program().folder()
}

fn target_folder() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root().join(set.unwrap_or_else(|| "target".into()))
}
