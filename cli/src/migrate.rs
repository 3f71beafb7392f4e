//! `ferrolb migrate check`: what becomes of a MetalLB installation.

pub(crate) mod beside;
mod check;
pub(crate) mod report;
pub(crate) mod running;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::cluster::{self, Access, Cluster};
use crate::daemons::DaemonArgs;
use crate::plan::{self, Daemons, Manifests, Output, Speakers};
use check::Found;
use report::Report;

/// Something in use stops working, or changes its address.
const STOPS: u8 = 3;

/// Replace MetalLB.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what works as it is, what differs, what to do, and what is not supported, in a cluster or in manifests
    Check(CheckArgs),
}

/// Say what works as it is, what differs, what to do, and what is not supported, in a cluster or in manifests.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// Manifest, directory of manifests (.yaml, .yml, .json), or - for standard input, instead of the cluster; may be repeated
    #[arg(short, long = "file", value_name = "DIR|FILE", num_args = 1..)]
    files: Vec<PathBuf>,

    /// Form of the answer
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,

    #[command(flatten)]
    access: Access,

    #[command(flatten)]
    daemons: DaemonArgs,
}

/// Checks and prints.
pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let (found, readable) = if args.files.is_empty() {
        (cluster::block_on(async { Ok(in_cluster(args).await?) })?, true)
    } else {
        in_files(args)
    };
    let report = check::check(&found, &args.access.namespace);
    let text = args.output.render(&report, Report::table);
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(match (readable, report.stops()) {
        (false, _) => ExitCode::from(plan::UNREADABLE),
        (true, true) => ExitCode::from(STOPS),
        (true, false) => ExitCode::SUCCESS,
    })
}

fn in_files(args: &CheckArgs) -> (Found, bool) {
    let mut manifests = Manifests::read(&args.files, &args.access.namespace);
    manifests
        .faults
        .iter()
        .for_each(|fault| eprintln!("ferrolb migrate check: {fault}"));
    manifests.fill_in(&[]);
    let daemons = Daemons {
        options: args.daemons.options(),
        ..Daemons::default()
    };
    let found = Found {
        plan: plan::world::plan(&manifests.objects, &daemons, manifests.problems),
        objects: manifests.objects,
        beside: manifests.beside,
    };
    (found, manifests.faults.is_empty())
}

async fn in_cluster(args: &CheckArgs) -> Result<Found, cluster::AccessError> {
    let cluster = Cluster::connect(&args.access).await?;
    let mut problems = Vec::new();
    let objects = cluster.read(&mut problems).await?;
    let daemons = Daemons {
        options: args.daemons.options(),
        speakers: Speakers::Running,
        ..Daemons::default()
    };
    Ok(Found {
        plan: plan::world::plan(&objects, &daemons, problems),
        objects,
        beside: beside::read(&cluster, &args.access.namespace).await?,
    })
}
