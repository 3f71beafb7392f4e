#!/bin/bash
# rustbgpd-fsm 0.14.0 (Rust, a BGP state machine): the configuration that its constructor gives can open no session.
#
# PeerConfig::new is documented as the configuration of an IPv4-unicast peer over an external session, and the field
# `families` as the address families to advertise. BGP without a capability for several protocols is IPv4 unicast (RFC
# 4760, section 8), so a good guess is that a configuration made by the constructor and left as it is opens a session
# with the plainest of peers. It does not: `families` is empty, an empty list stands for "none" and not for the implied
# IPv4 unicast, and
#
#   1. an OPEN of a peer that names IPv4 unicast is refused,
#   2. and so is one of a peer that names no family at all,
#
# both with NOTIFICATION "unsupported capability" (2/7), whose data should name the capability that is missing (RFC 5492,
# section 5) and is empty. The peer's log blames the peer; nothing on this side says that the list is empty.
#
# What helps: set `families` to IPv4 unicast after the call. The same two OPENs are then accepted.
#
# Needs cargo and a registry of crates. Prints what was seen; fails if it is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "new-config"
version = "0.0.0"
edition = "2024"

[dependencies]
rustbgpd-fsm = "=0.14.0"
rustbgpd-wire = "=0.27.0"
TOML
cat > "$folder/src/main.rs" <<'RUST'
use rustbgpd_fsm::{Action, Event, PeerConfig, Session, SessionState};
use rustbgpd_wire::{Afi, Capability, OpenMessage, Safi};

const LOCAL: u32 = 64512;
const PEER: u16 = 64500;

fn open(names_ipv4: bool) -> OpenMessage {
    let ipv4 = Capability::MultiProtocol { afi: Afi::Ipv4, safi: Safi::Unicast };
    let mut capabilities = vec![Capability::FourOctetAs { asn: PEER.into() }];
    capabilities.extend(names_ipv4.then_some(ipv4));
    OpenMessage { version: 4, my_as: PEER, hold_time: 90, bgp_identifier: [192, 0, 2, 1].into(), capabilities }
}

/// The state after the peer's OPEN, and code, subcode and length of the data of what it is refused with.
fn after_open(config: &PeerConfig, names_ipv4: bool) -> (SessionState, Option<(u8, u8, usize)>) {
    let mut session = Session::new(config.clone());
    session.handle_event(Event::ManualStart);
    session.handle_event(Event::TcpConnectionConfirmed);
    assert_eq!(session.state(), SessionState::OpenSent);
    let actions = session.handle_event(Event::OpenReceived(open(names_ipv4)));
    let refused = actions.iter().find_map(|action| match action {
        Action::SendNotification(sent) => Some((sent.code.as_u8(), sent.subcode, sent.data.len())),
        _ => None,
    });
    (session.state(), refused)
}

fn main() {
    let new = PeerConfig::new(LOCAL, PEER.into(), [192, 0, 2, 11].into());
    let mut set = new.clone();
    set.families = vec![(Afi::Ipv4, Safi::Unicast)];
    for (called, names_ipv4) in [("names IPv4 unicast", true), ("names no family", false)] {
        let (state, refused) = after_open(&new, names_ipv4);
        println!("as constructed, peer {called}: {state:?}, NOTIFICATION (code, subcode, bytes of data): {refused:?}");
        assert_eq!((state, refused), (SessionState::Idle, Some((2, 7, 0))));
        let (state, refused) = after_open(&set, names_ipv4);
        println!("with families set, peer {called}: {state:?}, NOTIFICATION: {refused:?}");
        assert_eq!((state, refused), (SessionState::OpenConfirm, None));
    }
}
RUST
cd "$folder"
cargo run --quiet
