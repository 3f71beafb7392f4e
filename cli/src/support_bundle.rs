//! `ferrolb support-bundle`: one archive with all that is needed to find a fault from afar, and no secret.
//!
//! ```text
//! cluster ──▶ cleaned objects ──┐
//! doctor, explain, status ──────┼─▶ Bundle ─(--anonymize)─▶ Bundle ─▶ tar.gz
//! pods ──▶ answers, logs ───────┘
//! ```

mod archive;
mod bundle;
mod clean;
mod gather;
mod logs;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::cluster::{self, Access, Cluster};
use crate::daemons::DaemonArgs;
use crate::history;
use crate::progress::Progress;
use gather::{Wanted, gather};

/// Where the archive goes if it is to be printed.
const STDOUT: &str = "-";

/// Write one archive with all that is needed to find a fault from afar, and no secret
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The archive, a tar.gz file; - for standard output; without it ferrolb-support-bundle-TIME.tar.gz
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace names, addresses and MACs, the same by the same everywhere
    #[arg(long)]
    anonymize: bool,

    /// Write what was replaced by what into this file, which is not in the archive
    #[arg(long, value_name = "FILE", requires = "anonymize")]
    mapping: Option<PathBuf>,

    /// Only lines of logs of this time, as 90s, 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = history::duration)]
    since: Option<SignedDuration>,

    #[command(flatten)]
    access: Access,

    #[command(flatten)]
    daemons: DaemonArgs,
}

/// Gathers and writes.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let now = Timestamp::now();
    let to = args.output.clone().unwrap_or_else(|| usual(now));
    let is_stdout = to.as_os_str() == STDOUT;
    ensure!(
        !is_stdout || !io::stdout().is_terminal(),
        "--output -: an archive is not for a terminal"
    );
    let mut progress = Progress::default();
    let wanted = Wanted {
        options: args.daemons.options(),
        since: args.since,
    };
    let gathered = cluster::block_on(async {
        let cluster = Cluster::connect(&args.access).await?;
        Ok(gather(&cluster, &wanted, &mut progress).await?)
    });
    progress.end();
    let (mut bundle, originals) = gathered?;
    if args.anonymize {
        let mut key = [0; 32];
        getrandom::fill(&mut key).context("no random key is to be had")?;
        let (anonymized, mapping) = bundle.anonymized(&originals, &key)?;
        bundle = anonymized;
        if let Some(path) = &args.mapping {
            write(path, (serde_json::to_string_pretty(&mapping)? + "\n").as_bytes())?;
        }
    }
    let contents = bundle.contents(&now.to_string(), args.anonymize);
    let packed = archive::packed(&contents, u64::try_from(now.as_second()).unwrap_or_default())?;
    if is_stdout {
        io::stdout().lock().write_all(&packed)?;
    } else {
        write(&to, &packed)?;
    }
    for missing in bundle.missing() {
        eprintln!("not in it: {}: {}", missing.what, missing.why);
    }
    let named = if is_stdout {
        "the archive".to_owned()
    } else {
        to.display().to_string()
    };
    eprintln!("{named}: {} files, {} bytes", contents.len(), packed.len());
    Ok(ExitCode::SUCCESS)
}

fn usual(now: Timestamp) -> PathBuf {
    format!("{}-{}.tar.gz", archive::FOLDER, now.strftime("%Y%m%dT%H%M%SZ")).into()
}

/// Writes a file that only its owner may read.
fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(content));
    written.with_context(|| format!("cannot write {}", path.display()))
}
