//! Solicitations and advertisements of routers (RFC 4861 §4.1, §4.2) as messages of ICMPv6, whose checksum is the kernel's.

use std::net::Ipv6Addr;

use super::ndp::{SOURCE_LINK_ADDRESS, link_address};
use super::{Mac, ipv6};

const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
/// Type, code, checksum and what follows, without options.
const SOLICITATION_LENGTH: usize = 8;
const ADVERTISEMENT_LENGTH: usize = 16;

/// What somebody on the segment says of routers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RouterMessage {
    /// The question which routers there are.
    Solicitation,
    /// A router has this link-local address.
    Advertisement(Ipv6Addr),
}

impl RouterMessage {
    /// Reads a message that came from this address with so many hops left; none if it is not valid (RFC 4861 §6.1).
    pub fn parse(message: &[u8], source: Ipv6Addr, hop_limit: u8) -> Option<Self> {
        let (&[kind, code], _) = message.split_first_chunk()?;
        if hop_limit != ipv6::HOP_LIMIT || code != 0 {
            return None;
        }
        let link = |length| link_address(message.get(length..)?, SOURCE_LINK_ADDRESS);
        match kind {
            SOLICITATION => {
                let link = link(SOLICITATION_LENGTH)?;
                let is_nowhere = source.is_unspecified() && link.is_some();
                (!is_nowhere).then_some(Self::Solicitation)
            }
            ADVERTISEMENT => {
                let _whole = link(ADVERTISEMENT_LENGTH)?;
                source
                    .is_unicast_link_local()
                    .then_some(Self::Advertisement(source))
            }
            _ => None,
        }
    }

    /// The question.
    pub fn solicitation(own: Option<Mac>) -> Vec<u8> {
        message(SOLICITATION, SOLICITATION_LENGTH, own)
    }

    /// That we are on the link, and no default router: everything in it is 0, which stands for "not said", and for a lifetime
    /// as default router of no time at all.
    pub fn advertisement(own: Option<Mac>) -> Vec<u8> {
        message(ADVERTISEMENT, ADVERTISEMENT_LENGTH, own)
    }
}

fn message(kind: u8, length: usize, own: Option<Mac>) -> Vec<u8> {
    let mut message = vec![0; length];
    message[0] = kind;
    if let Some(own) = own {
        message.extend([SOURCE_LINK_ADDRESS, 1]);
        message.extend(own.0);
    }
    message
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);

    fn ip(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    #[test]
    fn an_advertisement_tells_the_address_and_makes_nobody_a_default_router() {
        let message = RouterMessage::advertisement(Some(OWN));
        let source = ip("fe80::1");
        assert_eq!(
            RouterMessage::parse(&message, source, 255),
            Some(RouterMessage::Advertisement(source))
        );
        assert_eq!(message[..16], [134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(message[16..], [1, 1, 2, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn anybody_may_ask_for_routers() {
        let asked = |own, source| RouterMessage::parse(&RouterMessage::solicitation(own), ip(source), 255);
        assert_eq!(asked(Some(OWN), "fe80::1"), Some(RouterMessage::Solicitation));
        assert_eq!(asked(None, "::"), Some(RouterMessage::Solicitation));
        assert_eq!(
            asked(Some(OWN), "::"),
            None,
            "from nowhere, and with a link address"
        );
    }

    #[rstest]
    #[case::forwarded(RouterMessage::advertisement(None), "fe80::1", 254)]
    #[case::from_a_global_address(RouterMessage::advertisement(None), "2001:db8::1", 255)]
    #[case::of_another_code([&[134, 1][..], &[0; 14]].concat(), "fe80::1", 255)]
    #[case::of_another_type([&[135, 0][..], &[0; 14]].concat(), "fe80::1", 255)]
    #[case::cut_off(vec![134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "fe80::1", 255)]
    #[case::with_an_option_of_no_length([RouterMessage::advertisement(None), vec![5, 0, 0, 0, 0, 0, 0, 0]].concat(), "fe80::1", 255)]
    #[case::empty(Vec::new(), "fe80::1", 255)]
    fn an_invalid_message_is_dropped(#[case] message: Vec<u8>, #[case] source: &str, #[case] hops: u8) {
        assert_eq!(RouterMessage::parse(&message, ip(source), hops), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_dropped(bytes: Vec<u8>, hops: u8) {
            let _read = RouterMessage::parse(&bytes, ip("fe80::1"), hops);
        }
    }
}
