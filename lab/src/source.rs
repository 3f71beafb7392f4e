//! The tree this program was built from, and the programs of ours that go into images.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Doing, Error, Result};

/// Static, so that it runs in an image that holds nothing else. The target is named although it is this machine's:
/// only then do procedural macros still build.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The top of the tree.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the lab is a folder of the workspace")
}

/// Builds a package's program of the same name as one static file; quick if nothing has changed.
///
/// # Errors
/// If the build fails.
pub fn static_program(package: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(root())
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    command.args(["build", "--quiet", "--release", "--target", TARGET, "-p", package]);
    let status = command
        .stdout(std::io::stderr())
        .status()
        .doing(|| "start cargo".into())?;
    if !status.success() {
        return Error::refused(format!("`cargo build -p {package}` failed"));
    }
    Ok(target_folder().join(TARGET).join("release").join(package))
}

/// Builds this lab's own program, for trials that run it from outside; quick if nothing has changed.
///
/// # Errors
/// If the build fails.
pub fn lab_program() -> Result<PathBuf> {
    const NAME: &str = "ferrolb-lab";
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(root())
        .args(["build", "--quiet", "-p", NAME, "--bin", NAME]);
    let status = command
        .stdout(std::io::stderr())
        .status()
        .doing(|| "start cargo".into())?;
    if !status.success() {
        return Error::refused(format!("`cargo build -p {NAME}` failed"));
    }
    Ok(target_folder().join("debug").join(NAME))
}

fn target_folder() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root().join(set.unwrap_or_else(|| "target".into()))
}
