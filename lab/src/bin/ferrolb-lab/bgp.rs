//! `measure bgp`.

use anyhow::Result;
use clap::{Args, ValueEnum};
use ferrolb_lab::fabric::Tors;
use ferrolb_lab::measure::{self, Event, Place, Routing};

use crate::arguments::Output;

/// What `measure bgp` is told.
#[derive(Debug, Args)]
pub(crate) struct BgpArguments {
    /// What happens.
    #[arg(long, value_enum)]
    kind: Kind,
    /// The routers that the client's packets take.
    #[arg(long, value_enum, default_value = "both")]
    peer: Peer,
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

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Peer {
    Both,
    Frr,
    Bird,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A speaker stands still (SIGSTOP).
    Silent,
    /// A node's switch port goes down.
    Port,
    /// A speaker is killed, and started again.
    Kill,
    /// A node is drained.
    Drain,
    /// A node is cordoned.
    Cordon,
    /// The pod of a speaker is deleted.
    Restart,
    /// All speakers are replaced.
    Rollout,
    /// One Service more.
    Change,
}

pub(crate) fn measured(name: &str, given: &BgpArguments) -> Result<()> {
    let place = match &given.lab {
        Some(running) => Place::Running(running.clone()),
        None => Place::Own(name.to_owned()),
    };
    let what = Routing {
        event: match given.kind {
            Kind::Silent => Event::Silent,
            Kind::Port => Event::Port,
            Kind::Kill => Event::Kill,
            Kind::Drain => Event::Drain,
            Kind::Cordon => Event::Cordon,
            Kind::Restart => Event::Restart,
            Kind::Rollout => Event::Rollout,
            Kind::Change => Event::Change,
        },
        runs: given.runs,
        tors: match given.peer {
            Peer::Both => Tors::Both,
            Peer::Frr => Tors::Frr,
            Peer::Bird => Tors::Bird,
        },
    };
    // standard output is for the figures
    let figures = measure::routing(&place, &what, |run| eprintln!("{run}"))?;
    crate::show(given.output, &figures, figures.in_words())
}
