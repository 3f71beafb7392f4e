//! Keepalives and silence.

use super::*;

fn keepalives(stage: &mut Stage) -> usize {
    stage
        .kinds()
        .into_iter()
        .filter(|kind| *kind == Kind::Keepalive)
        .count()
}

#[test]
fn a_keepalive_goes_out_at_least_each_third_of_the_hold_time() {
    let mut stage = Stage::new(spec());
    stage.establish().sent();
    for _ in 0..20 {
        stage.pass(ms(3000)).say(wire::keepalive);
        assert!((1..=2).contains(&keepalives(&mut stage)));
    }
    assert_eq!(stage.state(), State::Established);
}

#[test]
fn a_peer_that_is_silent_for_the_hold_time_is_told_and_left() {
    let mut stage = Stage::new(spec());
    stage.establish().pass(ms(8999));
    assert_eq!(stage.state(), State::Established);
    stage.pass(ms(1));
    assert_eq!(stage.told(), Some(Notification::new(fsm::HOLD_EXPIRED)));
}

/// The contract: what waits in the socket is handed in before a tick. Then nobody is blamed for our being late.
#[test]
fn a_late_thread_that_reads_first_does_not_blame_the_peer() {
    let mut stage = Stage::new(spec());
    stage.establish();
    stage.now = stage.now + s(60);
    stage.say(wire::keepalive).give(Input::Tick);
    assert_eq!(stage.state(), State::Established);
}

#[test]
fn without_a_hold_time_nothing_has_to_be_said() {
    let mut stage = Stage::new(PeerSpec {
        hold: Hold::new(0).unwrap(),
        ..spec()
    });
    stage
        .establish()
        .give(Input::Wanted(table(&[])))
        .pass(s(20))
        .sent();
    stage.pass(s(86_400));
    assert_eq!((stage.state(), stage.wire.len()), (State::Established, 0));
    assert_eq!(stage.session.next(stage.now), None);
}

/// With a long hold time that is less than eight minutes: what counts is that it takes something now and then.
#[test]
fn a_peer_that_reads_slowly_is_not_left() {
    let mut stage = Stage::new(spec());
    stage.establish().is_stuck = true;
    let all: Vec<String> = (0..60_000)
        .map(|number| format!("198.18.{}.{}/32", number / 256, number % 256))
        .collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    stage.give(Input::Wanted(table(&all))).pass(ms(10));
    for _ in 0..400 {
        stage.pass(s(4)).say(wire::keepalive).give(Input::Sent(100));
    }
    assert_eq!(stage.state(), State::Established);
}

#[test]
fn an_attempt_that_nobody_answers_is_given_up() {
    let mut stage = Stage::new(spec());
    stage.give(Input::Start).took();
    stage.pass(ms(5000));
    assert_eq!(stage.why(), Down::NoAnswer);
    assert!(stage.took().contains(&Output::Close(Close::default())));
    assert_eq!(stage.state(), State::Active);
}
