//! Any bytes whatever: parsers and responders do not panic, answer for nothing that is not held, and what they answer is
//! right; frames of speakers are opened as they were sealed or not at all. Ten seconds each; `FERROLB_FUZZ_SECONDS` says otherwise.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

mod frames;
mod messages;
mod random;
mod segment;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::{IpAddr, Ipv6Addr};

use etherparse::{Icmpv6Slice, NetSlice, SlicedPacket, TransportSlice};
use ferrolb_speaker::layer2::respond::{Ignored, Port, Response, respond};
use ferrolb_speaker::layer2::wire::Mac;
use ferrolb_speaker::layer2::wire::arp::{Arp, FRAME, Operation};
use ferrolb_speaker::layer2::wire::multicast::{ALL_NODES, group_mac};
use ferrolb_speaker::layer2::wire::ndp::Ndp;

use frames::{HELD4, HELD6, OWN, SIBLING, around_arp, around_ndp, vlan};
use random::{Random, fuzz};

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

/// What was met: a run that met nothing shows nothing.
#[derive(Default)]
struct Met(BTreeMap<String, u64>);

impl Met {
    fn note(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    fn expect(&self, all: &[&str]) {
        eprintln!("{:?}", self.0);
        for what in all {
            assert!(self.0.contains_key(*what), "never met: {what}");
        }
    }
}

/// Judges frames, and has answers judged.
fn respond_to(
    make: fn(&mut Random) -> Vec<u8>,
    judge: fn(question: &[u8], address: IpAddr, answer: &[u8]),
) -> Met {
    let (port, held, mut met) = (port(), held(), Met::default());
    fuzz(|random| {
        let (frame, vlan) = (make(random), vlan(random));
        match respond(&frame, vlan, &port, &held) {
            Response::Reply {
                address,
                frame: answer,
            } => {
                assert!(vlan.unwrap_or_default() & 0xfff == 0, "answered in a VLAN");
                assert!(
                    ![OWN.0, SIBLING.0].iter().any(|own| frame[6..12] == *own),
                    "answered itself"
                );
                assert_eq!(answer.bytes()[6..12], OWN.0);
                judge(&frame, address, answer.bytes());
                met.note("Reply");
            }
            Response::ForeignClaim { address, mac } => {
                assert!([IpAddr::from(HELD4), HELD6.into()].contains(&address));
                assert!(mac.is_station() && ![OWN, SIBLING].contains(&mac));
                met.note("ForeignClaim");
            }
            Response::Ignored(why) => met.note(label(why)),
        }
    });
    met
}

fn label(why: Ignored) -> &'static str {
    let one = Ignored::ALL.into_iter().find(|(one, _)| *one == why);
    one.unwrap().1
}

fn all_reasons() -> Vec<&'static str> {
    let reasons = Ignored::ALL.map(|(_, label)| label);
    ["Reply", "ForeignClaim"].into_iter().chain(reasons).collect()
}

#[test]
fn arp_is_answered_rightly_or_not_at_all() {
    let met = respond_to(around_arp, |question, address, answer| {
        assert_eq!(address, IpAddr::from(HELD4));
        assert_eq!(question[38..42], HELD4.octets(), "this address was asked for");
        let answer = Arp::parse(answer).unwrap();
        assert_eq!(
            (answer.operation, answer.sender, answer.sender_mac),
            (Operation::Reply, HELD4, OWN)
        );
        assert_eq!(question[22..28], answer.destination.0, "to who asked");
        assert_eq!(
            (answer.destination, true),
            (answer.target_mac, answer.destination.is_station())
        );
        assert_eq!(question[28..32], answer.target.octets());
    });
    met.expect(&all_reasons());
}

#[test]
fn solicitations_are_answered_rightly_or_not_at_all() {
    let met = respond_to(around_ndp, |question, address, answer| {
        assert_eq!(address, IpAddr::from(HELD6));
        assert_eq!(question[62..78], HELD6.octets(), "this address was asked for");
        let Ndp::Advertisement(read) = Ndp::parse(answer).unwrap() else {
            panic!("no advertisement");
        };
        assert_eq!(
            (read.source, read.target, read.target_link),
            (HELD6, HELD6, Some(OWN))
        );
        let asker = Ipv6Addr::from(*question[22..38].first_chunk::<16>().unwrap());
        let detection = asker.is_unspecified();
        assert_eq!((read.solicited, read.override_), (!detection, true));
        match detection {
            true => assert_eq!(
                (read.destination, read.destination_mac),
                (ALL_NODES, group_mac(ALL_NODES))
            ),
            false => assert_eq!(
                (read.destination, true),
                (asker, read.destination_mac.is_station())
            ),
        }
        let (router, hops, kind) = (answer[58] & 0x80, answer[21], by_another_library(answer));
        assert_eq!((router, hops, kind), (0, 255, Some(136)));
    });
    met.expect(&all_reasons());
}

#[test]
fn what_is_read_as_arp_is_arp() {
    let mut met = Met::default();
    fuzz(|random| {
        let frame = around_arp(random);
        match Arp::parse(&frame) {
            // Padding aside, there is nothing in such a frame that is not read.
            Some(arp) => assert_eq!(arp.emit(), frame[..FRAME]),
            None => met.note("refused"),
        }
        met.note("any");
    });
    met.expect(&["any", "refused"]);
    assert!(
        met.0["refused"] * 10 < met.0["any"] * 9,
        "too few frames are right"
    );
}

#[test]
fn what_is_read_as_neighbour_discovery_is_that() {
    let mut met = Met::default();
    fuzz(|random| {
        let frame = around_ndp(random);
        match Ndp::parse(&frame) {
            Some(Ndp::Solicitation(read)) => {
                assert_eq!(by_another_library(&frame), Some(135));
                assert!(!read.target.is_multicast());
                assert_eq!(question_of(&frame), (read.source_mac, read.target));
                met.note("solicitation");
            }
            Some(Ndp::Advertisement(read)) => {
                assert_eq!(by_another_library(&frame), Some(136));
                assert_eq!(question_of(&frame), (read.source_mac, read.target));
                if read.target_link.is_some() {
                    assert_eq!(Ndp::parse(&read.emit()), Some(Ndp::Advertisement(read)));
                }
                met.note("advertisement");
            }
            None => met.note("refused"),
        }
    });
    met.expect(&["solicitation", "advertisement", "refused"]);
}

fn question_of(frame: &[u8]) -> (Mac, Ipv6Addr) {
    let target = frame[62..].first_chunk::<16>().unwrap();
    (Mac(*frame[6..].first_chunk().unwrap()), (*target).into())
}

/// The ICMPv6 type of a frame whose headers and checksum another library finds right too.
fn by_another_library(frame: &[u8]) -> Option<u8> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Icmpv6(icmp))) = (&packet.net, &packet.transport)
    else {
        return None;
    };
    let header = ip.header();
    let valid = |icmp: &Icmpv6Slice<'_>| icmp.is_checksum_valid(header.source(), header.destination());
    (valid(icmp) && header.hop_limit() == 255 && icmp.code_u8() == 0).then(|| icmp.type_u8())
}
