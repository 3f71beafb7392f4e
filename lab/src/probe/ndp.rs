//! Neighbour solicitation and advertisement (RFC 4861 §4.3, §4.4), written apart from FerroLB's own codec so that one
//! checks the other.

use std::net::Ipv6Addr;

use crate::mac::Mac;

const ETHERTYPE: [u8; 2] = [0x86, 0xdd];
const ICMPV6: u8 = 58;
/// A smaller one has passed a router and does not count (RFC 4861 §7.1).
const HOP_LIMIT: u8 = 255;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const SOURCE_MAC: [u8; 2] = [1, 1];
const TARGET_MAC: [u8; 2] = [2, 1];
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// "Who has `target`? Tell `own`." To the target's solicited-node group (RFC 4291 §2.7.1).
pub(super) fn solicitation(mac: Mac, own: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let [.., x, y, z] = target.octets();
    let group = Ipv6Addr::new(
        0xff02,
        0,
        0,
        0,
        0,
        1,
        0xff00 | u16::from(x),
        u16::from_be_bytes([y, z]),
    );
    let group_mac = Mac([0x33, 0x33, 0xff, x, y, z]);
    let body = [
        &[SOLICITATION, 0, 0, 0, 0, 0, 0, 0][..],
        &target.octets(),
        &SOURCE_MAC,
        &mac.0,
    ]
    .concat();
    frame((mac, own), (group_mac, group), body)
}

fn frame(from: (Mac, Ipv6Addr), to: (Mac, Ipv6Addr), mut body: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a short message");
    let sum = checksum(from.1, to.1, &body);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    let ip = [
        &[0x60, 0, 0, 0][..],
        &length.to_be_bytes(),
        &[ICMPV6, HOP_LIMIT],
        &from.1.octets(),
        &to.1.octets(),
    ];
    [&to.0.0[..], &from.0.0, &ETHERTYPE, &ip.concat(), &body].concat()
}

/// Over the pseudo-header of RFC 8200 §8.1 and the message, whose own sum is zero.
fn checksum(from: Ipv6Addr, to: Ipv6Addr, body: &[u8]) -> u16 {
    let mut bytes = [from.octets(), to.octets()].concat();
    bytes.extend(u32::try_from(body.len()).expect("a short message").to_be_bytes());
    bytes.extend([0, 0, 0, ICMPV6]);
    bytes.extend(body);
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let sum = words.fold(0, |sum: u32, word| (sum + word) % 0xffff);
    !u16::try_from(sum).expect("below 0xffff")
}

/// The MAC that a frame says `target` is at, if it is an advertisement to `own`.
pub(super) fn answer(frame: &[u8], own: Ipv6Addr, target: Ipv6Addr) -> Option<Mac> {
    let (to, holder) = advertised(frame, target)?;
    (to == own).then_some(holder)
}

/// The MAC at which an unsolicited advertisement to all nodes (RFC 4861 §7.2.6) says that `target` is.
pub(super) fn announcement(frame: &[u8], target: Ipv6Addr) -> Option<Mac> {
    let (to, holder) = advertised(frame, target)?;
    (to == ALL_NODES).then_some(holder)
}

fn advertised(frame: &[u8], target: Ipv6Addr) -> Option<(Ipv6Addr, Mac)> {
    let (ip, body) = (frame.get(14..54)?, frame.get(54..78)?);
    let is_icmp = frame[12..14] == ETHERTYPE && ip[6] == ICMPV6 && ip[7] == HOP_LIMIT;
    let to = Ipv6Addr::from(<[u8; 16]>::try_from(&ip[24..40]).expect("16 bytes"));
    let about = body[0] == ADVERTISEMENT && body[8..24] == target.octets();
    let option = frame.get(78..86).filter(|option| option[..2] == TARGET_MAC);
    let holder = option.map_or(&frame[6..12], |option| &option[2..]);
    (is_icmp && about).then(|| (to, Mac(holder.try_into().expect("six bytes"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKER: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const HOLDER: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const OWN: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x100);
    const TARGET: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0x12, 0x3456);

    fn advertisement(to: Ipv6Addr, about: Ipv6Addr) -> Vec<u8> {
        let body = [
            &[ADVERTISEMENT, 0, 0, 0, 0x60, 0, 0, 0][..],
            &about.octets(),
            &TARGET_MAC,
            &HOLDER.0,
        ]
        .concat();
        frame((HOLDER, about), (ASKER, to), body)
    }

    #[test]
    fn a_solicitation_goes_to_the_group_of_the_last_three_bytes() {
        let frame = solicitation(ASKER, OWN, TARGET);
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        assert_eq!(
            frame[38..54],
            "ff02::1:ff12:3456".parse::<Ipv6Addr>().unwrap().octets()
        );
        assert_eq!(frame[21], HOP_LIMIT);
    }

    #[test]
    fn a_message_with_its_checksum_sums_up_to_nothing() {
        let frame = solicitation(ASKER, OWN, TARGET);
        let group = "ff02::1:ff12:3456".parse().unwrap();
        assert_eq!(checksum(OWN, group, &frame[54..]), 0xffff);
    }

    #[test]
    fn the_checksum_is_that_of_a_known_message() {
        // fe80::1 asks ff02::1:ff00:2 for fe80::2 and gives its MAC 02:00:00:00:00:01; the sum was reckoned elsewhere
        let body = [
            &[SOLICITATION, 0, 0, 0, 0, 0, 0, 0][..],
            &"fe80::2".parse::<Ipv6Addr>().unwrap().octets(),
            &SOURCE_MAC,
            &ASKER.0,
        ];
        let sum = checksum(
            "fe80::1".parse().unwrap(),
            "ff02::1:ff00:2".parse().unwrap(),
            &body.concat(),
        );
        assert_eq!(sum, 0x7a97);
    }

    #[test]
    fn an_advertisement_names_the_holder() {
        assert_eq!(answer(&advertisement(OWN, TARGET), OWN, TARGET), Some(HOLDER));
    }

    #[test]
    fn without_the_option_the_frame_names_the_holder() {
        assert_eq!(
            answer(&advertisement(OWN, TARGET)[..78], OWN, TARGET),
            Some(HOLDER)
        );
    }

    #[test]
    fn an_advertisement_about_another_address_or_to_another_host_is_no_answer() {
        assert_eq!(answer(&advertisement(OWN, OWN), OWN, TARGET), None);
        assert_eq!(answer(&advertisement(TARGET, TARGET), OWN, TARGET), None);
    }

    #[test]
    fn an_advertisement_to_all_nodes_announces_and_an_answer_does_not() {
        let frame = advertisement(ALL_NODES, TARGET);
        assert_eq!(announcement(&frame, TARGET), Some(HOLDER));
        assert_eq!(announcement(&frame, OWN), None);
        assert_eq!(announcement(&advertisement(OWN, TARGET), TARGET), None);
    }

    #[test]
    fn a_solicitation_is_no_answer() {
        assert_eq!(answer(&solicitation(ASKER, OWN, TARGET), OWN, TARGET), None);
    }
}
