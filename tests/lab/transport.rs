//! A switch that drops Ethernet frames of types it does not know, with this tree's controller and speakers: datagrams
//! between the nodes do what those frames did.

use std::time::Duration;

use ferrolb_lab::measure::{self, Failover, Kind, Place};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Implementation, Lab, LabConfig, cleanup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "where_the_switch_drops_beacons_an_address_has_one_holder_and_soon_another",
        dropped,
    )]
}

/// Local Experimental 1: the speakers' frames.
const BEACONS: u16 = 0x88b5;
/// Twice what is promised (design §1), in milliseconds.
const LONGEST: f64 = 2.0 * 500.0;

fn what(transport: &str) -> Failover {
    let variables = [
        ("FERROLB_HOLD_DOWN_SECONDS", "0"),
        ("FERROLB_SEGMENT_TRANSPORT", transport),
    ];
    Failover {
        kind: Kind::Cut,
        runs: 1,
        nodes: 3,
        plain: true,
        implementation: Implementation::default(),
        variables: variables.map(|(name, value)| (name.into(), value.into())).into(),
        without_api: false,
        ipv6: false,
        limit: Duration::from_secs(30),
        stall_limit: Duration::from_secs(60),
    }
}

fn dropped(_: &Lab) -> Outcome {
    let name = format!("w{}", std::process::id());
    let lab = Lab::up_bare(&LabConfig {
        name: name.clone(),
        nodes: 3,
        clients: 1,
    })?;
    let fault = lab.drop_ether_type(BEACONS)?;
    for transport in ["auto", "udp"] {
        // Nothing is measured before one node has answered alone for a while.
        let figures = measure::failover(&Place::Running(name.clone()), &what(transport), |_| ())?;
        figures.verdict()?;
        let run = &figures.runs[0];
        let told = format!("{transport}: {}", run.in_words());
        eprintln!("{told}");
        // A machine that stood still delays the client too.
        assert!(run.outage_ms < LONGEST + run.stall_ms, "{told}");
        let heard = run.gratuitous_ms.ok_or("nobody told the client")?;
        assert!(heard < LONGEST + run.stall_ms, "{told}");
        assert_ne!(run.answered_by.as_ref(), run.victims.first(), "{told}");
        if transport == "auto" {
            assert_each_added_datagrams(&lab)?;
        }
    }
    fault.heal()?;
    lab.down()?;
    let remains = cleanup::remains(&name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(())
}

/// Which none would have done that heard the frames of the others.
fn assert_each_added_datagrams(lab: &Lab) -> Outcome {
    for node in lab.plan().nodes() {
        let log = lab.state().log(&format!("speaker-n{node}"));
        let said = std::fs::read_to_string(log)?;
        assert!(said.contains("speaks UDP too"), "{said}");
    }
    Ok(())
}
