//! The state machine of RFC 5880 section 6.8.6, and what else that section asks.

use rstest::rstest;

use super::*;

fn at(state: State) -> Stage {
    let mut stage = Stage::new(Profile::default());
    match state {
        State::AdminDown => {
            stage.give(Input::Admin { up: false });
        }
        State::Down => {}
        State::Init => {
            stage.hear(packet(State::Down));
        }
        State::Up => return Stage::up(Profile::default()),
    }
    assert_eq!(stage.state(), state);
    stage
}

#[rstest]
#[case(State::AdminDown, State::AdminDown, State::AdminDown)]
#[case(State::AdminDown, State::Down, State::AdminDown)]
#[case(State::AdminDown, State::Init, State::AdminDown)]
#[case(State::AdminDown, State::Up, State::AdminDown)]
#[case(State::Down, State::AdminDown, State::Down)]
#[case(State::Down, State::Down, State::Init)]
#[case(State::Down, State::Init, State::Up)]
#[case(State::Down, State::Up, State::Down)]
#[case(State::Init, State::AdminDown, State::Down)]
#[case(State::Init, State::Down, State::Init)]
#[case(State::Init, State::Init, State::Up)]
#[case(State::Init, State::Up, State::Up)]
#[case(State::Up, State::AdminDown, State::Down)]
#[case(State::Up, State::Down, State::Down)]
#[case(State::Up, State::Init, State::Up)]
#[case(State::Up, State::Up, State::Up)]
fn each_packet_leads_from_each_state_to_the_one_of_the_rfc(
    #[case] from: State,
    #[case] heard: State,
    #[case] to: State,
) {
    let mut stage = at(from);
    stage.hear(packet(heard));
    assert_eq!(stage.state(), to);
}

#[rstest]
#[case(State::Down, Cause::Signalled(Diagnostic::None))]
#[case(State::AdminDown, Cause::PeerAdminDown)]
fn a_peer_that_says_it_is_down_is_believed_and_named(#[case] heard: State, #[case] expected: Cause) {
    let mut stage = at(State::Up);
    stage.hear(packet(heard));
    let state = Report::State {
        from: State::Up,
        to: State::Down,
        cause: expected,
        detection: ms(900),
    };
    assert_eq!(stage.reports, [state]);
    assert_eq!(stage.session.status().diagnostic, Diagnostic::NeighborDown);
}

#[test]
fn a_change_of_state_is_said_at_once() {
    let mut stage = at(State::Up);
    stage.hear(packet(State::Down));
    let (at, said) = *stage.sent.last().unwrap();
    assert_eq!(
        (at, said.state, said.diagnostic),
        (stage.now, State::Down, Diagnostic::NeighborDown)
    );
}

#[test]
fn silence_for_the_detection_time_is_down() {
    let mut stage = at(State::Up);
    stage.pass(ms(899));
    assert_eq!(stage.state(), State::Up);
    stage.pass(ms(1));
    assert_eq!(stage.state(), State::Down);
    let status = stage.session.status();
    // 6.8.1: then the peer's number is not known any more.
    assert_eq!(
        (status.diagnostic, status.remote_discriminator),
        (Diagnostic::Expired, None)
    );
    assert_eq!(stage.last_sent().your_discriminator, None);
}

#[test]
fn a_poll_is_answered_at_once_and_not_by_a_poll() {
    let mut stage = at(State::Up);
    stage.hear(Packet {
        poll: true,
        ..packet(State::Up)
    });
    let said = stage.last_sent();
    assert_eq!((said.last, said.poll), (true, false));
}

#[rstest]
#[case::single_hop(Path::SingleHop, 254, false)]
#[case::single_hop(Path::SingleHop, 255, true)]
#[case::multihop(Path::Multihop { minimum_ttl: 250 }, 249, false)]
#[case::multihop(Path::Multihop { minimum_ttl: 250 }, 250, true)]
fn a_packet_from_too_far_away_is_ignored(#[case] path: Path, #[case] ttl: u8, #[case] counts: bool) {
    let mut stage = Stage::new(Profile {
        path,
        ..Profile::default()
    });
    let packet = packet(State::Down);
    stage.give(Input::Packet { packet: &packet, ttl });
    assert_eq!(stage.state() == State::Init, counts);
    assert_eq!(stage.session.status().counters.ignored, u64::from(!counts));
}

#[test]
fn a_packet_for_another_session_is_ignored() {
    let mut stage = at(State::Up);
    let forged = Packet {
        your_discriminator: Some(number(77)),
        ..packet(State::Down)
    };
    stage.hear(forged);
    assert_eq!(stage.state(), State::Up);
    assert_eq!(
        stage.reports,
        [Report::Ignored(Ignored::Discriminator(number(77)))]
    );
}

#[test]
fn an_administrator_switches_it_off_and_on() {
    let mut stage = at(State::Up);
    stage.give(Input::Admin { up: false });
    let said = stage.last_sent();
    assert_eq!(
        (said.state, said.diagnostic),
        (State::AdminDown, Diagnostic::AdministrativelyDown)
    );
    stage.hear(packet(State::Up)).pass(ms(5000));
    assert_eq!(stage.state(), State::AdminDown);
    stage.give(Input::Admin { up: true });
    assert_eq!(stage.state(), State::Down);
}

#[test]
fn a_packet_never_says_more_than_this_end_can() {
    let said = {
        let mut stage = Stage::new(Profile::default());
        stage.pass(ms(1)).last_sent()
    };
    assert!(!said.control_plane_independent && !said.demand && said.required_min_echo_rx.is_zero());
}
