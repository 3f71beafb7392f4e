//! All states and all events (RFC 4271 section 8.2.2).

use rstest::rstest;
use strum::VariantArray;

use super::*;
use crate::bgp::session::state::Act;

/// What the RFC has, written down anew: where each event leads in Idle, Connect, Active, OpenSent, OpenConfirm and
/// Established. A point: ignored.
const TABLE: [(Event, [&str; 6]); 15] = [
    (Event::Start, ["Connect", ".", ".", ".", ".", "."]),
    (Event::Stop, ["Idle", "Idle", "Idle", "Idle", "Idle", "Idle"]),
    (Event::Retry, ["Connect", "Connect", "Connect", ".", ".", "."]),
    (Event::HoldExpires, [".", ".", ".", "Idle", "Idle", "Idle"]),
    (
        Event::KeepaliveExpires,
        [".", ".", ".", ".", "OpenConfirm", "Established"],
    ),
    (Event::SendHoldExpires, [".", ".", ".", "Idle", "Idle", "Idle"]),
    (Event::TcpUp, [".", "OpenSent", ".", ".", ".", "."]),
    (Event::TcpFails, [".", "Active", ".", "Active", "Idle", "Idle"]),
    (Event::Open, [".", ".", ".", "OpenConfirm", "Idle", "Idle"]),
    (Event::Error, [".", ".", ".", "Idle", "Idle", "Idle"]),
    (Event::Notification, [".", ".", ".", "Idle", "Idle", "Idle"]),
    (
        Event::Keepalive,
        [".", ".", ".", "Idle", "Established", "Established"],
    ),
    (Event::Update, [".", ".", ".", "Idle", "Idle", "Established"]),
    (Event::Refresh, [".", ".", ".", "Idle", "Idle", "Established"]),
    (Event::BfdDown, [".", ".", ".", "Idle", "Idle", "Idle"]),
];

#[test]
fn each_event_leads_from_each_state_to_the_one_of_the_table() {
    assert_eq!(TABLE.map(|(event, _)| event), Event::VARIANTS);
    for (event, row) in TABLE {
        for (&state, expected) in State::VARIANTS.iter().zip(row) {
            let to = step(state, event).map_or_else(|| ".".to_owned(), |(to, _)| to.to_string());
            assert_eq!(to, expected, "{event:?} in {state}");
        }
    }
}

#[test]
fn whoever_leaves_a_connection_closes_it_and_tells_why_or_knows_that_nobody_listens() {
    for (&state, &event) in State::VARIANTS
        .iter()
        .flat_map(|state| Event::VARIANTS.iter().map(move |event| (state, event)))
    {
        let Some((to, acts)) = step(state, event) else {
            continue;
        };
        let leaves = state >= State::OpenSent && to < State::OpenSent;
        let is_deaf = matches!(event, Event::TcpFails | Event::Notification);
        assert_eq!(
            acts.contains(&Act::Notify),
            leaves && !is_deaf,
            "{event:?} in {state}"
        );
        assert_eq!(
            acts.contains(&Act::Wait),
            (leaves || state == State::Connect && to == State::Active) && event != Event::Stop
        );
    }
}

/// A session in this state.
fn at(state: State) -> Stage {
    let mut stage = Stage::new(spec());
    match state {
        State::Idle => {}
        State::Connect => {
            stage.give(Input::Start);
        }
        State::Active => {
            stage.give(Input::Start).give(Input::TcpFailed("refused"));
        }
        State::OpenSent => {
            stage.connect();
        }
        State::OpenConfirm => {
            stage.connect().say(|out| router_open().emit(out));
        }
        State::Established => {
            stage.establish();
        }
    }
    assert_eq!(stage.state(), state);
    stage.sent();
    stage.took();
    stage
}

/// Makes the event happen as the shell or the peer would.
fn happen(stage: &mut Stage, event: Event) {
    let keepalive = |out: &mut Vec<u8>| wire::keepalive(out);
    match event {
        Event::Start => stage.give(Input::Start),
        Event::Stop => stage.give(Input::Stop(Stop::Restart)),
        Event::Retry => stage.give(Input::Again),
        Event::HoldExpires => {
            stage.now = stage.now + s(300);
            stage.give(Input::Tick)
        }
        Event::KeepaliveExpires => stage.pass(ms(3000)),
        Event::SendHoldExpires => {
            stage.is_stuck = true;
            while stage.session.next(stage.now).is_some()
                && stage.state() >= State::OpenSent
                && stage.now < Moment::ORIGIN + s(3000)
            {
                stage.pass(s(1));
                if stage.state() == State::Established {
                    stage.say(keepalive);
                }
            }
            stage
        }
        Event::TcpUp => stage.give(Input::TcpUp(next_hops())),
        Event::TcpFails => stage.give(Input::TcpFailed("reset")),
        Event::Open => stage.say(|out| router_open().emit(out)),
        Event::Error => stage.give(Input::Bytes(&[0; 19])),
        Event::Notification => stage.say(|out| Notification::new(cease::RESET).emit(out)),
        Event::Keepalive => stage.say(keepalive),
        Event::Update => stage.say(|out| wire::end_of_rib(Family::V4, out)),
        Event::Refresh => stage.say(|out| wire::refresh(Family::V4, out)),
        Event::BfdDown => stage.give(Input::Bfd(Liveness::Expired)),
    };
}

/// The same through the session itself: what the shell and the peer do leads where the table says.
#[rstest]
fn a_session_goes_where_the_table_says(
    #[values(0, 1, 2, 3, 4, 5)] state: usize,
    #[values(0, 1, 2, 6, 7, 8, 9, 10, 11, 12, 13, 14)] event: usize,
) {
    let (state, event) = (State::VARIANTS[state], Event::VARIANTS[event]);
    let mut stage = at(state);
    // In Idle nobody wants the peer, so nothing but a start begins anything.
    if (state, event) == (State::Idle, Event::Retry) {
        happen(&mut stage, event);
        assert_eq!(stage.state(), State::Idle);
        return;
    }
    let to = step(state, event).map_or(state, |(to, _)| to);
    happen(&mut stage, event);
    assert_eq!(stage.state(), to);
}

#[rstest]
#[case(State::OpenSent, fsm::HOLD_EXPIRED)]
#[case(State::OpenConfirm, fsm::HOLD_EXPIRED)]
#[case(State::Established, fsm::HOLD_EXPIRED)]
fn silence_ends_each_state_with_a_connection(#[case] state: State, #[case] reason: (u8, u8)) {
    let mut stage = at(state);
    happen(&mut stage, Event::HoldExpires);
    assert_eq!(stage.told().map(|told| told.reason()), Some(reason));
    assert_eq!(stage.state(), State::Idle);
}

#[rstest]
#[case(State::OpenSent, Event::Keepalive, fsm::IN_OPEN_SENT)]
#[case(State::OpenSent, Event::Update, fsm::IN_OPEN_SENT)]
#[case(State::OpenSent, Event::Refresh, fsm::IN_OPEN_SENT)]
#[case(State::OpenConfirm, Event::Open, fsm::IN_OPEN_CONFIRM)]
#[case(State::OpenConfirm, Event::Update, fsm::IN_OPEN_CONFIRM)]
#[case(State::Established, Event::Open, fsm::IN_ESTABLISHED)]
#[case(State::Established, Event::BfdDown, cease::BFD_DOWN)]
#[case(State::OpenSent, Event::Error, wire::header_error::NOT_SYNCHRONIZED)]
fn the_peer_is_told_what_was_wrong(#[case] state: State, #[case] event: Event, #[case] reason: (u8, u8)) {
    let mut stage = at(state);
    happen(&mut stage, event);
    assert_eq!(stage.told().map(|told| told.reason()), Some(reason));
}

#[test]
fn a_peer_that_takes_nothing_for_eight_minutes_is_left() {
    let mut stage = at(State::Established);
    happen(&mut stage, Event::SendHoldExpires);
    assert_eq!(stage.why(), Down::SendHold(s(480)));
    assert!(stage.state() < State::OpenSent);
}
