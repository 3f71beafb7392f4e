//! The programs against a plain reading of what shall pass.

mod frames;
mod interpreter;
mod limits;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use rstest::rstest;

use super::{Interest, program};
use frames::{Arp, Neighbour};
use interpreter::{is_valid, run};

const BEACON: u16 = 0x88b5;
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

fn passes(interest: &Interest, frame: &[u8]) -> bool {
    let program = program(interest);
    assert!(is_valid(&program), "the kernel would refuse {program:?}");
    run(&program, frame) != 0
}

fn interest() -> Interest {
    Interest {
        ipv4: BTreeSet::from([Ipv4Addr::new(192, 0, 2, 10)]),
        ipv6: BTreeSet::from(["2001:db8::10".parse().unwrap()]),
        ether_types: BTreeSet::from([BEACON]),
        datagrams: None,
    }
}

/// The documented rule, word for word, for lists within the limits.
fn wanted(interest: &Interest, frame: &[u8]) -> bool {
    let Some(ether_type) = frames::ether_type(frame) else {
        return false;
    };
    interest.ether_types.contains(&ether_type)
        || Arp::read(frame).is_some_and(|arp| {
            let asked = arp.opcode == REQUEST && interest.ipv4.contains(&arp.target);
            let claimed = matches!(arp.opcode, REQUEST | REPLY) && interest.ipv4.contains(&arp.sender);
            asked || claimed
        })
        || Neighbour::read(frame).is_some_and(|message| {
            matches!(message.kind, 135 | 136) && interest.ipv6.contains(&message.target)
        })
}

#[rstest]
#[case::a_request_for_an_address(REQUEST, "198.51.100.1", "192.0.2.10", true)]
#[case::a_probe_for_it(REQUEST, "0.0.0.0", "192.0.2.10", true)]
#[case::a_reply_that_claims_it(REPLY, "192.0.2.10", "198.51.100.1", true)]
#[case::a_request_that_claims_it(REQUEST, "192.0.2.10", "198.51.100.1", true)]
#[case::a_reply_to_it(REPLY, "198.51.100.1", "192.0.2.10", false)]
#[case::a_request_for_another(REQUEST, "198.51.100.1", "192.0.2.11", false)]
#[case::a_reply_of_another(REPLY, "192.0.2.9", "198.51.100.1", false)]
#[case::a_reverse_request(3, "192.0.2.10", "192.0.2.10", false)]
fn arp(#[case] opcode: u16, #[case] sender: Ipv4Addr, #[case] target: Ipv4Addr, #[case] expected: bool) {
    let frame = Arp {
        opcode,
        sender,
        target,
    }
    .frame();
    assert_eq!(passes(&interest(), &frame), expected);
}

#[rstest]
#[case::a_solicitation_for_an_address(135, "2001:db8::10", true)]
#[case::an_advertisement_of_it(136, "2001:db8::10", true)]
#[case::a_solicitation_for_another_of_its_prefix(135, "2001:db8::11", false)]
#[case::a_solicitation_for_the_same_end_in_another_prefix(135, "2001:db8:1::10", false)]
#[case::a_redirect_to_it(137, "2001:db8::10", false)]
fn neighbour_discovery(#[case] kind: u8, #[case] target: Ipv6Addr, #[case] expected: bool) {
    assert_eq!(passes(&interest(), &Neighbour { kind, target }.frame()), expected);
}

#[test]
fn a_solicitation_behind_an_extension_header_is_dropped() {
    let mut frame = Neighbour {
        kind: 135,
        target: "2001:db8::10".parse().unwrap(),
    }
    .frame();
    frame[20] = 0;
    assert!(!passes(&interest(), &frame));
}

#[test]
fn a_frame_of_a_given_ether_type_passes_whatever_is_in_it() {
    assert!(passes(&interest(), &frames::ethernet(BEACON, &[])));
    assert!(!passes(&interest(), &frames::ethernet(BEACON + 1, &[0; 50])));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn exactly_what_is_wanted_passes(
        interest in frames::interests(),
        frame in frames::frames(),
    ) {
        prop_assert_eq!(passes(&interest, &frame), wanted(&interest, &frame));
    }

    #[test]
    fn without_interest_nothing_passes(frame in frames::frames()) {
        prop_assert!(!passes(&Interest::default(), &frame));
    }
}

/// Without this, the law above could hold because nothing that is generated is ever wanted.
#[test]
fn the_generated_frames_are_wanted_often_enough() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let pairs = (frames::interests(), frames::frames());
    let hits = (0..2000)
        .filter(|_| {
            let (interest, frame) = pairs.new_tree(&mut runner).unwrap().current();
            wanted(&interest, &frame)
        })
        .count();
    assert!((200..1800).contains(&hits), "{hits} of 2000");
}

mod datagrams {
    use super::*;

    const PORT: u16 = 7947;

    /// The headers of a whole datagram to the port, and a byte of it.
    fn over_ipv4() -> Vec<u8> {
        let mut frame = vec![0; 43];
        frame[12..15].copy_from_slice(&[0x08, 0x00, 0x45]);
        (frame[20], frame[23]) = (0x40, 17);
        frame[36..38].copy_from_slice(&PORT.to_be_bytes());
        frame
    }

    fn over_ipv6() -> Vec<u8> {
        let mut frame = vec![0; 63];
        frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
        frame[20] = 17;
        frame[56..58].copy_from_slice(&PORT.to_be_bytes());
        frame
    }

    fn passes(interest: &Interest, frame: &[u8], port: Option<u16>) -> bool {
        let interest = Interest {
            datagrams: port,
            ..interest.clone()
        };
        super::passes(&interest, frame)
    }

    #[rstest]
    #[case::over_ipv4(over_ipv4())]
    #[case::over_ipv6(over_ipv6())]
    fn those_to_the_port_pass_if_asked_for(#[case] frame: Vec<u8>) {
        for interest in [interest(), Interest::default()] {
            assert!(passes(&interest, &frame, Some(PORT)));
            assert!(!passes(&interest, &frame, Some(PORT + 1)));
            assert!(!passes(&interest, &frame, None));
        }
    }

    #[rstest]
    #[case::options(over_ipv4(), 14, 0x46)]
    #[case::a_fragment_with_more_to_come(over_ipv4(), 20, 0x20)]
    #[case::a_later_fragment(over_ipv4(), 21, 1)]
    #[case::tcp_over_ipv4(over_ipv4(), 23, 6)]
    #[case::tcp_over_ipv6(over_ipv6(), 20, 6)]
    fn others_do_not(#[case] mut frame: Vec<u8>, #[case] at: usize, #[case] byte: u8) {
        frame[at] = byte;
        assert!(!passes(&interest(), &frame, Some(PORT)));
    }

    #[test]
    fn what_passed_before_passes_with_datagrams_too() {
        let interest = interest();
        let neighbour = Neighbour {
            kind: 135,
            target: "2001:db8::10".parse().unwrap(),
        };
        assert!(passes(&interest, &neighbour.frame(), Some(PORT)));
    }
}
