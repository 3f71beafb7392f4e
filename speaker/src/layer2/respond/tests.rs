use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::layer2::wire::multicast::{ALL_NODES, group_mac, solicited_node};
use crate::layer2::wire::ndp::tests::solicitation;

const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
const ASKER: Mac = Mac([2, 0, 0, 0, 0, 9]);
const SIBLING: Mac = Mac([2, 0, 0, 0, 0, 2]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 7]);
const HELD4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 200);
const HELD6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x200);

fn port() -> Port {
    Port {
        interface: "eth0".into(),
        mac: OWN,
        siblings: BTreeSet::from([OWN, SIBLING]),
    }
}

fn held() -> HashSet<IpAddr> {
    HashSet::from([HELD4.into(), HELD6.into()])
}

fn question(target: Ipv4Addr) -> Arp {
    Arp {
        destination: Mac::BROADCAST,
        source: ASKER,
        operation: Operation::Request,
        sender_mac: ASKER,
        sender: Ipv4Addr::new(192, 0, 2, 100),
        target_mac: Mac::default(),
        target,
    }
}

fn to(arp: Arp) -> Response {
    respond(&arp.emit(), None, &port(), &held())
}

fn reply(response: Response) -> Arp {
    match response {
        Response::Reply { frame, .. } => Arp::parse(frame.bytes()).unwrap(),
        other => panic!("{other:?} is no reply"),
    }
}

#[rstest]
#[case::by_broadcast(Mac::BROADCAST)]
#[case::by_unicast(OWN)]
fn a_question_is_answered_by_unicast(#[case] destination: Mac) {
    let answer = reply(to(Arp {
        destination,
        ..question(HELD4)
    }));
    assert_eq!(
        (answer.destination, answer.source, answer.operation),
        (ASKER, OWN, Operation::Reply)
    );
    assert_eq!((answer.sender_mac, answer.sender), (OWN, HELD4));
    assert_eq!(
        (answer.target_mac, answer.target),
        (ASKER, Ipv4Addr::new(192, 0, 2, 100))
    );
}

#[test]
fn a_probe_is_answered_so_that_nobody_takes_the_address() {
    let answer = reply(to(Arp {
        sender: Ipv4Addr::UNSPECIFIED,
        ..question(HELD4)
    }));
    assert_eq!((answer.sender, answer.destination), (HELD4, ASKER));
}

#[rstest]
#[case::not_held(question(Ipv4Addr::new(192, 0, 2, 201)), Ignored::NotHeld)]
#[case::sent_to_another_station(Arp { destination: OTHER, ..question(HELD4) }, Ignored::OtherDestination)]
#[case::our_own_kernel_asks(Arp { source: OWN, sender_mac: OWN, ..question(HELD4) }, Ignored::OwnFrame)]
#[case::another_interface_of_this_node_asks(Arp { source: SIBLING, sender_mac: SIBLING, ..question(HELD4) }, Ignored::OwnFrame)]
#[case::another_interface_of_this_node_announces(
    Arp::gratuitous(Operation::Reply, HELD4, SIBLING),
    Ignored::OwnFrame
)]
#[case::a_claim_by_a_group(Arp::gratuitous(Operation::Request, HELD4, Mac([3, 0, 0, 0, 0, 7])), Ignored::NoSender)]
#[case::an_answer(Arp { operation: Operation::Reply, ..question(HELD4) }, Ignored::NotAQuestion)]
#[case::a_group_as_sender(Arp { sender_mac: Mac::BROADCAST, ..question(HELD4) }, Ignored::NoSender)]
fn is_ignored(#[case] arp: Arp, #[case] why: Ignored) {
    assert_eq!(to(arp), Response::Ignored(why));
}

#[rstest]
#[case::priority_tag(Some(0x2000), true)]
#[case::vlan(Some(0x2005), false)]
fn a_tagged_frame(#[case] vlan: Option<u16>, #[case] answered: bool) {
    let response = respond(&question(HELD4).emit(), vlan, &port(), &held());
    assert_eq!(matches!(response, Response::Reply { .. }), answered);
}

#[rstest]
#[case::gratuitous_request(Operation::Request)]
#[case::gratuitous_reply(Operation::Reply)]
fn another_station_with_our_address_is_reported(#[case] operation: Operation) {
    let claim = Arp::gratuitous(operation, HELD4, OTHER);
    assert_eq!(
        to(claim),
        Response::ForeignClaim {
            address: HELD4.into(),
            mac: OTHER
        }
    );
}

#[rstest]
#[case::another_interface_of_this_node(SIBLING, Ignored::OwnFrame)]
#[case::a_group(Mac([0x33, 0x33, 0, 0, 0, 1]), Ignored::NoSender)]
fn an_advertisement_of_our_address_is_no_claim_by(#[case] mac: Mac, #[case] why: Ignored) {
    let frame = Advertisement::unsolicited(HELD6, mac).emit();
    assert_eq!(respond(&frame, None, &port(), &held()), Response::Ignored(why));
}

#[test]
fn an_advertisement_of_our_address_by_another_is_reported() {
    let frame = Advertisement::unsolicited(HELD6, OTHER).emit();
    let response = respond(&frame, None, &port(), &held());
    assert_eq!(
        response,
        Response::ForeignClaim {
            address: HELD6.into(),
            mac: OTHER
        }
    );
}

#[rstest]
#[case::asked_by_a_neighbour("2001:db8:1::100", &[1, 1, 2, 0, 0, 0, 0, 9], (ASKER, "2001:db8:1::100", true))]
#[case::without_its_link_address("2001:db8:1::100", &[], (ASKER, "2001:db8:1::100", true))]
#[case::duplicate_address_detection("::", &[], (group_mac(ALL_NODES), "ff02::1", false))]
fn a_solicitation_is_answered(
    #[case] source: &str,
    #[case] options: &[u8],
    #[case] expected: (Mac, &str, bool),
) {
    let frame = solicitation(source.parse().unwrap(), solicited_node(HELD6), HELD6, options);
    let Response::Reply { frame, .. } = respond(&frame, None, &port(), &held()) else {
        panic!("a reply")
    };
    let Some(Ndp::Advertisement(answer)) = Ndp::parse(frame.bytes()) else {
        panic!("an advertisement")
    };
    let destination: Ipv6Addr = expected.1.parse().unwrap();
    assert_eq!(
        (answer.destination_mac, answer.destination, answer.solicited),
        (expected.0, destination, expected.2)
    );
    assert_eq!(
        (answer.override_, answer.target, answer.target_link),
        (true, HELD6, Some(OWN))
    );
}

#[test]
fn a_solicitation_for_another_address_is_ignored() {
    let target = "2001:db8:1::201".parse().unwrap();
    let frame = solicitation(
        "2001:db8:1::100".parse().unwrap(),
        solicited_node(target),
        target,
        &[],
    );
    assert_eq!(
        respond(&frame, None, &port(), &held()),
        Response::Ignored(Ignored::NotHeld)
    );
}

#[test]
fn an_address_is_announced_in_both_forms_of_arp_and_one_of_ndp() {
    let operations: Vec<Operation> = gratuitous(HELD4.into(), &port())
        .map(|frame| Arp::parse(frame.bytes()).unwrap().operation)
        .collect();
    assert_eq!(operations, [Operation::Request, Operation::Reply]);
    assert_eq!(gratuitous(HELD6.into(), &port()).count(), 1);
}

/// Frames near enough to real ones to get past the first checks.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let near = prop_oneof![
        Just(question(HELD4).emit().to_vec()),
        Just(Arp::gratuitous(Operation::Reply, HELD4, OTHER).emit().to_vec()),
        Just(Advertisement::unsolicited(HELD6, OTHER).emit().to_vec()),
        Just(solicitation(
            "2001:db8:1::100".parse().unwrap(),
            solicited_node(HELD6),
            HELD6,
            &[]
        )),
    ];
    let bent = (
        near,
        proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        any::<prop::sample::Index>(),
    );
    let bent = bent.prop_map(|(mut frame, changes, cut)| {
        changes.into_iter().for_each(|(at, byte)| {
            let at = at.index(frame.len());
            frame[at] = byte;
        });
        let length = if cut.index(3) == 0 {
            cut.index(frame.len())
        } else {
            frame.len()
        };
        frame.truncate(length);
        frame
    });
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..120), bent]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn never_panics_and_never_answers_for_an_address_that_is_not_held(frame in frames(), vlan in any::<Option<u16>>()) {
        if let Response::Reply { address, frame } = respond(&frame, vlan, &port(), &held()) {
            prop_assert!([IpAddr::V4(HELD4), HELD6.into()].contains(&address));
            let claimed = match (Arp::parse(frame.bytes()), Ndp::parse(frame.bytes())) {
                (Some(arp), _) => (IpAddr::V4(arp.sender), arp.sender_mac),
                (_, Some(Ndp::Advertisement(answer))) => (answer.target.into(), answer.target_link.unwrap()),
                _ => panic!("an answer that is neither"),
            };
            prop_assert_eq!(claimed, (address, OWN));
        }
    }
}
