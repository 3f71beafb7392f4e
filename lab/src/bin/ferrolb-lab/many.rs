//! `measure exodus`, `measure rest`, `measure churn` and `measure adversary`.

use std::time::Duration;

use anyhow::Result;
use ferrolb_lab::Implementation;
use ferrolb_lab::measure::{self, Adversary, Churn, Exodus, Place, Rest};

use crate::arguments::{AdversaryArguments, ChurnArguments, ExodusArguments, Many, Output, RestArguments};
use crate::show;

/// Where, by what, and how it is told.
fn taken(name: &str, many: Many) -> (Place, Implementation, Output) {
    let place = match many.lab {
        Some(running) => Place::Running(running),
        None => Place::Own(name.to_owned()),
    };
    let implementation = Implementation {
        controller: None,
        speaker: many.speaker,
        manifests: many.manifests,
    };
    (place, implementation, many.output)
}

pub(crate) fn exodus(name: &str, given: ExodusArguments) -> Result<()> {
    let nodes = given.many.nodes;
    let (place, implementation, output) = taken(name, given.many);
    let what = Exodus {
        runs: given.runs,
        nodes,
        addresses: given.addresses,
        implementation,
        limit: Duration::from_secs(given.limit),
        stall_limit: Duration::from_millis(given.stall_ms),
    };
    let figures = measure::exodus(&place, &what, |run| eprintln!("{run}"))?;
    show(output, &figures, figures.in_words())?;
    Ok(figures.verdict()?)
}

pub(crate) fn rest(name: &str, given: RestArguments) -> Result<()> {
    let nodes = given.many.nodes;
    let (place, implementation, output) = taken(name, given.many);
    let what = Rest {
        lasting: Duration::try_from_secs_f64(given.minutes * 60.0)?,
        nodes,
        addresses: given.addresses,
        implementation,
    };
    let figures = measure::rest(&place, &what)?;
    show(output, &figures, figures.in_words())?;
    Ok(figures.verdict()?)
}

pub(crate) fn churn(name: &str, given: ChurnArguments) -> Result<()> {
    let nodes = given.many.nodes;
    let (place, implementation, output) = taken(name, given.many);
    let what = Churn {
        rate: given.rate,
        lasting: Duration::from_secs(given.seconds),
        nodes,
        services: given.services,
        implementation,
    };
    let figures = measure::churn(&place, &what)?;
    show(output, &figures, figures.in_words())
}

pub(crate) fn adversary(name: &str, given: AdversaryArguments) -> Result<()> {
    let nodes = given.many.nodes;
    let (place, implementation, output) = taken(name, given.many);
    let what = Adversary {
        frames_per_second: given.rate,
        lasting: Duration::from_secs(given.seconds),
        nodes,
        addresses: given.addresses,
        implementation,
    };
    let figures = measure::adversary(&place, &what, |storm| eprintln!("{storm}"))?;
    show(output, &figures, figures.in_words())?;
    Ok(figures.verdict()?)
}
