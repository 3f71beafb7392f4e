//! Broken peers on real sockets: each costs its own session, and never that of another peer.

use std::thread;
use std::time::Duration;

use ferrolb_peering::Family;
use ferrolb_peering::bgp::Asn;
use ferrolb_peering::bgp::wire::{self, Kind};
use ferrolb_routers::until;
use socket2::SockRef;

use crate::announcer::{Announcer, table};
use crate::scripted::{Door, HOLD, Line, Steady, framed, name, open, peer, said};
use crate::site::Site;
use crate::trials::{one, plain};

pub(crate) const ALL: &[(&str, fn())] = &[
    (
        "a_broken_message_ends_its_own_session_and_the_speaker_dials_again",
        messages,
    ),
    ("wrong_attributes_end_no_session", attributes),
    (
        "peers_that_never_answer_close_or_vanish_cost_nobody_else",
        silence,
    ),
];

/// A well-behaved peer that is up, and the node, which dials it and those at these ports.
pub(crate) fn beside(site: &Site, ports: impl IntoIterator<Item = u16>) -> (Steady, Announcer) {
    let steady = Steady::start(&site.router, 179);
    let node = Announcer::start(&site.node);
    let routes = table(one("198.51.100.10/32"), &plain());
    let ports = ports.into_iter().chain([179]);
    node.tell_all(ports.map(|port| peer(port, &routes)));
    until("the other session", || steady.is_up());
    (steady, node)
}

/// How far the session is when the message comes.
#[derive(Clone, Copy)]
enum At {
    OpenSent,
    OpenConfirm,
    Established,
}
use self::At::{Established, OpenConfirm, OpenSent};

/// An OPEN with other bytes from this place of its body on.
fn wrong_open(at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = said(|out| open().emit(out));
    bytes[19 + at..19 + at + with.len()].copy_from_slice(with);
    bytes
}

fn of_another_as() -> Vec<u8> {
    let mut other = open();
    other.asn = Asn(7);
    other.capabilities.four_octets = Some(Asn(7));
    said(|out| other.emit(out))
}

fn without_marker() -> Vec<u8> {
    let mut bytes = said(wire::keepalive);
    bytes[3] = 0;
    bytes
}

fn long(length: u16) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    [&[0xff; 16][..], &[high, low, 4]].concat()
}

/// A message, when it comes, and how the node answers it.
fn broken() -> Vec<(At, Vec<u8>, (u8, u8))> {
    let reach = [0x80, 14, 5, 0, 1, 1, 0, 0];
    let twice = [&[0, 0, 0, 16][..], &reach, &reach].concat();
    vec![
        (OpenSent, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), (1, 1)),
        (OpenSent, long(18), (1, 2)),
        (OpenSent, said(wire::keepalive), (5, 1)),
        (OpenSent, framed(2, &[0; 4]), (5, 1)),
        (OpenSent, wrong_open(0, &[3]), (2, 1)),
        (
            OpenSent,
            framed(1, &[4, 0xfb, 0xf4, 0, 3, 192, 0, 2, 1, 9]),
            (2, 0),
        ),
        (OpenSent, of_another_as(), (2, 2)),
        (OpenSent, wrong_open(5, &[0; 4]), (2, 3)),
        (OpenSent, wrong_open(3, &[0, 1]), (2, 6)),
        (
            OpenSent,
            framed(1, &[4, 0xfb, 0xf4, 0, 3, 192, 0, 2, 1, 3, 1, 1, 0]),
            (2, 4),
        ),
        (OpenConfirm, framed(2, &[0; 4]), (5, 2)),
        (OpenConfirm, said(|out| open().emit(out)), (5, 2)),
        (Established, without_marker(), (1, 1)),
        (Established, long(0), (1, 2)),
        (Established, long(u16::MAX), (1, 2)),
        (Established, framed(4, &[0]), (1, 2)),
        (Established, framed(2, &[0; 3]), (1, 2)),
        (Established, framed(9, &[]), (1, 3)),
        (Established, framed(2, &[0, 9, 0, 0]), (3, 1)),
        (Established, framed(2, &[0, 0, 0, 9]), (3, 1)),
        (Established, framed(2, &twice), (3, 1)),
        (Established, said(|out| open().emit(out)), (5, 3)),
        (Established, framed(5, &[0]), (7, 1)),
        // Half a message, and then nothing.
        (Established, long(19)[..17].to_vec(), (4, 0)),
    ]
}

fn reach(line: &mut Line, at: At) {
    match at {
        OpenSent => {
            line.hear_kind(Kind::Open);
        }
        OpenConfirm => {
            line.send(&said(|out| open().emit(out)));
            line.hear_kind(Kind::Keepalive);
        }
        Established => line.establish(),
    }
}

fn messages() {
    let site = Site::new();
    let broken: Vec<_> = (2000..).zip(broken()).collect();
    let doors = broken.iter().map(|(port, _)| Door::open(&site.router, *port));
    let doors: Vec<Door> = doors.collect();
    let (steady, _node) = beside(&site, broken.iter().map(|(port, _)| *port));
    thread::scope(|scope| {
        for (door, (_, (at, bytes, answer))) in doors.iter().zip(&broken) {
            scope.spawn(move || {
                let mut line = door.accept();
                reach(&mut line, *at);
                line.send(bytes);
                assert_eq!(line.end(), Some(*answer), "{bytes:02x?}");
                door.accept().establish();
            });
        }
    });
    steady.is_untouched();
}

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfb, 0xf4];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 192, 0, 2, 1];

/// An UPDATE of one prefix with these attributes.
pub(crate) fn update(attributes: &[&[u8]], nlri: &[u8]) -> Vec<u8> {
    let attributes = attributes.concat();
    let [high, low] = (attributes.len() as u16).to_be_bytes();
    framed(2, &[&[0, 0, high, low], &attributes[..], nlri].concat())
}

pub(crate) fn good_update(nlri: &[u8]) -> Vec<u8> {
    update(&[ORIGIN, PATH, NEXT_HOP], nlri)
}

/// Which of them counts as what is for `wire/tests/received.rs` of the codec; here the session has to go on.
fn attributes() {
    let site = Site::new();
    let door = Door::open(&site.router, 2000);
    let (steady, node) = beside(&site, [2000]);
    let mut line = door.accept();
    line.establish();
    let nlri = &[24, 198, 51, 100][..];
    let with = |attribute: &[u8]| update(&[ORIGIN, PATH, NEXT_HOP, attribute], nlri);
    let wrong = [
        update(&[&[0x40, 1, 1, 3], PATH, NEXT_HOP], nlri),
        update(&[ORIGIN, &[0x40, 2, 6, 2, 2, 0, 0, 0, 1], NEXT_HOP], nlri),
        update(&[ORIGIN, PATH, &[0x40, 3, 3, 1, 2, 3]], nlri),
        update(&[PATH, NEXT_HOP], nlri),
        with(&[0xc0, 8, 3, 0, 0, 0]),
        with(&[0x80, 8, 4, 0, 1, 0, 2]),
        with(&[0x40, 99, 0]),
        with(&[0xc0, 8, 9, 0]),
        with(ORIGIN),
        with(&[0xc0, 7, 6, 0, 1, 192, 0, 2, 1]),
        update(&[ORIGIN, PATH, NEXT_HOP], &[33, 1, 2, 3, 4, 5]),
        update(&[&[0x80, 14, 3, 0, 2, 1], ORIGIN, PATH], &[]),
        update(&[&[0x80, 15, 4, 0, 2, 1, 129]], &[]),
    ];
    for bytes in &wrong {
        line.send(bytes);
        // It goes on: what is asked for afterwards is answered.
        line.send(&said(|out| wire::refresh(Family::V4, out)));
        while !line.hear_kind(Kind::Update).ends_with(&[32, 198, 51, 100, 10]) {}
    }
    let report = node.report(&name(2000));
    assert!(report.established && report.last.is_none(), "{report:?}");
    // Ten of them had one prefix that could be read.
    assert_eq!(report.received, 10);
    steady.is_untouched();
}

fn silence() {
    let site = Site::new();
    let [mute, closing, vanishing, cut] = [2000, 2001, 2002, 2003].map(|port| Door::open(&site.router, port));
    let (steady, node) = beside(&site, 2000..=2003);
    let mute = (mute.accept(), mute);
    let mut lost = cut.accept();
    lost.establish();
    // As when its host has lost its power: what the node sends comes nowhere.
    site.router
        .nft("table ip lost { chain in { type filter hook input priority 0; tcp dport 2003 drop; }; }");
    site.router.nft("add chain ip lost out { type filter hook output priority 0; }; add rule ip lost out tcp sport 2003 drop");
    for _ in 0..4 {
        drop(closing.accept());
        let mut line = vanishing.accept();
        line.establish();
        // RST
        SockRef::from(&line.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
    until("the hold timer", || node.report(&name(2003)).last.is_some());
    let last = node.report(&name(2003)).last.unwrap();
    assert!(last.contains("hold timer expired"), "{last}");
    site.router.nft("delete table ip lost");
    cut.accept().establish();
    // One that never answers has one connection, not one for each attempt.
    assert!(mute.1.accept_within(HOLD).is_none());
    steady.is_untouched();
}
