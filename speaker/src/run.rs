//! The only wiring: watches, the loop, and what it keeps between two passes.

use anyhow::Context;
use ferrolb_runtime::log;
use ferrolb_runtime::shutdown::Shutdown;

use crate::args::Args;

/// Runs the speaker until SIGTERM or SIGINT.
///
/// # Errors
/// The cluster cannot be reached at all, the port is taken, or no raw socket may be opened.
pub async fn run(args: Args) -> anyhow::Result<()> {
    log::init(&args.log)?;
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    shutdown.draining().await;
    Ok(())
}
