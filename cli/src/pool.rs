//! `ferrolb pool`: what is done to a pool and its Services by hand.

pub(crate) mod drain;

/// Act on one pool.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Move Services off addresses of a pool that they keep only because they use them, one by one
    Drain(drain::Args),
}
