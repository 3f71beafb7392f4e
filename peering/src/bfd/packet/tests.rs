use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn time() -> impl Strategy<Value = Duration> {
    any::<u32>().prop_map(|microseconds| Duration::from_micros(microseconds.into()))
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let number = (1..=u32::MAX).prop_map(|number| NonZeroU32::new(number).unwrap());
    let head = (0..9_u8, 0..4_u8, any::<[bool; 3]>(), 0..3_u8, 1..=u8::MAX);
    (
        head,
        number.clone(),
        prop::option::of(number),
        [time(), time(), time()],
    )
        .prop_map(
            |((diagnostic, state, flags, sequence, multiplier), mine, yours, times)| Packet {
                diagnostic: Diagnostic::from_repr(diagnostic).unwrap(),
                // Whoever is Init or Up knows the other's number.
                state: State::from_repr(if yours.is_some() { state } else { state % 2 }).unwrap(),
                poll: sequence == 1,
                last: sequence == 2,
                control_plane_independent: flags[0],
                demand: flags[1],
                multiplier,
                my_discriminator: mine,
                your_discriminator: yours,
                desired_min_tx: times[0],
                required_min_rx: times[1],
                required_min_echo_rx: times[2],
            },
        )
}

/// Up, from 1 to 2, three times 300 ms.
const GOOD: [u8; 24] = [
    0x20, 0xc0, 3, 24, 0, 0, 0, 1, 0, 0, 0, 2, 0, 4, 0x93, 0xe0, 0, 4, 0x93, 0xe0, 0, 0, 0, 0,
];

#[test]
fn a_packet_has_the_layout_of_the_rfc() {
    let packet = Packet::parse(&GOOD).unwrap();
    assert_eq!(
        (packet.state, packet.multiplier, packet.my_discriminator.get()),
        (State::Up, 3, 1)
    );
    assert_eq!(packet.required_min_rx, Duration::from_millis(300));
    assert_eq!(packet.bytes(), GOOD);
}

proptest! {
    #[test]
    fn a_packet_that_is_written_is_read(packet in any_packet(), more: Vec<u8>) {
        prop_assert_eq!(Packet::parse(&packet.bytes()), Ok(packet));
        // A datagram may be longer than its packet.
        prop_assert_eq!(Packet::parse(&[&packet.bytes()[..], &more].concat()), Ok(packet));
    }

    #[test]
    fn any_bytes_are_a_packet_or_not(bytes: Vec<u8>) {
        let _ = Packet::parse(&bytes);
    }

    #[test]
    fn a_bent_packet_is_one_or_not(at in 0..24_usize, byte: u8) {
        let mut bytes = GOOD;
        bytes[at] = byte;
        if let Ok(packet) = Packet::parse(&bytes) {
            prop_assert_eq!(Packet::parse(&packet.bytes()), Ok(packet));
        }
    }
}

#[rstest]
#[case::version(0, 0x40, Malformed::Version(2))]
#[case::authentication(1, 0xc4, Malformed::Length)]
#[case::multipoint(1, 0xc1, Malformed::Multipoint)]
#[case::poll_and_final(1, 0xf0, Malformed::PollAndFinal)]
#[case::multiplier(2, 0, Malformed::Multiplier)]
#[case::length_less(3, 23, Malformed::Length)]
#[case::length_more(3, 25, Malformed::Length)]
#[case::my_discriminator(7, 0, Malformed::MyDiscriminator)]
#[case::your_discriminator(11, 0, Malformed::YourDiscriminator)]
fn what_the_rfc_discards_is_discarded(#[case] at: usize, #[case] byte: u8, #[case] why: Malformed) {
    let mut bytes = GOOD;
    bytes[at] = byte;
    assert_eq!(Packet::parse(&bytes), Err(why));
}

#[test]
fn a_packet_with_a_password_is_discarded() {
    let mut bytes = GOOD.to_vec();
    bytes.extend_from_slice(&[1, 4, 1, 7]);
    (bytes[1], bytes[3]) = (0xc4, 28);
    assert_eq!(Packet::parse(&bytes), Err(Malformed::Authentication));
}
