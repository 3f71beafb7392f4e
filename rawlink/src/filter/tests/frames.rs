//! Frames, written and read without the filter's code, and generators of what meets it.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::Interest;
use super::{BEACON, REPLY, REQUEST};

pub(super) struct Arp {
    pub(super) opcode: u16,
    pub(super) sender: Ipv4Addr,
    pub(super) target: Ipv4Addr,
}

pub(super) struct Neighbour {
    pub(super) kind: u8,
    pub(super) target: Ipv6Addr,
}

pub(super) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 1]);
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

pub(super) fn ether_type(frame: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(frame.get(12..14)?.try_into().ok()?))
}

const ARP_HEAD: [u8; 6] = [0, 1, 8, 0, 6, 4];

impl Arp {
    pub(super) fn frame(&self) -> Vec<u8> {
        let mut payload = ARP_HEAD.to_vec();
        payload.extend(self.opcode.to_be_bytes());
        payload.extend([2, 0, 0, 0, 0, 1]);
        payload.extend(self.sender.octets());
        payload.extend([0; 6]);
        payload.extend(self.target.octets());
        ethernet(0x0806, &payload)
    }

    pub(super) fn read(frame: &[u8]) -> Option<Self> {
        let payload: &[u8; 28] = frame.get(14..42)?.try_into().ok()?;
        let quad = |at: usize| Ipv4Addr::new(payload[at], payload[at + 1], payload[at + 2], payload[at + 3]);
        (ether_type(frame) == Some(0x0806) && payload[..6] == ARP_HEAD).then(|| Self {
            opcode: u16::from_be_bytes([payload[6], payload[7]]),
            sender: quad(14),
            target: quad(24),
        })
    }
}

impl Neighbour {
    pub(super) fn frame(&self) -> Vec<u8> {
        let mut payload = vec![0x60, 0, 0, 0, 0, 24, 58, 255];
        payload.extend([0xfe; 32]);
        payload.extend([self.kind, 0, 0, 0, 0, 0, 0, 0]);
        payload.extend(self.target.octets());
        ethernet(0x86dd, &payload)
    }

    pub(super) fn read(frame: &[u8]) -> Option<Self> {
        let octets: [u8; 16] = frame.get(62..78)?.try_into().ok()?;
        (ether_type(frame) == Some(0x86dd) && frame[20] == 58).then(|| Self {
            kind: frame[54],
            target: octets.into(),
        })
    }
}

/// Few enough that lists and frames meet, with the ends of the range and neighbours among them.
pub(super) fn ipv4() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![
        6 => (0_u8..24).prop_map(|last| Ipv4Addr::new(192, 0, 2, last)),
        1 => Just(Ipv4Addr::UNSPECIFIED),
        1 => Just(Ipv4Addr::BROADCAST),
    ]
}

/// Differ in each of the four words.
pub(super) fn ipv6() -> impl Strategy<Value = Ipv6Addr> {
    (0_u16..2, 0_u16..2, 0_u16..2, 0_u16..5).prop_map(|(first, second, third, last)| {
        Ipv6Addr::new(0x2001, 0xdb8 + first, 0, second, 0, third, 0, last)
    })
}

pub(super) fn interests() -> impl Strategy<Value = Interest> {
    let ether_types = prop_oneof![Just(BEACON), Just(BEACON + 1), Just(0x0800), Just(0x86dd)];
    (
        btree_set(ipv4(), 0..12),
        btree_set(ipv6(), 0..16),
        btree_set(ether_types, 0..3),
    )
        .prop_map(|(ipv4, ipv6, ether_types)| Interest {
            ipv4,
            ipv6,
            ether_types,
            datagrams: None,
        })
}

fn arp() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![4 => Just(REQUEST), 4 => Just(REPLY), 1 => 0_u16..9];
    (opcode, ipv4(), ipv4()).prop_map(|(opcode, sender, target)| {
        Arp {
            opcode,
            sender,
            target,
        }
        .frame()
    })
}

fn neighbour() -> impl Strategy<Value = Vec<u8>> {
    (133_u8..138, ipv6()).prop_map(|(kind, target)| Neighbour { kind, target }.frame())
}

fn other() -> impl Strategy<Value = Vec<u8>> {
    let ether_type = prop_oneof![
        Just(BEACON),
        Just(0x0800),
        Just(0x0806),
        Just(0x86dd),
        any::<u16>()
    ];
    (ether_type, vec(any::<u8>(), 0..90)).prop_map(|(ether_type, payload)| ethernet(ether_type, &payload))
}

/// Whole frames, frames with one wrong byte, frames cut off anywhere, and noise.
pub(super) fn frames() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![6 => arp(), 6 => neighbour(), 2 => other()].boxed();
    let damaged = (whole.clone(), any::<Index>(), any::<u8>()).prop_map(|(mut frame, at, byte)| {
        let at = at.index(frame.len());
        frame[at] = byte;
        frame
    });
    let cut = (whole.clone(), any::<Index>()).prop_map(|(mut frame, at)| {
        frame.truncate(at.index(frame.len()));
        frame
    });
    prop_oneof![4 => whole, 3 => damaged, 3 => cut, 1 => vec(any::<u8>(), 0..100)]
}
