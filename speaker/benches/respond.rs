//! What one frame costs: the target is 300 ns and no allocation.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use divan::{AllocProfiler, Bencher};
use etherparse::PacketBuilder;
use ferrolb_speaker::layer2::respond::{Port, Response, respond};
use ferrolb_speaker::layer2::wire::Mac;
use ferrolb_speaker::layer2::wire::arp::{Arp, Operation};
use ferrolb_speaker::layer2::wire::multicast::{group_mac, solicited_node};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
const ASKER: Mac = Mac([2, 0, 0, 0, 0, 9]);
const HELD4: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 200);
const FOREIGN4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const HELD6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x200);

fn main() {
    divan::main();
}

fn port() -> Port {
    Port {
        interface: "eth0".into(),
        mac: OWN,
        siblings: BTreeSet::from([OWN, Mac([2, 0, 0, 0, 0, 2])]),
    }
}

/// A thousand addresses of each family.
fn held() -> HashSet<IpAddr> {
    let v4 = (0..1000).map(|number| IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + number)));
    let v6 = (0..1000).map(|number| IpAddr::from(Ipv6Addr::from_bits(HELD6.to_bits() + number)));
    v4.chain(v6).collect()
}

fn arp(target: Ipv4Addr) -> Vec<u8> {
    let question = Arp {
        destination: Mac::BROADCAST,
        source: ASKER,
        operation: Operation::Request,
        sender_mac: ASKER,
        sender: Ipv4Addr::new(192, 0, 2, 100),
        target_mac: Mac::default(),
        target,
    };
    question.emit().to_vec()
}

fn solicitation() -> Vec<u8> {
    let group = solicited_node(HELD6);
    let asker = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100);
    let payload = [&HELD6.octets()[..], &[1, 1, 2, 0, 0, 0, 0, 9]].concat();
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(ASKER.0, group_mac(group).0)
        .ipv6(asker.octets(), group.octets(), 255)
        .icmpv6_raw(135, 0, [0; 4])
        .write(&mut frame, &payload)
        .expect("room in a Vec");
    frame
}

fn judge(bencher: Bencher<'_, '_>, frame: &[u8], answered: bool) {
    let (port, held) = (port(), held());
    let judge = || respond(divan::black_box(frame), None, divan::black_box(&port), &held);
    assert_eq!(matches!(judge(), Response::Reply { .. }), answered);
    bencher.bench(judge);
}

#[divan::bench]
fn an_arp_request_that_is_answered(bencher: Bencher<'_, '_>) {
    judge(bencher, &arp(HELD4), true);
}

#[divan::bench]
fn an_arp_request_for_a_foreign_address(bencher: Bencher<'_, '_>) {
    judge(bencher, &arp(FOREIGN4), false);
}

#[divan::bench]
fn a_solicitation_that_is_answered(bencher: Bencher<'_, '_>) {
    judge(bencher, &solicitation(), true);
}

#[divan::bench]
fn a_frame_of_another_protocol(bencher: Bencher<'_, '_>) {
    let mut frame = arp(HELD4);
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    judge(bencher, &frame, false);
}
