//! `ferrolb pool`: what is done to a pool and its Services by hand.

mod drain;

use std::process::ExitCode;

/// Act on one pool.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Move Services off addresses of a pool that they keep only because they use them, one by one
    Drain(drain::Args),
}

/// Does what is asked.
pub(crate) fn run(args: &Args) -> ExitCode {
    match &args.command {
        Command::Drain(args) => drain::run(args),
    }
}
