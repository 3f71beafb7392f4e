//! Questions made by hand, and the answers byte by byte.
//!
//! That a frame is *not* answered is shown by a second question behind it: the first answer is to the second.

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::PacketBuilder;
use ferrolb_speaker::layer2::wire::Mac;
use ferrolb_speaker::layer2::wire::arp::{Arp, Operation};
use ferrolb_speaker::layer2::wire::multicast::{ALL_NODES, group_mac, solicited_node};
use ferrolb_speaker::layer2::wire::ndp::{Advertisement, Ndp};

use crate::Test;
use crate::bench::{Bench, CLIENT, NODE, STRANGER, Tap, until};

pub(crate) const TESTS: &[Test] = &[
    (
        "arp_is_answered_by_unicast_however_it_was_asked",
        arp_is_answered_by_unicast_however_it_was_asked,
    ),
    ("an_arp_probe_is_answered", an_arp_probe_is_answered),
    (
        "arp_for_others_or_of_another_vlan_is_not_answered",
        arp_for_others_or_of_another_vlan_is_not_answered,
    ),
    (
        "a_question_with_a_priority_tag_is_answered",
        a_question_with_a_priority_tag_is_answered,
    ),
    (
        "a_solicitation_is_answered_with_or_without_link_address_and_to_group_or_station",
        a_solicitation_is_answered_with_or_without_link_address_and_to_group_or_station,
    ),
    (
        "duplicate_address_detection_is_answered_to_all",
        duplicate_address_detection_is_answered_to_all,
    ),
    (
        "a_solicitation_from_beyond_a_router_is_not_answered",
        a_solicitation_from_beyond_a_router_is_not_answered,
    ),
    (
        "a_burst_is_heard_in_both_forms_of_arp_and_as_an_advertisement",
        a_burst_is_heard_in_both_forms_of_arp_and_as_an_advertisement,
    ),
];

const HELD4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 200);
const HELD6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x200);

/// A bench on which both addresses are held and answered.
fn ready() -> (Bench, Tap) {
    let bench = Bench::new();
    let tap = bench.tap();
    bench.announcer.hold(&["192.0.2.200", "2001:db8::200"]);
    tap.next(advertisement);
    (bench, tap)
}

fn question(sender: Ipv4Addr) -> Arp {
    Arp {
        destination: Mac::BROADCAST,
        source: STRANGER,
        operation: Operation::Request,
        sender_mac: STRANGER,
        sender,
        target_mac: Mac::default(),
        target: HELD4,
    }
}

fn asker(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

/// An answer to a question, no announcement.
fn answer(frame: &[u8]) -> Option<Arp> {
    Arp::parse(frame).filter(|arp| arp.operation == Operation::Reply && arp.destination == STRANGER)
}

fn advertisement(frame: &[u8]) -> Option<Advertisement> {
    match Ndp::parse(frame)? {
        Ndp::Advertisement(advertisement) => Some(advertisement),
        Ndp::Solicitation(_) => None,
    }
}

fn arp_is_answered_by_unicast_however_it_was_asked() {
    let (_bench, tap) = ready();
    for destination in [Mac::BROADCAST, NODE] {
        tap.send(
            &Arp {
                destination,
                ..question(asker(50))
            }
            .emit(),
        );
        let expected = Arp {
            destination: STRANGER,
            source: NODE,
            operation: Operation::Reply,
            sender_mac: NODE,
            sender: HELD4,
            target_mac: STRANGER,
            target: asker(50),
        };
        assert_eq!(tap.next(answer), expected);
    }
}

fn an_arp_probe_is_answered() {
    let (_bench, tap) = ready();
    tap.send(&question(Ipv4Addr::UNSPECIFIED).emit());
    let answer = tap.next(answer);
    assert_eq!((answer.sender, answer.sender_mac), (HELD4, NODE));
}

fn arp_for_others_or_of_another_vlan_is_not_answered() {
    let (_bench, tap) = ready();
    let foreign = Arp {
        target: asker(201),
        ..question(asker(50))
    };
    let misdirected = Arp {
        destination: CLIENT,
        ..question(asker(51))
    };
    tap.send(&foreign.emit());
    tap.send(&misdirected.emit());
    tap.send(&tagged(0x0005, &question(asker(52)).emit()));
    tap.send(&question(asker(53)).emit());
    assert_eq!(tap.next(answer).target, asker(53));
}

fn a_question_with_a_priority_tag_is_answered() {
    let (_bench, tap) = ready();
    tap.send(&tagged(0xe000, &question(asker(54)).emit()));
    assert_eq!(tap.next(answer).target, asker(54));
}

/// Puts an IEEE 802.1Q tag into a frame.
fn tagged(tag: u16, frame: &[u8]) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(12);
    let [high, low] = tag.to_be_bytes();
    [addresses, &[0x81, 0x00, high, low], rest].concat()
}

fn solicitation(hops: u8, source: &str, destination: Ipv6Addr, to: Mac, options: &[u8]) -> Vec<u8> {
    let source: Ipv6Addr = source.parse().unwrap();
    let mut payload = HELD6.octets().to_vec();
    payload.extend(options);
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(STRANGER.0, to.0)
        .ipv6(source.octets(), destination.octets(), hops)
        .icmpv6_raw(135, 0, [0; 4])
        .write(&mut frame, &payload)
        .unwrap();
    frame
}

/// An answer to a question, no announcement.
fn solicited(frame: &[u8]) -> Option<Advertisement> {
    advertisement(frame).filter(|advertisement| advertisement.solicited)
}

fn a_solicitation_is_answered_with_or_without_link_address_and_to_group_or_station() {
    let (_bench, tap) = ready();
    let group = solicited_node(HELD6);
    let with_link_address = [1, 1, 2, 0, 0, 0, 0, 0x77];
    for (number, (options, destination, to)) in [
        (&with_link_address[..], group, group_mac(group)),
        (&[], group, group_mac(group)),
        (&with_link_address[..], HELD6, NODE),
        (&[], HELD6, NODE),
    ]
    .into_iter()
    .enumerate()
    {
        let source = format!("2001:db8::{number}:50");
        tap.send(&solicitation(255, &source, destination, to, options));
        let answer = tap.next(solicited);
        let expected = Advertisement {
            destination_mac: STRANGER,
            source_mac: NODE,
            source: HELD6,
            destination: source.parse().unwrap(),
            solicited: true,
            override_: true,
            target: HELD6,
            target_link: Some(NODE),
        };
        assert_eq!(answer, expected);
    }
}

fn duplicate_address_detection_is_answered_to_all() {
    let (bench, tap) = ready();
    let group = solicited_node(HELD6);
    tap.send(&solicitation(255, "::", group, group_mac(group), &[]));
    let answer = tap.next(advertisement);
    assert_eq!(
        (answer.destination_mac, answer.destination),
        (group_mac(ALL_NODES), ALL_NODES)
    );
    assert!(!answer.solicited && answer.override_);
    // A round of the burst looks the same; it is no answer.
    until("an answer to be counted", || {
        let answers = "metallb_layer2_responses_sent{ip=\"2001:db8::200\"}";
        bench.announcer.count(answers) == Some(1)
    });
}

fn a_solicitation_from_beyond_a_router_is_not_answered() {
    let (_bench, tap) = ready();
    let group = solicited_node(HELD6);
    tap.send(&solicitation(254, "2001:db8::50", group, group_mac(group), &[]));
    tap.send(&solicitation(255, "2001:db8::51", group, group_mac(group), &[]));
    let expected: Ipv6Addr = "2001:db8::51".parse().unwrap();
    assert_eq!(tap.next(solicited).destination, expected);
}

fn a_burst_is_heard_in_both_forms_of_arp_and_as_an_advertisement() {
    let bench = Bench::new();
    let tap = bench.tap();
    bench.announcer.hold(&["192.0.2.200", "2001:db8::200"]);
    let announcement = |frame: &[u8]| Arp::parse(frame).filter(|arp| arp.sender == HELD4);
    let [request, reply] =
        [Operation::Request, Operation::Reply].map(|operation| Arp::gratuitous(operation, HELD4, NODE));
    let unsolicited = Advertisement::unsolicited(HELD6, NODE);
    // What has not been told of at all comes before the second frame of an address.
    assert_eq!(tap.next(announcement), request);
    assert_eq!(tap.next(advertisement), unsolicited);
    assert_eq!(tap.next(announcement), reply);
    // A second round of each follows.
    assert_eq!(tap.next(announcement).operation, Operation::Request);
    assert_eq!(tap.next(advertisement), unsolicited);
}
