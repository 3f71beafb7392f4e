//! `ferrolb completion` and `ferrolb man`: what a shell and `man` know of the commands.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

/// Prints the completion of a shell.
pub(crate) fn complete(mut command: Command, shell: Shell) -> anyhow::Result<ExitCode> {
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut io::stdout());
    Ok(ExitCode::SUCCESS)
}

/// Writes a page for each command, those of commands too.
pub(crate) fn manual(command: Command, folder: &Path) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    clap_mangen::generate_to(command, folder).with_context(|| format!("write to {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
