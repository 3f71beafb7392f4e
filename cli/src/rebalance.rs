//! `ferrolb rebalance`: brings the holders of addresses to the nodes that `ferrolb plan` would choose.
//!
//! Nothing moves by itself for the sake of balance or nearness. This asks the holders, one group after the other, by an
//! annotation of their `ServiceL2Status`; they hand over as when a node drains, so that nothing is lost.

mod moves;
mod moving;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use ferrolb_runtime::shutdown::Shutdown;
use kube::Api;

use crate::cluster::{self, Access, Cluster};
use crate::daemons::DaemonArgs;
use crate::plan::world;
use moves::Move;
use moving::Mover;

/// Move addresses to the nodes that plan would choose: the nearest to their endpoints, none with too many. Holders that
/// are there already stay
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Say what would move, and move nothing
    #[arg(long)]
    dry_run: bool,

    /// Seconds after which a move that did not happen is given up
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout_seconds: u64,

    #[command(flatten)]
    access: Access,

    #[command(flatten)]
    daemons: DaemonArgs,
}

/// Moves and prints. Fails if anything that should have moved did not.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let moved = cluster::block_on(rebalance(args))?;
    Ok(if moved {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn rebalance(args: &Args) -> anyhow::Result<bool> {
    let cluster = Cluster::connect(&args.access).await?;
    let mut problems = Vec::new();
    let objects = cluster.read(&mut problems).await?;
    for problem in &problems {
        eprintln!("{}: {}", problem.object, problem.message);
    }
    let view = world::as_it_stands(&objects, args.daemons.options());
    let known = ferrolb_speaker::forecast::Known {
        alive: world::alive(&view.nodes),
        holders: world::holders(&objects, &view),
    };
    let moves = moves::moves(&view, &known);
    if moves.is_empty() {
        say(&"nothing to move")?;
    }
    if args.dry_run {
        moves.iter().try_for_each(|one| say(one))?;
        return Ok(true);
    }
    let mover = Mover {
        statuses: Api::namespaced(cluster.client, &args.access.namespace),
        patience: Duration::from_secs(args.timeout_seconds),
    };
    all(&mover, &moves).await
}

fn say(line: &dyn std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

async fn all(mover: &Mover, moves: &[Move]) -> anyhow::Result<bool> {
    let stop = Shutdown::on_signals()?;
    let mut all = true;
    for one in moves {
        if stop.is_draining() {
            anyhow::bail!("interrupted before {one}");
        }
        match mover.carry_out(one).await? {
            true => say(&format_args!("{one}: done"))?,
            false => {
                say(&format_args!("{one}: the holder did not hand it over in time"))?;
                all = false;
            }
        }
    }
    Ok(all)
}
