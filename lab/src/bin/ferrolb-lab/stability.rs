//! `measure stability`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use ferrolb_lab::Implementation;
use ferrolb_lab::measure::{self, Place, Role, Stability, Upset};

use crate::arguments::{Output, variable};

/// What `measure stability` is told.
#[derive(Debug, Args)]
pub(crate) struct StabilityArguments {
    /// What happens.
    #[arg(long, value_enum)]
    kind: Kind,
    /// How many runs count; 20, or one of loss.
    #[arg(long)]
    runs: Option<usize>,
    /// The node whose speaker is stunned.
    #[arg(long, value_enum, default_value = "holder")]
    role: Stunned,
    /// For how long a speaker is stunned.
    #[arg(long, default_value_t = 800)]
    milliseconds: u64,
    /// How many frames of a hundred are lost.
    #[arg(long, default_value_t = 5.0)]
    percent: f64,
    /// For how long frames are lost.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Number of nodes of the lab made for it; at least 4.
    #[arg(long, default_value_t = 4)]
    nodes: u8,
    /// Measure in a lab that runs.
    #[arg(long, value_name = "NAME")]
    lab: Option<String>,
    /// Another implementation's controller, as one command of the shell.
    #[arg(long, value_name = "COMMAND")]
    controller: Option<String>,
    /// Another implementation's speaker, as one command of the shell.
    #[arg(long, value_name = "COMMAND")]
    speaker: Option<String>,
    /// A file or folder to apply first, instead of this tree's namespace and resource definitions.
    #[arg(long)]
    manifests: Option<PathBuf>,
    /// A further variable of the speakers; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// A run in which this machine stood still for longer is thrown away and repeated; not one of loss.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 30)]
    stall_ms: u64,
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The nodes are cut into two halves until each holds everything, and meet again.
    Partition,
    /// The node that holds most is cut from all others for four seconds, under the policy `single-owner`.
    Minority,
    /// Two nodes do not hear each other for five seconds; all others hear both.
    Unhear,
    /// The port of the node that holds most is down for 700 ms.
    Flap,
    /// A speaker stands still (SIGSTOP).
    Stun,
    /// A part of the frames of all nodes is lost.
    Loss,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Stunned {
    /// That of the node which holds most.
    Holder,
    /// That of the node which holds fewest.
    Bystander,
}

pub(crate) fn measured(name: &str, given: StabilityArguments) -> Result<()> {
    let place = match &given.lab {
        Some(running) => Place::Running(running.clone()),
        None => Place::Own(name.to_owned()),
    };
    let output = given.output;
    // standard output is for the figures
    let figures = measure::stability(&place, &what(given), |run| eprintln!("{run}"))?;
    for figures in figures {
        match output {
            Output::Text => println!("{}", figures.in_words()),
            Output::Json => println!("{}", serde_json::to_string_pretty(&figures)?),
        }
        figures.verdict()?;
    }
    Ok(())
}

fn what(given: StabilityArguments) -> Stability {
    let usual = if given.kind == Kind::Loss { 1 } else { 20 };
    Stability {
        upsets: vec![upset(&given)],
        runs: given.runs.unwrap_or(usual),
        nodes: given.nodes,
        implementation: Implementation {
            controller: given.controller,
            speaker: given.speaker,
            manifests: given.manifests,
        },
        variables: policy(given.kind).into_iter().chain(given.env).collect(),
        stall_limit: Duration::from_millis(given.stall_ms),
    }
}

/// What is promised of a minority is promised under this policy alone.
fn policy(kind: Kind) -> Option<(String, String)> {
    let named = |value: &str| ("FERROLB_PARTITION_POLICY".to_owned(), value.to_owned());
    (kind == Kind::Minority).then(|| named("single-owner"))
}

fn upset(given: &StabilityArguments) -> Upset {
    match given.kind {
        Kind::Partition => Upset::Partition,
        Kind::Minority => Upset::Minority,
        Kind::Unhear => Upset::Unhear,
        Kind::Flap => Upset::Flap,
        Kind::Stun => Upset::Stun {
            role: match given.role {
                Stunned::Holder => Role::Holder,
                Stunned::Bystander => Role::Bystander,
            },
            milliseconds: given.milliseconds,
        },
        Kind::Loss => Upset::Loss {
            percent: given.percent,
            seconds: given.seconds,
        },
    }
}
