//! The state machine against another one, `rustbgpd-fsm`, step by step.
//!
//! What differs on purpose: BFD says nothing of an attempt to connect, and here it goes on (there it ends); there an event
//! for which a state has no use ends an attempt, here it is ignored.

use std::net::Ipv4Addr;

use bytes::Bytes;
use proptest::prelude::*;
use rustbgpd_fsm as other;
use rustbgpd_wire::{Capability, DecodeError, NotificationMessage, OpenMessage};
use strum::VariantArray;

use super::*;
use crate::bgp::session::state::Act;

fn config() -> other::PeerConfig {
    let mut config = other::PeerConfig::new(64512, 64500, Ipv4Addr::new(192, 0, 2, 11));
    config.families = vec![(rustbgpd_wire::Afi::Ipv4, rustbgpd_wire::Safi::Unicast)];
    config
}

fn theirs(event: Event) -> Option<other::Event> {
    let open = OpenMessage {
        version: 4,
        my_as: 64500,
        hold_time: 90,
        bgp_identifier: [192, 0, 2, 1].into(),
        capabilities: vec![Capability::FourOctetAs { asn: 64500 }],
    };
    let notification = |(code, subcode): (u8, u8)| {
        let code = rustbgpd_wire::NotificationCode::from_u8(code);
        NotificationMessage::new(code, subcode, Bytes::new())
    };
    Some(match event {
        Event::Start => other::Event::ManualStart,
        Event::Stop => other::Event::ManualStop { reason: None },
        Event::Retry => other::Event::ConnectRetryTimerExpires,
        Event::HoldExpires => other::Event::HoldTimerExpires,
        Event::KeepaliveExpires => other::Event::KeepaliveTimerExpires,
        Event::TcpUp => other::Event::TcpConnectionConfirmed,
        Event::TcpFails => other::Event::TcpConnectionFails,
        Event::Open => other::Event::OpenReceived(open),
        Event::Error => other::Event::DecodeError(DecodeError::InvalidMarker),
        Event::Notification => other::Event::NotificationReceived(notification(cease::RESET)),
        Event::Keepalive => other::Event::KeepaliveReceived,
        Event::Update => other::Event::UpdateReceived,
        Event::Refresh => other::Event::RouteRefreshReceived {
            afi: rustbgpd_wire::Afi::Ipv4,
            safi: rustbgpd_wire::Safi::Unicast,
        },
        Event::BfdDown => other::Event::BfdDown,
        // That is the transport's matter there.
        Event::SendHoldExpires => return None,
    })
}

fn state(of: other::SessionState) -> State {
    match of {
        other::SessionState::Idle => State::Idle,
        other::SessionState::Connect => State::Connect,
        other::SessionState::Active => State::Active,
        other::SessionState::OpenSent => State::OpenSent,
        other::SessionState::OpenConfirm => State::OpenConfirm,
        other::SessionState::Established => State::Established,
    }
}

/// Whether the two are meant to agree.
fn is_compared(state: State, event: Event) -> bool {
    let waits = matches!(state, State::Idle | State::Active);
    match event {
        // There the timer is started anew by a start; here an error waits in Idle.
        Event::Retry => state != State::Idle,
        Event::Start => state == State::Idle,
        Event::TcpUp | Event::TcpFails => {
            state == State::Connect || state >= State::OpenSent && event == Event::TcpFails
        }
        Event::BfdDown
        | Event::Open
        | Event::Error
        | Event::Notification
        | Event::Keepalive
        | Event::Update
        | Event::Refresh => state >= State::OpenSent,
        _ => !waits || event == Event::Stop,
    }
}

/// What each does: dial, send OPEN, send KEEPALIVE, send NOTIFICATION, close.
fn deeds(actions: &[other::Action]) -> [bool; 5] {
    let any = |is: fn(&other::Action) -> bool| actions.iter().any(is);
    [
        any(|action| matches!(action, other::Action::InitiateTcpConnection)),
        any(|action| matches!(action, other::Action::SendOpen(_))),
        any(|action| matches!(action, other::Action::SendKeepalive)),
        any(|action| matches!(action, other::Action::SendNotification(_))),
        any(|action| matches!(action, other::Action::CloseTcpConnection)),
    ]
}

fn own_deeds(state: State, event: Event) -> [bool; 5] {
    let acts = step(state, event).map_or(&[][..], |(_, acts)| acts);
    let has = |act| acts.contains(&act);
    let closes = has(Act::Notify) || has(Act::Drop) || state == State::Connect && has(Act::Dial);
    [
        has(Act::Dial),
        has(Act::SendOpen),
        has(Act::SendKeepalive),
        has(Act::Notify),
        closes,
    ]
}

proptest! {
    #[test]
    fn the_same_events_lead_both_through_the_same_states(events in prop::collection::vec(0..Event::VARIANTS.len(), 1..200)) {
        let mut peer = other::Session::new(config());
        let mut own = State::Idle;
        for event in events {
            let event = Event::VARIANTS[event];
            let Some(theirs) = theirs(event).filter(|_| is_compared(own, event)) else { continue };
            let mut done = deeds(&peer.handle_event(theirs));
            let before = own;
            let mine = own_deeds(own, event);
            own = step(own, event).map_or(own, |(to, _)| to);
            prop_assert_eq!(state(peer.state()), own, "{:?} in {}", event, before);
            // A failed attempt is closed here, and a stop in Idle or Active closes there.
            if matches!((before, event), (State::Connect, Event::TcpFails) | (State::Active, Event::Stop)) {
                done[4] = mine[4];
            }
            prop_assert_eq!(done, mine, "{:?} in {}", event, before);
        }
    }
}

#[test]
fn what_is_compared_is_most_of_the_table_with_a_connection() {
    let all = State::VARIANTS
        .iter()
        .flat_map(|state| Event::VARIANTS.iter().map(move |event| (*state, *event)));
    assert!(all.filter(|(state, event)| is_compared(*state, *event)).count() > 40);
}
