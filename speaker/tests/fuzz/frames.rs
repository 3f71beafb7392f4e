//! Frames that a responder may meet: right ones, right ones bent, and noise.

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::PacketBuilder;
use ferrolb_speaker::layer2::wire::Mac;
use ferrolb_speaker::layer2::wire::arp::{Arp, Operation};
use ferrolb_speaker::layer2::wire::multicast::{ALL_NODES, group_mac, solicited_node};

use crate::random::Random;

pub(crate) const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const SIBLING: Mac = Mac([2, 0, 0, 0, 0, 2]);
pub(crate) const HELD4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 200);
pub(crate) const FOREIGN4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 5);
pub(crate) const HELD6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x200);
pub(crate) const FOREIGN6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 5);
/// Where the ICMPv6 message begins.
const MESSAGE: usize = 54;

const ASKER: Mac = Mac([2, 0, 0, 0, 0, 9]);
const ASKER4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);
const ASKER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100);
const SOURCE_LINK: [u8; 8] = [1, 1, 2, 0, 0, 0, 0, 9];
const TARGET_LINK: [u8; 8] = [2, 1, 2, 0, 0, 0, 0, 9];
const NONCE: [u8; 8] = [14, 1, 1, 2, 3, 4, 5, 6];

/// Anything around ARP.
pub(crate) fn around_arp(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => noise(random),
        1..4 => arp(random),
        _ => {
            let frame = arp(random);
            bent(random, frame)
        }
    }
}

/// Anything around neighbour discovery. Of what is bent, most gets a right checksum: else nothing would get past that.
pub(crate) fn around_ndp(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => noise(random),
        1..4 => ndp(random),
        _ => {
            let frame = ndp(random);
            let mut frame = bent(random, frame);
            if !random.one_in(4) {
                seal(&mut frame);
            }
            frame
        }
    }
}

/// The VLAN tag that the kernel took off: mostly none, a priority, or a VLAN.
pub(crate) fn vlan(random: &mut Random) -> Option<u16> {
    match random.below(8) {
        0 => Some(random.number() as u16),
        1 => Some(0xe000),
        _ => None,
    }
}

fn arp(random: &mut Random) -> Vec<u8> {
    let sender_mac = station(random);
    let frame = Arp {
        destination: random.pick(&[Mac::BROADCAST, Mac::BROADCAST, OWN, ASKER]),
        source: if random.one_in(8) {
            station(random)
        } else {
            sender_mac
        },
        operation: random.pick(&[Operation::Request, Operation::Request, Operation::Reply]),
        sender_mac,
        sender: random.pick(&[ASKER4, ASKER4, Ipv4Addr::UNSPECIFIED, HELD4]),
        target_mac: random.pick(&[Mac::default(), Mac::BROADCAST, OWN]),
        target: random.pick(&[HELD4, HELD4, FOREIGN4, ASKER4, Ipv4Addr::from_bits(0xcb00_7101)]),
    };
    frame.emit().to_vec()
}

fn station(random: &mut Random) -> Mac {
    let any = Mac(random.bytes());
    random.pick(&[ASKER, ASKER, ASKER, ASKER, OWN, SIBLING, Mac::BROADCAST, any])
}

fn ndp(random: &mut Random) -> Vec<u8> {
    let target = random.pick(&[HELD6, HELD6, FOREIGN6, ASKER6, ALL_NODES]);
    let source = random.pick(&[ASKER6, ASKER6, Ipv6Addr::UNSPECIFIED, HELD6, ALL_NODES]);
    let group = solicited_node(target);
    let (destination, to) = random.pick(&[
        (group, group_mac(group)),
        (group, group_mac(group)),
        (target, OWN),
        (target, ASKER),
        (ALL_NODES, group_mac(ALL_NODES)),
    ]);
    let kind = random.pick(&[135, 135, 136]);
    let flags = random.pick(&[0, 0x20, 0x60, 0xe0]);
    let mut payload = target.octets().to_vec();
    for _ in 0..random.below(3) {
        let any = random.bytes();
        payload.extend(random.pick(&[SOURCE_LINK, SOURCE_LINK, TARGET_LINK, NONCE, any]));
    }
    let hops = if random.one_in(16) { random.byte() } else { 255 };
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(station(random).0, to.0)
        .ipv6(source.octets(), destination.octets(), hops)
        .icmpv6_raw(kind, 0, [flags, 0, 0, 0])
        .write(&mut frame, &payload)
        .expect("room in a Vec");
    frame
}

pub(crate) fn noise(random: &mut Random) -> Vec<u8> {
    let length = random.below(160);
    (0..length).map(|_| random.byte()).collect()
}

pub(crate) fn bent(random: &mut Random, mut frame: Vec<u8>) -> Vec<u8> {
    for _ in 0..=random.below(3) {
        let at = random.below(frame.len() + 1);
        match random.below(8) {
            0 => frame.truncate(at),
            1 => frame.extend(random.bytes::<18>()),
            2 => frame.resize(frame.len().max(60), 0),
            3 if frame.len() >= 12 => {
                let tag = random.pick(&[[0x81, 0, 0, 5], [0x81, 0, 0xe0, 0], [0x88, 0xa8, 0, 7]]);
                frame.splice(12..12, tag);
            }
            4 => {
                let byte = random.pick(&[0, 1, 0x7f, 0x80, 0xff]);
                frame.get_mut(at).into_iter().for_each(|there| *there = byte);
            }
            _ => {
                let bit = 1 << random.below(8);
                frame.get_mut(at).into_iter().for_each(|there| *there ^= bit);
            }
        }
    }
    frame
}

/// Puts the right checksum into an ICMPv6 message, if the frame is long enough for one.
fn seal(frame: &mut [u8]) {
    let Some(length) = frame
        .get(18..20)
        .map(|two| usize::from(two[0]) << 8 | usize::from(two[1]))
    else {
        return;
    };
    let Some(message) = frame
        .get_mut(MESSAGE..MESSAGE + length)
        .filter(|one| one.len() >= 4)
    else {
        return;
    };
    message[2..4].fill(0);
    let words = |bytes: &[u8]| -> u64 {
        let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
        bytes.chunks(2).map(word).sum()
    };
    let mut sum = words(message) + length as u64 + 58 + words(&frame[22..MESSAGE]);
    while sum >> 16 != 0 {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    frame[MESSAGE + 2..MESSAGE + 4].copy_from_slice(&(!sum as u16).to_be_bytes());
}
