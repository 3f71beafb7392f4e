use etherparse::{PacketBuilder, SlicedPacket, TransportSlice};
use proptest::prelude::*;
use rstest::rstest;

use super::*;

const ASKER: Mac = Mac([2, 0, 0, 0, 0, 9]);
const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn ip(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

/// A solicitation built by another library, so that both sides cannot share a mistake.
pub(crate) fn solicitation(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    target: Ipv6Addr,
    options: &[u8],
) -> Vec<u8> {
    with_hop_limit(255, source, destination, target, options)
}

fn with_hop_limit(
    hops: u8,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    target: Ipv6Addr,
    options: &[u8],
) -> Vec<u8> {
    let mut payload = target.octets().to_vec();
    payload.extend(options);
    let builder = PacketBuilder::ethernet2(ASKER.0, group_mac(destination).0)
        .ipv6(source.octets(), destination.octets(), hops)
        .icmpv6_raw(SOLICITATION, 0, [0; 4]);
    let mut frame = Vec::new();
    builder.write(&mut frame, &payload).unwrap();
    frame
}

const WITH_LINK: [u8; 8] = [SOURCE_LINK_ADDRESS, 1, 2, 0, 0, 0, 0, 9];

#[rstest]
#[case::with_link_address(&WITH_LINK, Some(ASKER))]
#[case::without(&[], None)]
#[case::after_an_unknown_option(&[14, 1, 1, 2, 3, 4, 5, 6, SOURCE_LINK_ADDRESS, 1, 2, 0, 0, 0, 0, 9], Some(ASKER))]
fn a_solicitation_is_read(#[case] options: &[u8], #[case] source_link: Option<Mac>) {
    let target = ip("2001:db8::200");
    let frame = solicitation(ip("2001:db8::9"), solicited_node(target), target, options);
    let Some(Ndp::Solicitation(read)) = Ndp::parse(&frame) else {
        panic!("a solicitation")
    };
    assert_eq!(
        (read.source, read.target, read.source_link),
        (ip("2001:db8::9"), target, source_link)
    );
    assert_eq!(read.source_mac, ASKER);
}

#[rstest]
#[case::hop_limit(with_hop_limit(254, ip("2001:db8::9"), ip("2001:db8::200"), ip("2001:db8::200"), &[]))]
#[case::option_of_length_zero(solicitation(ip("2001:db8::9"), ip("2001:db8::200"), ip("2001:db8::200"), &[1, 0, 0, 0, 0, 0, 0, 0]))]
#[case::option_longer_than_the_message(solicitation(ip("2001:db8::9"), ip("2001:db8::200"), ip("2001:db8::200"), &[1, 2, 0, 0, 0, 0, 0, 0]))]
#[case::half_an_option(solicitation(ip("2001:db8::9"), ip("2001:db8::200"), ip("2001:db8::200"), &[1]))]
#[case::target_is_a_group(solicitation(ip("2001:db8::9"), ip("2001:db8::200"), ip("ff02::1"), &[]))]
#[case::detection_with_link_address(solicitation(ip("::"), solicited_node(ip("2001:db8::200")), ip("2001:db8::200"), &WITH_LINK))]
#[case::detection_by_unicast(solicitation(ip("::"), ip("2001:db8::200"), ip("2001:db8::200"), &[]))]
fn an_invalid_message_is_dropped(#[case] frame: Vec<u8>) {
    assert_eq!(Ndp::parse(&frame), None);
}

#[test]
fn a_question_asks_the_group_of_its_target() {
    let (target, source) = (ip("2001:db8::200"), ip("fe80::1"));
    let question = Solicitation::to_group(target, source, OWN);
    let frame = question.emit();
    assert_eq!(Ndp::parse(&frame), Some(Ndp::Solicitation(question)));
    let mut by_another = solicitation(source, solicited_node(target), target, &[1, 1, 2, 0, 0, 0, 0, 1]);
    by_another[6..12].copy_from_slice(&OWN.0);
    assert_eq!(frame.as_slice(), by_another);
}

#[test]
fn a_message_with_a_wrong_checksum_is_dropped() {
    let mut frame = solicitation(ip("2001:db8::9"), ip("2001:db8::200"), ip("2001:db8::200"), &[]);
    frame[56] ^= 1;
    assert_eq!(Ndp::parse(&frame), None);
}

#[test]
fn an_answer_goes_to_who_asks() {
    let target = ip("2001:db8::200");
    let frame = solicitation(ip("2001:db8::9"), solicited_node(target), target, &WITH_LINK);
    let Some(Ndp::Solicitation(question)) = Ndp::parse(&frame) else {
        panic!("a solicitation")
    };
    let answer = question.answer(OWN);
    assert_eq!(
        (answer.destination_mac, answer.destination),
        (ASKER, ip("2001:db8::9"))
    );
    assert!(answer.solicited && answer.override_);
}

#[test]
fn duplicate_address_detection_is_answered_to_all() {
    let target = ip("2001:db8::200");
    let frame = solicitation(ip("::"), solicited_node(target), target, &[]);
    let Some(Ndp::Solicitation(question)) = Ndp::parse(&frame) else {
        panic!("a solicitation")
    };
    let answer = question.answer(OWN);
    assert_eq!(
        (answer.destination_mac, answer.destination),
        (group_mac(ALL_NODES), ALL_NODES)
    );
    assert!(!answer.solicited && answer.override_);
}

#[test]
fn another_library_reads_what_is_emitted() {
    let frame = Advertisement::unsolicited(ip("2001:db8::200"), OWN).emit();
    let packet = SlicedPacket::from_ethernet(&frame).unwrap();
    let Some(TransportSlice::Icmpv6(icmp)) = packet.transport else {
        panic!("ICMPv6")
    };
    assert_eq!((icmp.type_u8(), icmp.code_u8()), (ADVERTISEMENT, 0));
    assert!(icmp.is_checksum_valid(ip("2001:db8::200").octets(), ALL_NODES.octets()));
    assert_eq!(frame[21], 255, "hop limit");
}

proptest! {
    #[test]
    fn what_is_emitted_is_parsed_back(
        macs in any::<[[u8; 6]; 3]>(), addresses in any::<[u128; 3]>(), solicited: bool, override_: bool,
    ) {
        let [source, destination, target] = addresses.map(Ipv6Addr::from_bits);
        prop_assume!(!(target.is_multicast() || solicited && destination.is_multicast()));
        let advertisement = Advertisement {
            destination_mac: Mac(macs[0]), source_mac: Mac(macs[1]), target_link: Some(Mac(macs[2])),
            source, destination, target, solicited, override_,
        };
        prop_assert_eq!(Ndp::parse(&advertisement.emit()), Some(Ndp::Advertisement(advertisement)));
    }

    #[test]
    fn any_bytes_are_parsed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _any = Ndp::parse(&bytes);
    }

    #[test]
    fn a_frame_bent_anywhere_is_parsed_without_panic(at in 0..ADVERTISEMENT_FRAME, byte: u8, length in 0..=ADVERTISEMENT_FRAME) {
        let mut frame = Advertisement::unsolicited(ip("2001:db8::200"), OWN).emit();
        frame[at] = byte;
        let _any = Ndp::parse(&frame[..length]);
    }
}
