//! What BFD does to BGP.

use super::*;

const SIGNALLED: Liveness = Liveness::Signalled { detection: ms(900) };

/// The session begins, and so long after that BFD says this.
fn after(time: Duration, liveness: Liveness) -> Stage {
    let mut stage = Stage::new(spec());
    stage.establish();
    for _ in 0..time.as_secs() {
        stage.pass(s(1)).say(wire::keepalive);
    }
    stage.sent();
    stage.give(Input::Bfd(liveness));
    stage
}

#[test]
fn a_peer_that_is_not_heard_is_left_at_once_and_dialled_soon() {
    let mut stage = after(s(20), Liveness::Expired);
    assert_eq!(stage.told(), Some(Notification::new(cease::BFD_DOWN)));
    stage.took();
    stage.pass(ms(250));
    assert!(stage.has_dialled());
}

#[test]
fn a_down_that_the_peer_signals_counts_only_if_it_lasts() {
    let mut stage = after(s(20), SIGNALLED);
    stage.pass(ms(1899));
    assert_eq!(stage.state(), State::Established);
    stage.pass(ms(1));
    assert_eq!(stage.told(), Some(Notification::new(cease::BFD_DOWN)));
}

#[test]
fn a_peer_that_is_up_again_keeps_its_session() {
    let mut stage = after(s(20), SIGNALLED);
    stage.pass(ms(1500)).give(Input::Bfd(Liveness::Up));
    for _ in 0..10 {
        stage.pass(s(3)).say(wire::keepalive);
    }
    assert_eq!(stage.state(), State::Established);
}

/// As FRR does when BGP comes up (frr#17337).
#[test]
fn right_after_the_beginning_it_may_last_for_five_seconds() {
    let mut stage = after(s(0), SIGNALLED);
    stage.pass(ms(3000)).say(wire::keepalive).pass(ms(1999));
    assert_eq!(stage.state(), State::Established);
    stage.pass(ms(1));
    assert_eq!(stage.state(), State::Idle);
}

#[test]
fn an_administrator_who_switches_bfd_off_leaves_bgp_alone() {
    let mut stage = after(s(20), SIGNALLED);
    stage.give(Input::Bfd(Liveness::Unknown)).pass(ms(3000));
    assert_eq!(stage.state(), State::Established);
}

#[test]
fn a_down_of_the_session_before_does_not_end_the_next_one() {
    let mut stage = after(s(20), SIGNALLED);
    stage
        .give(Input::TcpFailed("reset"))
        .pass(ms(300))
        .meet(&router_open());
    stage.pass(ms(3000)).say(wire::keepalive).pass(ms(3000));
    assert_eq!(stage.state(), State::Established);
}
