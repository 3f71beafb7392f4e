//! `ferrolb`: one binary, its daemons and its tools as subcommands.

mod age;
mod anonymize;
mod any_certificate;
mod asking;
mod cluster;
mod conditions;
mod crds;
mod daemons;
mod doctor;
mod explain;
mod history;
mod holding;
mod migrate;
mod objects;
mod plan;
mod pool;
mod problem;
mod progress;
mod ready;
mod rebalance;
mod seeing;
mod sessions;
mod shell;
mod speakers;
mod status;
mod support_bundle;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
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
    /// Say why a Service has no address or is not announced, and what to do; or what has an address
    Explain(explain::Args),
    /// Look for what is known to hurt in the cluster, on the nodes and between the speakers, and say what to do
    Doctor(doctor::Args),
    /// Show which node announces which address, how full the pools are, and how the speakers do
    Status(status::Args),
    /// Show what happened of late: which address moved, when, why, and how long it took
    History(history::Args),
    /// Write one archive with all that is needed to find a fault from afar, and no secret
    SupportBundle(support_bundle::Args),
    /// Act on one pool
    Pool(pool::Args),
    /// Move addresses to the nodes that `ferrolb plan` would choose, one group at a time
    Rebalance(rebalance::Args),
    /// Replace MetalLB
    Migrate(migrate::Args),
    /// Ask a controller or a speaker whether it is ready
    Ready(ready::Args),
    /// Print the resource definitions as YAML
    Crds,
    /// Print what completes the commands in a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write a manual page for each command
    Man {
        /// The folder, which is made if it is not there
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let (name, ended) = match parsed().command {
        // It waits for the network nearly always, and several threads would pay more for waking each other than they gain.
        Command::Controller(args) => (
            "ferrolb",
            daemon(Builder::new_current_thread(), ferrolb_controller::run(args)),
        ),
        // It answers the wire also while it decides.
        Command::Speaker(args) => (
            "ferrolb",
            daemon(Builder::new_multi_thread(), ferrolb_speaker::run(args)),
        ),
        Command::Plan(args) => ("ferrolb plan", plan::run(&args)),
        Command::Explain(args) => ("ferrolb explain", explain::run(&args)),
        Command::Doctor(args) => ("ferrolb doctor", doctor::run(&args)),
        Command::Status(args) => ("ferrolb status", status::run(&args)),
        Command::History(args) => ("ferrolb history", history::run(&args)),
        Command::SupportBundle(args) => ("ferrolb support-bundle", support_bundle::run(&args)),
        Command::Pool(pool::Args {
            command: pool::Command::Drain(args),
        }) => ("ferrolb pool drain", pool::drain::run(&args)),
        Command::Rebalance(args) => ("ferrolb rebalance", rebalance::run(&args)),
        Command::Migrate(migrate::Args {
            command: migrate::Command::Check(args),
        }) => ("ferrolb migrate check", migrate::run(&args)),
        Command::Ready(args) => ("ferrolb ready", ready::run(&args)),
        Command::Crds => ("ferrolb crds", crds::run()),
        Command::Completion { shell } => ("ferrolb completion", shell::complete(Cli::command(), shell)),
        Command::Man { folder } => ("ferrolb man", shell::manual(Cli::command(), &folder)),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("{name}: {error:#}");
        ExitCode::FAILURE
    })
}

/// The command line. kubectl runs a program named `kubectl-ferrolb` as `kubectl ferrolb`.
fn parsed() -> Cli {
    let called = std::env::args_os().next().map(PathBuf::from);
    let called = called.as_deref().and_then(Path::file_stem);
    let command = match called.is_some_and(|name| name == "kubectl-ferrolb") {
        true => Cli::command().bin_name("kubectl ferrolb"),
        false => Cli::command(),
    };
    Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

fn daemon(mut runtime: Builder, run: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<ExitCode> {
    runtime.enable_all().build()?.block_on(run)?;
    Ok(ExitCode::SUCCESS)
}
