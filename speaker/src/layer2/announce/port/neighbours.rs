//! Stations of the segment that are no speakers: one that answers shows that this node is not cut off.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::layer2::wire::arp::{Arp, Operation};
use crate::layer2::wire::ndp::{Ndp, Solicitation};
use crate::layer2::wire::{Mac, v4, v6};

/// So many of each family are asked at once.
const MOST: usize = 4;

/// The stations that are asked this time, out of all that the kernel has talked to: others each time, for some may be gone.
pub(super) fn some(known: &BTreeSet<IpAddr>, time: usize) -> BTreeSet<IpAddr> {
    let of_family = |v4: bool| {
        let all: Vec<IpAddr> = known.iter().copied().filter(|one| one.is_ipv4() == v4).collect();
        let turned = (0..all.len().min(MOST)).map(|place| all[(time * MOST + place) % all.len()]);
        turned.collect::<Vec<_>>()
    };
    [true, false].into_iter().flat_map(of_family).collect()
}

/// A question to all stations: which one has the address; none if this node has no address to ask from. `own` are its addresses.
pub(super) fn question(mac: Mac, own: &[IpAddr], target: IpAddr) -> Option<Vec<u8>> {
    match target {
        IpAddr::V4(target) => Some(arp(mac, own, target).emit().to_vec()),
        IpAddr::V6(target) => {
            let source = source(own, target)?;
            Some(Solicitation::to_group(target, source, mac).emit().to_vec())
        }
    }
}

/// A question to all stations from no address, so that nobody learns the target from it: which one has it already
/// (RFC 5227 §2.1.1, RFC 4862 §5.4.2).
pub(super) fn probe(mac: Mac, target: IpAddr) -> Vec<u8> {
    match target {
        IpAddr::V4(target) => arp(mac, &[], target).emit().to_vec(),
        IpAddr::V6(target) => Solicitation::detection(target, mac).to_vec(),
    }
}

/// Without an address of its own the node asks as if it probed (RFC 5227 §2.1.1).
fn arp(mac: Mac, own: &[IpAddr], target: Ipv4Addr) -> Arp {
    Arp {
        destination: Mac::BROADCAST,
        source: mac,
        operation: Operation::Request,
        sender_mac: mac,
        sender: own.iter().find_map(v4).unwrap_or(Ipv4Addr::UNSPECIFIED),
        target_mac: Mac::default(),
        target,
    }
}

/// An address of the same scope, else any: a question from nobody would be one of duplicate address detection.
fn source(own: &[IpAddr], target: Ipv6Addr) -> Option<Ipv6Addr> {
    let own = own.iter().filter_map(v6);
    own.min_by_key(|own| own.is_unicast_link_local() != target.is_unicast_link_local())
}

/// The station, other than `mac`, that says with this frame that it has an address.
pub(super) fn answering(frame: &[u8], mac: Mac) -> Option<IpAddr> {
    let (address, from) = match (Arp::parse(frame), Ndp::parse(frame)) {
        (Some(arp), _) => (arp.sender.into(), arp.source),
        (None, Some(Ndp::Advertisement(one))) => (one.target.into(), one.source_mac),
        (None, _) => return None,
    };
    (from != mac).then_some(address)
}

/// A station's answer to a question of this one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Answer {
    /// The address that it has.
    pub(super) address: IpAddr,
    /// Where it says to have it: what others learn.
    pub(super) station: Mac,
    /// The station that the frame came from.
    pub(super) source: Mac,
}

/// The station, other than `own`, that has an address, as this frame says, asked or not: the answer to a probe over IPv6
/// goes to all (RFC 4861 §7.2.4).
pub(super) fn claimant(frame: &[u8], own: Mac) -> Option<Answer> {
    let claimant = match (Arp::parse(frame), Ndp::parse(frame)) {
        (Some(arp), _) => Answer {
            address: arp.sender.into(),
            station: arp.sender_mac,
            source: arp.source,
        },
        (None, Some(Ndp::Advertisement(one))) => Answer {
            address: one.target.into(),
            station: one.target_link.unwrap_or(one.source_mac),
            source: one.source_mac,
        },
        (None, _) => return None,
    };
    (claimant.source != own).then_some(claimant)
}

/// What the frame answers to a question of `own`, if it does.
pub(super) fn answer(frame: &[u8], own: Mac) -> Option<Answer> {
    if Mac::read(frame) != Some(own) {
        return None;
    }
    match (Arp::parse(frame), Ndp::parse(frame)) {
        (Some(arp), _) if arp.operation == Operation::Reply => Some(Answer {
            address: arp.sender.into(),
            station: arp.sender_mac,
            source: arp.source,
        }),
        (None, Some(Ndp::Advertisement(one))) if one.solicited => Some(Answer {
            address: one.target.into(),
            station: one.target_link.unwrap_or(one.source_mac),
            source: one.source_mac,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const OTHER: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn stations(family: &str, count: usize) -> Vec<IpAddr> {
        (1..=count)
            .map(|number| ip(&format!("{family}{number:x}")))
            .collect()
    }

    #[test]
    fn some_of_each_family_are_asked_and_all_in_turn() {
        let known: BTreeSet<IpAddr> = [stations("192.0.2.", 6), stations("2001:db8::", 2)]
            .concat()
            .into_iter()
            .collect();
        let asked = |time| some(&known, time);
        assert_eq!(asked(0).len(), MOST + 2);
        let all: BTreeSet<IpAddr> = (0..3).flat_map(asked).collect();
        assert_eq!(all, known);
    }

    #[test]
    fn where_nobody_is_known_nobody_is_asked() {
        assert!(some(&BTreeSet::new(), 7).is_empty());
    }

    #[rstest]
    #[case::of_the_same_scope("2001:db8::9", &["192.0.2.1", "fe80::1", "2001:db8::1"], Some("2001:db8::1"))]
    #[case::link_local("fe80::9", &["2001:db8::1", "fe80::1"], Some("fe80::1"))]
    #[case::of_another_scope("2001:db8::9", &["fe80::1"], Some("fe80::1"))]
    #[case::none("2001:db8::9", &["192.0.2.1"], None)]
    fn a_question_over_ipv6_comes_from_an_address_of_ours(
        #[case] target: &str,
        #[case] own: &[&str],
        #[case] expected: Option<&str>,
    ) {
        let own: Vec<IpAddr> = own.iter().map(|one| ip(one)).collect();
        let asked = question(OWN, &own, ip(target)).map(|frame| match Ndp::parse(&frame) {
            Some(Ndp::Solicitation(asked)) => IpAddr::V6(asked.source),
            other => panic!("{other:?}"),
        });
        assert_eq!(asked, expected.map(ip));
    }

    #[rstest]
    #[case::arp("192.0.2.9")]
    #[case::ndp("2001:db8::9")]
    fn a_probe_names_no_address_of_ours_and_who_has_the_target_answers_it(#[case] target: &str) {
        let probe = probe(OWN, ip(target));
        assert_eq!(
            claimant(&probe, OTHER).map(|one| one.address),
            match ip(target) {
                IpAddr::V4(_) => Some(Ipv4Addr::UNSPECIFIED.into()),
                IpAddr::V6(_) => None,
            }
        );
        let answer = match (Arp::parse(&probe), Ndp::parse(&probe)) {
            (Some(arp), _) => arp.answer(OTHER).emit().to_vec(),
            (None, Some(Ndp::Solicitation(ndp))) => {
                assert!(
                    ndp.source.is_unspecified() && ndp.source_link.is_none(),
                    "RFC 4861 §4.3"
                );
                ndp.answer(OTHER).emit().to_vec()
            }
            other => panic!("{other:?}"),
        };
        let expected = Answer {
            address: ip(target),
            station: OTHER,
            source: OTHER,
        };
        assert_eq!(claimant(&answer, OWN), Some(expected));
        assert_eq!(claimant(&answer, OTHER), None, "its own frame");
    }

    #[rstest]
    #[case::arp("192.0.2.9")]
    #[case::ndp("2001:db8::9")]
    fn who_has_the_address_answers_the_question(#[case] target: &str) {
        let own = [ip("192.0.2.1"), ip("2001:db8::1")];
        let asked = question(OWN, &own, ip(target)).unwrap();
        assert_eq!(answering(&asked, OWN), None, "his own question");
        let answer = match (Arp::parse(&asked), Ndp::parse(&asked)) {
            (Some(arp), _) => arp.answer(OTHER).emit().to_vec(),
            (None, Some(Ndp::Solicitation(ndp))) => ndp.answer(OTHER).emit().to_vec(),
            other => panic!("{other:?}"),
        };
        assert_eq!(answering(&answer, OWN), Some(ip(target)));
        let expected = Answer {
            address: ip(target),
            station: OTHER,
            source: OTHER,
        };
        assert_eq!(super::answer(&answer, OWN), Some(expected));
        assert_eq!(super::answer(&answer, OTHER), None, "to another station");
    }
}
