//! Ends that are wanted, and changes.

use rstest::rstest;

use super::*;
use crate::bgp::wire::Found;

#[test]
fn a_restart_says_nothing_if_the_peer_keeps_the_routes() {
    let mut stage = Stage::new(spec());
    stage.establish().sent();
    stage.took();
    stage.give(Input::Stop(Stop::Restart));
    assert!(stage.took().contains(&Output::Close(Close::default())));
    assert!(stage.wire.is_empty() && stage.session.is_over());
    assert_eq!(stage.why(), Down::Restart);
}

#[test]
fn a_restart_is_a_reset_to_a_peer_that_keeps_nothing() {
    let mut stage = Stage::new(spec());
    let mut open = router_open();
    open.capabilities.graceful_restart = None;
    stage.give(Input::Start).meet(&open).sent();
    stage.give(Input::Stop(Stop::Restart));
    assert_eq!(stage.told(), Some(Notification::new(cease::RESET)));
}

#[test]
fn a_final_stop_withdraws_waits_and_says_why() {
    let mut stage = Stage::new(spec());
    stage
        .establish()
        .give(Input::Wanted(table(&["198.51.100.7/32", "2001:db8::7/128"])));
    stage.pass(ms(10)).sent();
    stage.is_stuck = true;
    stage.give(Input::Stop(Stop::Final("node shutting down".to_owned())));
    // What the shell still says is not announced any more.
    stage.give(Input::Wanted(table(&["198.51.100.8/32"])));
    stage.pass(ms(100));
    assert_eq!(stage.state(), State::Established);
    stage.is_stuck = false;
    stage.give(Input::Tick);
    let sent = stage.sent();
    let told = Notification::with_text(cease::SHUTDOWN, "node shutting down");
    assert_eq!(sent.len(), 3);
    let reading = wire::Reading {
        internal: false,
        four_octets: true,
    };
    for (_, body) in &sent[..2] {
        let received = wire::check(body, reading).unwrap();
        assert_eq!((received.withdrawn, received.found), (1, Found::Good));
    }
    assert_eq!(Notification::parse(&sent[2].1), told);
    assert!(stage.session.is_over());
}

#[test]
fn a_final_stop_does_not_wait_for_a_peer_that_does_not_read() {
    let mut stage = Stage::new(spec());
    stage
        .establish()
        .give(Input::Wanted(table(&["198.51.100.7/32"])))
        .pass(ms(10))
        .sent();
    stage.is_stuck = true;
    stage.give(Input::Stop(Stop::Final(String::new()))).pass(s(3));
    assert!(stage.session.is_over());
    // It gets the CEASE if it begins to read: whole messages only.
    assert_eq!(stage.sent().last().unwrap().0, Kind::Notification);
}

#[rstest]
#[case(State::Connect)]
#[case(State::OpenSent)]
fn a_final_stop_of_no_session_ends_at_once(#[case] state: State) {
    let mut stage = Stage::new(spec());
    stage.give(Input::Start);
    if state == State::OpenSent {
        stage.give(Input::TcpUp(next_hops()));
    }
    stage.give(Input::Stop(Stop::Final("bye".to_owned())));
    assert!(stage.session.is_over());
    assert_eq!(stage.told().is_some(), state == State::OpenSent);
}

#[test]
fn a_peer_that_is_wanted_again_is_dialled_again() {
    let mut stage = Stage::new(spec());
    stage
        .establish()
        .give(Input::Stop(Stop::Final(String::new())))
        .pass(s(5))
        .took();
    stage.give(Input::Start);
    assert!(stage.has_dialled());
}

#[test]
fn a_change_of_what_the_open_says_resets_the_session_and_dials_at_once() {
    let mut stage = Stage::new(spec());
    stage.establish().sent();
    stage.took();
    let changed = PeerSpec {
        router_id: [192, 0, 2, 12].into(),
        ..spec()
    };
    stage.give(Input::Spec(Box::new(changed)));
    let outputs = stage.took();
    assert!(outputs.contains(&Output::Report(Report::Reset(vec![ResetCause::RouterId]))));
    let mut acts = outputs
        .iter()
        .filter(|output| matches!(output, Output::Close(_) | Output::Dial));
    assert!(acts.next_back() == Some(&Output::Dial), "{outputs:?}");
    assert_eq!(stage.told(), Some(Notification::new(cease::CONFIGURATION)));
}

#[test]
fn a_new_hold_time_waits_for_the_next_open() {
    let mut stage = Stage::new(spec());
    stage.establish().took();
    let changed = PeerSpec {
        hold: Hold::new(30).unwrap(),
        ..spec()
    };
    stage.give(Input::Spec(Box::new(changed)));
    assert_eq!(stage.took(), [Output::Report(Report::PendingReset)]);
    assert!(stage.session.status().pending_reset);
    stage.give(Input::TcpFailed("reset")).pass(ms(300));
    assert!(!stage.session.status().pending_reset);
}

#[test]
fn a_thousand_changes_of_routes_and_hundred_of_the_rest_leave_the_connection_alone() {
    let mut stage = Stage::new(spec());
    stage.establish().took();
    for number in 0..1000_u32 {
        let text = format!("198.51.{}.{}/32", number % 7, number % 11);
        stage.give(Input::Wanted(table(&[&text])));
        if number % 10 == 0 {
            let host_name = Some(format!("n{number}"));
            stage.give(Input::Spec(Box::new(PeerSpec { host_name, ..spec() })));
        }
        stage.pass(ms(100)).say(wire::keepalive);
    }
    let closes = |output: &Output| matches!(output, Output::Close(_) | Output::Dial);
    assert!(!stage.took().iter().any(closes));
    assert_eq!(stage.state(), State::Established);
}
