//! `ferrolb`: one binary, its daemons and its tools as subcommands.

mod cluster;
mod crds;
mod daemons;
mod objects;
mod plan;
mod pool;
mod rebalance;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

/// A load balancer for bare-metal Kubernetes: assigns external addresses and announces them on the LAN.
#[derive(Parser)]
#[command(name = "ferrolb", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Assign addresses of IPAddressPools to Services of type LoadBalancer
    Controller(ferrolb_controller::Args),
    /// Announce the addresses of Services from this node by ARP and NDP
    Speaker(ferrolb_speaker::Args),
    /// Say what controller and speakers would do with these manifests, without a cluster
    Plan(plan::Args),
    /// Act on one pool
    Pool(pool::Args),
    /// Move addresses to the nodes that `ferrolb plan` would choose, one group at a time
    Rebalance(rebalance::Args),
    /// Print the resource definitions as YAML
    Crds,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Controller(args) => daemon(one_thread(), ferrolb_controller::run(args)),
        Command::Speaker(args) => daemon(several_threads(), ferrolb_speaker::run(args)),
        Command::Plan(args) => plan::run(&args),
        Command::Pool(args) => pool::run(&args),
        Command::Rebalance(args) => rebalance::run(&args),
        Command::Crds => crds::run(),
    }
}

/// The controller waits for the network nearly always, and several threads would pay more for waking each other than
/// they gain.
fn one_thread() -> Builder {
    Builder::new_current_thread()
}

/// The speaker answers the wire also while it decides.
fn several_threads() -> Builder {
    Builder::new_multi_thread()
}

fn daemon(mut runtime: Builder, run: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let ended = runtime
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ferrolb: {error:#}");
            ExitCode::FAILURE
        }
    }
}
