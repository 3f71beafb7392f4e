//! When it dials again.

use super::*;
use crate::bgp::wire::open_error;

/// The waits between the next failures.
fn waits(stage: &mut Stage, count: usize, mut fail: impl FnMut(&mut Stage)) -> Vec<Duration> {
    let mut waits = Vec::new();
    for _ in 0..count {
        fail(stage);
        let failed = stage.now;
        stage.took();
        while !stage.has_dialled() {
            let next = stage.session.next(stage.now).unwrap();
            stage.now = next;
            stage.give(Input::Tick);
        }
        waits.push(stage.now.since(failed));
    }
    waits
}

fn assert_near(waits: &[Duration], expected: &[u64]) {
    for (wait, expected) in waits.iter().zip(expected) {
        let range = ms(expected * 3 / 4)..=ms(expected * 5 / 4);
        assert!(range.contains(wait), "{waits:?}");
    }
    assert_eq!(waits.len(), expected.len());
}

#[test]
fn attempts_come_quickly_at_first_and_each_five_seconds_at_last() {
    let mut stage = Stage::new(spec());
    stage.give(Input::Start);
    let waits = waits(&mut stage, 8, |stage| {
        stage.give(Input::TcpFailed("refused"));
    });
    assert_near(&waits, &[200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    assert!(waits[5..].iter().any(|wait| *wait != waits[5]), "all in step");
}

#[test]
fn what_only_an_administrator_can_mend_is_tried_more_rarely() {
    let mut stage = Stage::new(spec());
    stage.give(Input::Start);
    let mut open = router_open();
    open.capabilities.four_octets = Some(Asn(64999));
    let waits = waits(&mut stage, 10, |stage| {
        stage.meet(&open);
    });
    assert_near(
        &waits,
        &[200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000],
    );
    assert_eq!(
        stage.why(),
        Down::Told(Notification::new(open_error::BAD_PEER_AS))
    );
}

#[test]
fn silence_is_suspicious_if_there_is_a_password() {
    let mut spec = spec();
    spec.endpoint.password = Some(Password("secret".to_owned()));
    assert!(!format!("{spec:?}").contains("secret"));
    let mut stage = Stage::new(spec);
    stage.give(Input::Start).pass(s(600));
    assert_eq!(stage.why(), Down::NoAnswerWithPassword);
}

#[test]
fn silence_is_explained_by_ttl_security_if_there_is_some() {
    let mut spec = spec();
    spec.endpoint.ttl_security = true;
    let mut stage = Stage::new(spec);
    stage.give(Input::Start).pass(s(600));
    assert_eq!(stage.why(), Down::NoAnswerWithTtlSecurity);
}

#[test]
fn whatever_promises_success_leads_to_an_attempt_at_once() {
    let changed = PeerSpec {
        router_id: [192, 0, 2, 12].into(),
        ..spec()
    };
    let promises = || {
        [
            Input::Again,
            Input::Bfd(Liveness::Up),
            Input::Spec(Box::new(changed.clone())),
        ]
    };
    for promise in promises() {
        let mut stage = Stage::new(spec());
        stage.give(Input::Start);
        waits(&mut stage, 8, |stage| {
            stage.give(Input::TcpFailed("refused"));
        });
        stage.give(Input::TcpFailed("refused")).took();
        stage.give(promise);
        assert!(stage.has_dialled());
    }
}

#[test]
fn a_session_that_ends_at_once_each_time_is_tried_more_and_more_rarely() {
    let mut stage = Stage::new(spec());
    stage.give(Input::Start);
    let waits = waits(&mut stage, 5, |stage| {
        stage
            .meet(&router_open())
            .say(|out| Notification::new(cease::RESET).emit(out));
    });
    assert_near(&waits, &[200, 400, 800, 1600, 3200]);
}

#[test]
fn after_a_session_that_lasted_the_first_attempt_comes_soon() {
    let mut stage = Stage::new(spec());
    stage.give(Input::Start);
    waits(&mut stage, 6, |stage| {
        stage.give(Input::TcpFailed("refused"));
    });
    stage.meet(&router_open());
    for _ in 0..5 {
        stage.pass(s(3)).say(wire::keepalive);
    }
    let waits = waits(&mut stage, 1, |stage| {
        stage.give(Input::TcpFailed("reset"));
    });
    assert_near(&waits, &[200]);
}

#[test]
fn a_peer_that_is_not_wanted_is_not_dialled() {
    let mut stage = Stage::new(spec());
    stage
        .give(Input::Again)
        .give(Input::Bfd(Liveness::Up))
        .pass(s(60));
    stage.give(Input::Start).give(Input::TcpFailed("refused"));
    stage.give(Input::Stop(Stop::Restart)).took();
    stage.pass(s(60)).give(Input::Again);
    assert!(!stage.has_dialled());
    assert!(stage.session.is_over());
}
