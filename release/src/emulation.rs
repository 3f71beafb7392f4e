//! Runs the program for arm64 on this machine.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Debian's packages call it by either name.
const EMULATORS: [&str; 2] = ["qemu-aarch64-static", "qemu-aarch64"];

/// What both have to print alike.
const COMMANDS: [&[&str]; 2] = [&["--version"], &["plan", "-f", "deploy/examples"]];

/// Checks that the program for arm64 prints what the one for amd64 prints.
///
/// # Errors
/// If it does not, or no emulator is installed.
pub(crate) fn compare(tree: &Path, amd64: &Path, arm64: &Path) -> Result<()> {
    let Some(emulator) = EMULATORS.into_iter().find(|name| is_installed(name)) else {
        bail!(
            "no {}: install the package qemu-user-static, or what your system calls it, to try the program for arm64",
            EMULATORS.join(" or ")
        );
    };
    for arguments in COMMANDS {
        let here = printed(Command::new(amd64).args(arguments).current_dir(tree))?;
        let there = printed(
            Command::new(emulator)
                .arg(arm64)
                .args(arguments)
                .current_dir(tree),
        )?;
        let command = arguments.join(" ");
        if here != there {
            bail!("`ferrolb {command}` prints on amd64:\n{here}\nand on arm64:\n{there}");
        }
        println!(
            "arm64 under {emulator}: `ferrolb {command}` prints the same {} lines as on amd64",
            here.lines().count()
        );
    }
    Ok(())
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// What it prints to both outputs, if it ends well.
fn printed(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("start {}", command.get_program().display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (printed, complaints) = (text(&output.stdout), text(&output.stderr));
    if !output.status.success() {
        bail!("{command:?} ended with {}: {printed}{complaints}", output.status);
    }
    Ok(printed + &complaints)
}
