//! `measure bgp`.

use anyhow::Result;
use clap::Args;
use ferrolb_lab::fabric::Tors;
use ferrolb_lab::measure::{self, Event, Place, Routing};

use crate::arguments::Output;

/// What `measure bgp` is told.
#[derive(Debug, Args)]
pub(crate) struct BgpArguments {
    /// What happens.
    #[arg(long, value_enum)]
    kind: Event,
    /// The routers that the client's packets take.
    #[arg(long, value_enum, default_value = "both")]
    peer: Tors,
    /// How often it happens.
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Measure in a lab of three clients that runs, with what is installed there.
    #[arg(long, value_name = "NAME")]
    lab: Option<String>,
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

pub(crate) fn measured(name: &str, given: &BgpArguments) -> Result<()> {
    let place = match &given.lab {
        Some(running) => Place::Running(running.clone()),
        None => Place::Own(name.to_owned()),
    };
    let what = Routing {
        event: given.kind,
        runs: given.runs,
        tors: given.peer,
    };
    // standard output is for the figures
    let figures = measure::routing(&place, &what, |run| eprintln!("{run}"))?;
    crate::show(given.output, &figures, figures.in_words())
}
