//! `ferrolb doctor`: looks at the whole cluster for what is known to hurt, and says what to do.
//!
//! ```text
//! cluster ──▶ Evidence (as explain) ─┐
//! cluster ──▶ Beside ────────────────┼─▶ Seen ─▶ checks (pure) ─▶ Report
//! speakers ─▶ Facts ─────────────────┘
//! ```
//! What other commands judge already is judged by their functions: `explain` for Services, `migrate check` for MetalLB.

mod checks;
mod finding;
mod gather;
mod report;
mod seen;

use std::io::Write;
use std::process::ExitCode;

use clap::ValueEnum;
use ferrolb_speaker::may::Options;

use crate::cluster::{self, Access, AccessError, Cluster};
use crate::daemons::DaemonArgs;
use crate::explain::case::Evidence;
use crate::progress::Progress;
pub(crate) use report::Report;

/// There are warnings and no errors.
const WARNINGS: u8 = 1;
/// There are errors.
const ERRORS: u8 = 2;
/// It could not look.
const FAILED: u8 = 3;

/// Look for what is known to hurt in the cluster, on the nodes and between the speakers, and say what to do.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Form of the answer; `wide` adds how each speaker hears the others
    #[arg(short, long, value_enum, default_value = "table")]
    output: Form,

    #[command(flatten)]
    access: Access,

    #[command(flatten)]
    daemons: DaemonArgs,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Form {
    Table,
    Wide,
    Json,
}

/// Looks and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match cluster::block_on(examine(args)) {
        Ok(report) => {
            let text = match args.output {
                Form::Json => serde_json::to_string_pretty(&report)? + "\n",
                Form::Table => report.table(false),
                Form::Wide => report.table(true),
            };
            std::io::stdout().write_all(text.as_bytes())?;
            Ok(match (report.errors, report.warnings) {
                (0, 0) => ExitCode::SUCCESS,
                (0, _) => ExitCode::from(WARNINGS),
                _ => ExitCode::from(ERRORS),
            })
        }
        Err(error) => {
            eprintln!("ferrolb doctor: {error:#}");
            Ok(ExitCode::from(FAILED))
        }
    }
}

async fn examine(args: &Args) -> anyhow::Result<Report> {
    let cluster = Cluster::connect(&args.access).await?;
    let mut progress = Progress::default();
    let evidenced = examined(&cluster, args.daemons.options(), &mut progress).await?;
    progress.end();
    Ok(evidenced.report)
}

/// What was found, and what it was found in.
pub(crate) struct Evidenced {
    pub(crate) report: Report,
    pub(crate) evidence: Evidence,
}

/// Looks at a cluster.
///
/// # Errors
/// It cannot be reached.
pub(crate) async fn examined(
    cluster: &Cluster,
    options: Options,
    progress: &mut Progress,
) -> Result<Evidenced, AccessError> {
    let gathered = gather::gather(cluster, &options, progress).await?;
    progress.stage("checking");
    Ok(Evidenced {
        report: gathered.examine(&cluster.namespace),
        evidence: gathered.evidence,
    })
}

#[cfg(test)]
mod fixture;
