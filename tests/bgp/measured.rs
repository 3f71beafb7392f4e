//! `ferrolb-lab measure bgp`, on a few runs and with looser bounds than it is read with.

use ferrolb_lab::Lab;
use ferrolb_lab::fabric::Tors;
use ferrolb_lab::measure::{self, Event, Place, Routing};
use ferrolb_lab::suite::{Outcome, Trial, trial};

use crate::trials::BUSY;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_drained_node_costs_no_request_and_a_dead_port_is_found_by_bfd",
        events,
    )]
}

/// Twice the detection time of 300 ms and three packets.
const DEAD_MS: f64 = 2.0 * 900.0;

fn events(lab: &Lab) -> Outcome {
    let place = Place::Running(lab.plan().name().to_owned());
    let measured = |event| {
        let what = Routing {
            event,
            runs: 2,
            tors: Tors::Both,
        };
        let figures = measure::routing(&place, &what, |run| eprintln!("{run}"))?;
        eprintln!("{}", figures.in_words());
        Ok::<_, ferrolb_lab::Error>(figures)
    };
    for run in measured(Event::Drain)?.runs {
        assert!(run.lost <= BUSY, "{}", run.in_words());
    }
    for run in measured(Event::Port)?.runs {
        assert!(run.routes_ms < DEAD_MS, "{}", run.in_words());
    }
    Ok(())
}
