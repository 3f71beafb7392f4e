//! `ferrolb plan`: manifests in, addresses and announcers out.
//!
//! It calls the very functions that the daemons call; what is its own is only the reading of files and
//! what the API server would have filled in.

mod defaults;
mod manifests;
mod report;
mod table;
mod world;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use ferrolb_crds::domain::Family;
use ferrolb_crds::names::DEFAULT_NAMESPACE;

use manifests::Manifests;

/// A manifest could not be read.
const UNREADABLE: u8 = 2;

/// Say what controller and speakers would do with these manifests, without a cluster.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Manifest, or directory of manifests (.yaml, .yml, .json); may be repeated
    #[arg(short, long = "file", required = true, value_name = "DIR|FILE", num_args = 1..)]
    files: Vec<PathBuf>,

    /// Form of the answer
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,

    /// Families of the cluster's Service addresses, the default one first
    #[arg(long, value_delimiter = ',', default_value = "IPv4", value_name = "FAMILIES", value_parser = family)]
    cluster_families: Vec<Family>,

    /// The installation's namespace, where pools and advertisements are read
    #[arg(long, env = "METALLB_NAMESPACE", default_value = DEFAULT_NAMESPACE, value_name = "NAME")]
    namespace: String,

    /// As for the daemons: the class of Services that are ours; without it, those without a class
    #[arg(long, env = "FERROLB_LB_CLASS", value_name = "CLASS")]
    lb_class: Option<String>,

    /// As for the speaker: nodes labelled exclude-from-external-load-balancers announce too
    #[arg(long)]
    ignore_exclude_lb: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Table,
    Json,
}

fn family(name: &str) -> Result<Family, String> {
    Family::from_kubernetes(name).ok_or_else(|| "must be IPv4 or IPv6".to_owned())
}

/// Plans and prints.
pub(crate) fn run(args: &Args) -> ExitCode {
    let manifests = match Manifests::read(&args.files, &args.namespace) {
        Ok(manifests) => manifests,
        Err(error) => {
            eprintln!("ferrolb plan: {error}");
            return ExitCode::from(UNREADABLE);
        }
    };
    let report = world::plan(manifests, args);
    let text = match args.output {
        Output::Table => table::render(&report),
        Output::Json => serde_json::to_string_pretty(&report).unwrap_or_default() + "\n",
    };
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
