//! The Go tool chain and the one C library that the build of runc needs.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::command::{USUAL, text, text_with_input};
use crate::error::{Error, Result};
use crate::kept::module_folder;
use crate::source;

/// The Go that builds Kubernetes: the one that `scripts/find-go` finds.
///
/// # Errors
/// If none is new enough.
pub fn go() -> Result<PathBuf> {
    let script = source::root().join("scripts/find-go");
    let found = text(&mut Command::new(&script), USUAL)?;
    if !found.trim().is_empty() {
        return Ok(found.trim().into());
    }
    let needed = text(Command::new(&script).arg("--needed"), USUAL)?;
    Error::refused(format!(
        "there is no Go of version {} or newer: run `make deps`, or set FERROLB_GO",
        needed.trim()
    ))
}

/// Where Go keeps the sources of a module that the `go.mod` in this folder of `lab/kubernetes` pins; its manifests lie there.
///
/// # Errors
/// If it cannot be had.
pub fn sources(folder: &str, module: &str) -> Result<PathBuf> {
    const DOWNLOAD: Duration = Duration::from_secs(300);
    let run = |task: &[&str]| {
        let mut command = Command::new(go()?);
        command
            .current_dir(module_folder(folder))
            .env("GOWORK", "off")
            .args(task);
        text(&mut command, DOWNLOAD)
    };
    run(&["mod", "download", module])?;
    Ok(run(&["list", "-m", "-f", "{{.Dir}}", module])?.trim().into())
}

/// runc is built with cgo against libseccomp.
pub(crate) fn check_seccomp() -> Result<()> {
    let program = "#include <seccomp.h>\n";
    let compile = ["-fsyntax-only", "-x", "c", "-"];
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "gcc".into());
    match text_with_input(Command::new(compiler).args(compile), program, USUAL) {
        Ok(_) => Ok(()),
        Err(_) => Error::refused(
            "building runc needs gcc, pkg-config and libseccomp's headers (Debian: gcc pkg-config libseccomp-dev)",
        ),
    }
}
