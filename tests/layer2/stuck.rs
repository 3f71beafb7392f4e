//! A speaker that lives and does not work.

use std::time::Instant;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine, Result, hold_thread, wait};

use crate::scene::SOON;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_speaker_whose_thread_of_the_wire_is_stuck_fails_its_liveness_probe_and_names_the_port",
        stuck,
    )]
}

const NODE: u8 = 1;

/// Status and text of `/healthz`, which another thread answers.
fn health(lab: &Lab) -> Result<(u16, String)> {
    let answer = lab.http_get_from(Machine::Node(NODE), "http://127.0.0.1:9120/healthz", SOON)?;
    Ok((answer.status, answer.body))
}

fn until(lab: &Lab, status: u16, word: &str) -> Result<()> {
    wait::until_seen(&format!("/healthz to answer {status}"), SOON, || {
        let seen = health(lab)?;
        let is = seen.0 == status && seen.1.contains(word);
        Ok(is.then_some(()).ok_or(format!("{seen:?}")))
    })
}

fn stuck(lab: &Lab) -> Outcome {
    until(lab, 200, "ok")?;
    let held = hold_thread(lab.speaker_pid(NODE)?, "wire")?;
    let began = Instant::now();
    until(lab, 503, "stuck: port ")?;
    eprintln!("after {:.1?}: {}", began.elapsed(), health(lab)?.1.trim());
    // Before the kubelet loses its patience.
    drop(held);
    until(lab, 200, "ok")?;
    Ok(())
}
