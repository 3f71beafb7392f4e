//! Builds what the demo or the tour needs, then goes on as the lab.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use ferrolb_programs::error::{Doing, Result};
use ferrolb_programs::progress::{OF_THE_DEMO, Progress};
use ferrolb_programs::{Wanted, build_all, command, source, stages};

/// The packages of this machine, and the programs of this tree.
const OURS: usize = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Err(failed) = run(&arguments);
    eprintln!("\n{failed}");
    ExitCode::FAILURE
}

fn run(arguments: &[String]) -> Result<std::convert::Infallible> {
    let (wanted, more) = match arguments
        .iter()
        .map(String::as_str)
        .find(|word| !word.starts_with('-'))
    {
        Some("demo") => (Wanted::Cluster, OF_THE_DEMO),
        _ => (Wanted::Everything, 0),
    };
    let progress = Progress::of(OURS + stages(wanted) + more);
    packages(wanted, &progress)?;
    let folder = build_all(wanted, &["ferrolb", "ferrolb-echo", "ferrolb-lab"], &progress)?;
    let (variable, value) = progress.hand_on();
    let failed = Command::new(folder.join("ferrolb-lab"))
        .args(arguments)
        .env(variable, value)
        .exec();
    Err(failed).doing(|| "start ferrolb-lab".into())
}

/// Installs what this machine lacks; what is said matters only if that fails.
fn packages(wanted: Wanted, progress: &Progress) -> Result<()> {
    const LONG: Duration = Duration::from_secs(1800);
    let _running = progress.begin("packages of this machine");
    let mut script = Command::new(source::root().join("scripts/deps"));
    if wanted == Wanted::Cluster {
        script.arg("cluster");
    }
    command::text(&mut script, LONG).map(drop)
}
