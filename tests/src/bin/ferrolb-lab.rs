//! The lab on the command line.
#![allow(clippy::print_stdout)]

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use ferrolb_lab::{Lab, LabConfig, binaries, cleanup, state};
use std::time::Instant;

/// A real multi-node Kubernetes on this machine, without a container engine.
#[derive(Debug, Parser)]
#[command(name = "ferrolb-lab", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Args)]
struct Which {
    /// The lab's name.
    #[arg(long, env = "FERROLB_LAB", default_value = "dev")]
    name: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build Kubernetes and the lab's workload, once.
    Build,
    /// Start a lab and wait until its nodes are Ready.
    Up {
        #[command(flatten)]
        which: Which,
        /// Number of nodes.
        #[arg(long, default_value_t = 3)]
        nodes: u8,
        /// Number of machines outside the cluster.
        #[arg(long, default_value_t = 1)]
        clients: u8,
    },
    /// End a lab and remove everything of it.
    Down(Which),
    /// Show the labs of this machine.
    List,
}

fn main() -> std::process::ExitCode {
    ferrolb_lab::entry();
    match run(Arguments::parse().command) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("ferrolb-lab: {failed:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Build => {
            let folder = binaries::build(|line| println!("{line}"))?;
            println!("{}", folder.display());
        }
        Command::Up { which, nodes, clients } => {
            let began = Instant::now();
            Lab::up(&LabConfig { name: which.name, nodes, clients })?.detach()?;
            println!("{nodes} nodes Ready after {:.1} s", began.elapsed().as_secs_f64());
        }
        Command::Down(which) => {
            let began = Instant::now();
            match Lab::open(&which.name) {
                Ok(lab) => lab.down()?,
                Err(_) => cleanup::sweep_one(&which.name)?,
            }
            println!("down after {:.1} s", began.elapsed().as_secs_f64());
        }
        Command::List => {
            for name in state::names() {
                println!("{name}");
            }
        }
    }
    Ok(())
}
