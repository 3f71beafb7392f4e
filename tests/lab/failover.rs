//! Failover on bare nodes, with this tree's controller and speakers: a run of each kind, with bounds that a busy machine
//! keeps. `ferrolb-lab measure failover` does many.

use std::time::Duration;

use ferrolb_lab::measure::{self, Failover, Kind, Place};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Implementation, Lab, LabConfig, cleanup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "whatever_happens_to_a_holder_another_serves_soon_also_without_the_api_server",
        failover,
    )]
}

/// Twice what is promised (design §1), in milliseconds: p99 of a dead node, and of a node that dies with its successor.
const DEAD: f64 = 2.0 * 500.0;
const TWIN: f64 = 2.0 * 700.0;
/// Nothing is lost while the kernel forwards, but a busy machine answers late.
const FORWARDED: f64 = 200.0;

fn what(kind: Kind, without_api: bool) -> Failover {
    let variable = ("FERROLB_HOLD_DOWN_SECONDS", "0");
    Failover {
        kind,
        runs: 1,
        nodes: 3,
        plain: true,
        implementation: Implementation::default(),
        variables: vec![(variable.0.to_owned(), variable.1.to_owned())],
        without_api,
        ipv6: false,
        limit: Duration::from_secs(30),
        stall_limit: Duration::from_secs(60),
    }
}

fn failover(_: &Lab) -> Outcome {
    let name = format!("f{}", std::process::id());
    let lab = Lab::up_bare(&LabConfig {
        name: name.clone(),
        nodes: 3,
        clients: 1,
    })?;
    let place = Place::Running(name.clone());
    let kinds = [
        (Kind::Cut, false, DEAD),
        (Kind::Cut, true, DEAD),
        (Kind::Carrier, false, DEAD),
        (Kind::Kill, false, FORWARDED),
        (Kind::Hang, false, FORWARDED),
        (Kind::Twin, false, TWIN),
    ];
    for (kind, without_api, longest_ms) in kinds {
        let figures = measure::failover(&place, &what(kind, without_api), |_| ())?;
        figures.verdict()?;
        let run = &figures.runs[0];
        let told = format!("{kind:?}, without API {without_api}: {}", run.in_words());
        eprintln!("{told}");
        // A machine that stood still delays the client too.
        assert!(run.outage_ms < longest_ms + run.stall_ms, "{told}");
        let heard = run.gratuitous_ms.ok_or("nobody told the client")?;
        assert!(heard < longest_ms.max(DEAD) + run.stall_ms, "{told}");
        assert!(run.answered_by.is_some(), "{told}");
        assert_ne!(run.answered_by.as_ref(), run.victims.first(), "{told}");
    }
    assert!(
        lab.kubectl(&["get", "service", "failover"]).is_err(),
        "what was measured with is removed"
    );
    lab.down()?;
    let remains = cleanup::remains(&name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(())
}
