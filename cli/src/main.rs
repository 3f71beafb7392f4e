//! `ferrolb`: one binary, its daemons and its tools as subcommands.

mod cluster;
mod crds;
mod objects;
mod plan;
mod pool;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Print the resource definitions as YAML
    Crds,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Controller(args) => daemon(ferrolb_controller::run(args)),
        Command::Speaker(args) => daemon(ferrolb_speaker::run(args)),
        Command::Plan(args) => plan::run(&args),
        Command::Pool(args) => pool::run(&args),
        Command::Crds => crds::run(),
    }
}

fn daemon(run: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let ended = tokio::runtime::Builder::new_multi_thread()
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
