//! `ferrolb plan`: manifests in, addresses and announcers out.
//!
//! It calls the very functions that the daemons call; what is its own is only the reading of files and
//! what the API server would have filled in. With `--against-cluster` it compares what a cluster holds.

mod against;
mod defaults;
mod differences;
mod hints;
mod manifests;
mod overlay;
mod report;
mod routed;
mod score;
mod sessions;
mod standing;
mod table;
pub(crate) mod world;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use ferrolb_crds::domain::Family;
use serde::Serialize;

use crate::cluster::{self, Access};
use crate::daemons::DaemonArgs;
use defaults::{ClusterFamilies, fill_namespaces, fill_service};
pub(crate) use manifests::{GROUP, Manifests, group, is_unread, why_unread};
pub(crate) use report::{Announced, Reason, Report, ServicePlan};
pub(crate) use routed::{Routed, Told};
pub(crate) use table::aligned;
pub(crate) use world::{Daemons, Speakers};

/// A manifest could not be read.
pub(crate) const UNREADABLE: u8 = 2;

/// Say what controller and speakers would do with these manifests, without a cluster.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Manifest, directory of manifests (.yaml, .yml, .json), or - for standard input; may be repeated
    #[arg(short, long = "file", required_unless_present = "against_cluster", value_name = "DIR|FILE", num_args = 1..)]
    files: Vec<PathBuf>,

    /// Say what would change in the cluster if these manifests were applied now; without any, what is pending
    #[arg(long)]
    against_cluster: bool,

    /// Form of the answer
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,

    /// Families of the cluster's Service addresses, the default one first; without it IPv4, or those of the cluster
    #[arg(long, value_delimiter = ',', value_name = "FAMILIES", value_parser = family)]
    cluster_families: Vec<Family>,

    /// Show the score of each eligible node for each address too, in the order of the election
    #[arg(long, conflicts_with = "against_cluster")]
    scores: bool,

    #[command(flatten)]
    access: Access,

    #[command(flatten)]
    daemons: DaemonArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}

fn family(name: &str) -> Result<Family, String> {
    name.parse().map_err(|_| "must be IPv4 or IPv6".to_owned())
}

impl Args {
    fn daemons(&self) -> Daemons {
        Daemons {
            options: self.daemons.options(),
            scores: self.scores,
            ..Daemons::default()
        }
    }
}

/// Plans and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let manifests = Manifests::read(&args.files, &args.access.namespace);
    for path in &manifests.passed_over {
        eprintln!(
            "ferrolb plan: {}: passed over, as it holds no object of Kubernetes",
            path.display()
        );
    }
    for fault in &manifests.faults {
        eprintln!("ferrolb plan: {fault}");
    }
    let unreadable = !manifests.faults.is_empty();
    let text = if args.against_cluster {
        against_cluster(manifests, args)
    } else {
        Ok(without_cluster(manifests, args))
    };
    let printed = text.and_then(|text| Ok(io::stdout().write_all(text.as_bytes())?));
    if !unreadable {
        return printed.map(|()| ExitCode::SUCCESS);
    }
    if let Err(error) = printed {
        eprintln!("ferrolb plan: {error:#}");
    }
    Ok(ExitCode::from(UNREADABLE))
}

fn without_cluster(mut manifests: Manifests, args: &Args) -> String {
    manifests.fill_in(&args.cluster_families);
    let report = world::plan(&manifests.objects, &args.daemons(), manifests.problems);
    args.output.render(&report, table::render)
}

impl Manifests {
    /// Fills in what the API server would, in a cluster of these families; of IPv4 if none is given.
    pub(crate) fn fill_in(&mut self, families: &[Family]) {
        let families = match families {
            [] => ClusterFamilies {
                all: &[Family::V4],
                assumed: true,
            },
            all => ClusterFamilies { all, assumed: false },
        };
        let fill = |service| fill_service(service, families);
        self.problems
            .extend(self.objects.services.iter_mut().filter_map(fill));
        fill_namespaces(&mut self.objects);
    }
}

fn against_cluster(manifests: Manifests, args: &Args) -> anyhow::Result<String> {
    let manifests = (!args.files.is_empty()).then_some(manifests);
    let compared = async { Ok(against::read_and_compare(manifests, args).await?) };
    let changes = cluster::block_on(compared)?;
    Ok(args.output.render(&changes, table::render_changes))
}

impl Output {
    pub(crate) fn render<T: Serialize>(self, answer: &T, table: impl Fn(&T) -> String) -> String {
        match self {
            Self::Table => table(answer),
            Self::Json => serde_json::to_string_pretty(answer).unwrap_or_default() + "\n",
        }
    }
}
