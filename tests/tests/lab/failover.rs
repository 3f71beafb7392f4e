//! Measuring failover, on bare nodes: speakers that ask Kubernetes who lives, and a stand-in for Kubernetes that says
//! so as soon as a node's port is down.

use crate::workload::HEARING;
use ferrolb_lab::measure::{self, Failover, Kind, Place};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Implementation, Lab, LabConfig, Machine, Result, cleanup};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_failover_is_measured_from_the_last_answer_to_the_first_and_all_is_whole_after_it",
        failover,
    )]
}

fn what(kind: Kind, limit: Duration) -> Failover {
    Failover {
        kind,
        runs: 1,
        nodes: 2,
        plain: true,
        implementation: Implementation::default(),
        variables: vec![],
        without_api: false,
        ipv6: false,
        limit,
        // what is shown here does not depend on how busy the machine is
        stall_limit: Duration::from_secs(60),
    }
}

fn failover(_: &Lab) -> Outcome {
    let name = format!("f{}", std::process::id());
    let lab = Lab::up_bare(&LabConfig {
        name: name.clone(),
        nodes: 2,
        clients: 1,
    })?;
    let place = Place::Running(name.clone());
    let over = AtomicBool::new(false);
    let figures = std::thread::scope(|scope| {
        scope.spawn(|| tell_kubernetes(&lab, &over));
        let figures = measure::failover(&place, &what(Kind::Cut, Duration::from_secs(30)), |_| ());
        over.store(true, Ordering::Relaxed);
        figures
    })?;
    figures.verdict()?;
    let run = &figures.runs[0];
    let told = run.in_words();
    assert!(run.victims.len() == 1 && run.answered_by.is_some(), "{told}");
    assert_ne!(run.answered_by.as_ref(), run.victims.first(), "{told}");
    // nobody can know before he was told, which takes the stand-in at least one unanswered question
    assert!(run.outage_ms > 200.0, "{told}");
    assert!(run.gratuitous_ms.is_some_and(|heard| heard > 200.0), "{told}");
    for node in lab.plan().nodes() {
        assert!(answers(&lab, node)?, "n{node} runs again");
    }
    nobody_tells(&lab, &place)?;
    lab.down()?;
    let remains = cleanup::remains(&name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(())
}

/// The kernel goes on forwarding while nobody takes over from a speaker that is dead.
fn nobody_tells(lab: &Lab, place: &Place) -> Outcome {
    let figures = measure::failover(place, &what(Kind::Kill, Duration::from_secs(2)), |_| ())?;
    assert!(figures.verdict().is_err(), "there is no new holder");
    let run = &figures.runs[0];
    let told = run.in_words();
    assert!(
        run.gratuitous_ms.is_none() && run.answered_by.as_ref() == run.victims.first(),
        "{told}"
    );
    assert!(
        lab.kubectl(&["get", "service", "failover"]).is_err(),
        "it is removed"
    );
    Ok(())
}

fn answers(lab: &Lab, node: u8) -> Result<bool> {
    Ok(!lab.arp_ask(Machine::Node(node).ipv4(), HEARING)?.is_empty())
}

fn tell_kubernetes(lab: &Lab, over: &AtomicBool) {
    let mut known = [true; 2];
    while !over.load(Ordering::Relaxed) {
        for node in lab.plan().nodes() {
            let seen = answers(lab, node).unwrap_or(false);
            let before = &mut known[usize::from(node) - 1];
            if seen != *before && say(lab, node, seen).is_ok() {
                *before = seen;
            }
        }
    }
}

fn say(lab: &Lab, node: u8, ready: bool) -> Result<()> {
    let status = if ready { "True" } else { "False" };
    let patch = format!(r#"{{"status": {{"conditions": [{{"type": "Ready", "status": "{status}"}}]}}}}"#);
    let name = lab.node_name(node);
    lab.kubectl(&["patch", "node", &name, "--subresource=status", "-p", &patch])
        .map(drop)
}
