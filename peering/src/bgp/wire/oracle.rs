//! The codec against another one, `rustbgpd-wire`, both ways.
//!
//! What differs on purpose: prefixes that cannot be read end a session there, and are only counted here ("AFI/SAFI
//! disable", RFC 7606 section 3, j), so are families that are not spoken here, and wrong flags of MP_REACH and MP_UNREACH
//! count as a withdrawal (section 3, c). Next hops that cannot be one are refused there; here nothing follows one. Attributes of
//! other uses of BGP, and sets in paths (RFC 9774), are judged there alone; that an
//! internal route has a next hop and a preference is judged here alone.

use std::collections::BTreeSet;
use std::net::IpAddr;

use bytes::Bytes;
use proptest::prelude::*;
use rustbgpd_wire as other;
use rustbgpd_wire::notification::NotificationCode;
use rustbgpd_wire::validate::ErrorDisposition;

use super::tests::any::{any_attributes, any_open, any_prefix, any_prefixes, any_style};
use super::tests::{announced, frames};
use super::*;
use crate::bgp::Attributes;
use crate::prefix::{Family, Prefix};

const NEXT_HOP: u8 = 3;
const LOCAL_PREF: u8 = 5;
/// They write texts as RFC 8203 limits them, and read those of RFC 9003.
const THEIR_TEXT_MAX: usize = 128;

fn theirs(bytes: &[u8], max: usize) -> other::Message {
    let mut bytes = Bytes::copy_from_slice(bytes);
    let message = other::decode_message(&mut bytes, max as u16).unwrap();
    assert!(bytes.is_empty());
    message
}

fn afi(family: Family) -> other::Afi {
    match family {
        Family::V4 => other::Afi::Ipv4,
        Family::V6 => other::Afi::Ipv6,
    }
}

/// The capabilities, as the other codec has them; the host name is unknown to it.
fn capabilities(of: &Capabilities) -> Vec<other::Capability> {
    let safi = other::Safi::Unicast;
    let mut all = Vec::new();
    all.extend(of.families.iter().map(|family| other::Capability::MultiProtocol {
        afi: afi(*family),
        safi,
    }));
    all.extend(of.route_refresh.then_some(other::Capability::RouteRefresh));
    all.extend(of.extended_next_hop.then(|| {
        other::Capability::ExtendedNextHop(vec![other::ExtendedNextHopFamily {
            nlri_afi: other::Afi::Ipv4,
            nlri_safi: safi,
            next_hop_afi: other::Afi::Ipv6,
        }])
    }));
    all.extend(of.extended_messages.then_some(other::Capability::ExtendedMessage));
    all.extend(of.graceful_restart.as_ref().map(|restart| {
        other::Capability::GracefulRestart {
            restart_state: restart.restarted,
            notification: false,
            restart_time: restart.time.as_secs() as u16,
            families: restart
                .families
                .iter()
                .map(|kept| other::GracefulRestartFamily {
                    afi: afi(kept.family),
                    safi,
                    forwarding_preserved: kept.forwarding,
                })
                .collect(),
        }
    }));
    all.extend(
        of.four_octets
            .map(|asn| other::Capability::FourOctetAs { asn: asn.0 }),
    );
    all
}

fn prefix(of: other::Prefix) -> Prefix {
    match of {
        other::Prefix::V4(of) => Prefix::new(IpAddr::V4(of.addr), of.len).unwrap(),
        other::Prefix::V6(of) => Prefix::new(IpAddr::V6(of.addr), of.len).unwrap(),
    }
}

/// What the other codec reads: attributes but MP_REACH, prefixes, and their next hop.
fn read(
    bytes: &[u8],
    style: &PathStyle,
    max: usize,
) -> (Vec<other::PathAttribute>, Vec<Prefix>, Option<IpAddr>) {
    let other::Message::Update(update) = theirs(bytes, max) else {
        panic!("no UPDATE");
    };
    let parsed = update
        .parse_revised(style.four_octets, style.internal, false, &[])
        .unwrap();
    assert!(parsed.malformed.is_empty(), "{:?}", parsed.malformed);
    let mut prefixes: Vec<Prefix> = parsed
        .update
        .announced
        .iter()
        .map(|entry| prefix(other::Prefix::V4(entry.prefix)))
        .collect();
    let mut next_hop = None;
    let mut attributes = Vec::new();
    for attribute in parsed.update.attributes {
        match attribute {
            other::PathAttribute::MpReachNlri(reach) => {
                prefixes.extend(reach.announced.iter().map(|entry| prefix(entry.prefix)));
                next_hop = Some(reach.next_hop);
            }
            other::PathAttribute::NextHop(address) => next_hop = Some(address.into()),
            attribute => attributes.push(attribute),
        }
    }
    (attributes, prefixes, next_hop)
}

fn expected(style: &PathStyle, attributes: &Attributes) -> Vec<other::PathAttribute> {
    use other::PathAttribute as Is;
    // It puts AS4_PATH and AS_PATH together.
    let segment = other::AsPathSegment::AsSequence(vec![style.asn.0]);
    let segments = if style.internal { Vec::new() } else { vec![segment] };
    let mut all = vec![
        Is::Origin(other::Origin::Igp),
        Is::AsPath(other::AsPath { segments }),
    ];
    if style.internal {
        all.push(Is::LocalPref(attributes.local_pref.unwrap_or(100)));
    }
    let said = &attributes.communities;
    let standard = said
        .standard
        .iter()
        .map(|one| u32::from(one.0) << 16 | u32::from(one.1));
    all.push(Is::Communities(standard.collect()));
    let large = said
        .large
        .iter()
        .map(|one| other::LargeCommunity::new(one.0, one.1, one.2));
    all.push(Is::LargeCommunities(large.collect()));
    let empty = |attribute: &Is| {
        matches!(attribute, Is::Communities(all) if all.is_empty())
            || matches!(attribute, Is::LargeCommunities(all) if all.is_empty())
    };
    all.retain(|attribute| !empty(attribute));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn an_open_means_the_same_to_the_other_codec(open in any_open()) {
        let mut bytes = Vec::new();
        open.emit(&mut bytes);
        let other::Message::Open(read) = theirs(&bytes, MESSAGE_MAX) else { panic!("no OPEN") };
        prop_assert_eq!((read.hold_time, read.bgp_identifier), (open.hold, open.identifier));
        prop_assert_eq!(read.four_byte_as(), open.asn.0);
        let known: Vec<_> = read.capabilities.into_iter().filter(|one| one.code() != 73).collect();
        prop_assert_eq!(known, capabilities(&open.capabilities));
    }

    #[test]
    fn an_open_of_the_other_codec_is_read(open in any_open()) {
        let named = Open { capabilities: Capabilities { host_name: None, ..open.capabilities }, ..open };
        let message = other::Message::Open(other::OpenMessage {
            version: 4,
            my_as: named.asn.short(),
            hold_time: named.hold,
            bgp_identifier: named.identifier,
            capabilities: capabilities(&named.capabilities),
        });
        let bytes = other::encode_message(&message).unwrap();
        prop_assert_eq!(Open::parse(frames(&bytes, MESSAGE_MAX)[0].body), Ok(named));
    }

    #[test]
    fn a_notification_means_the_same_to_the_other_codec(code in 1..9_u8, subcode: u8, data: Vec<u8>) {
        let notification = Notification { code, subcode, data };
        let mut bytes = Vec::new();
        notification.emit(&mut bytes);
        let other::Message::Notification(read) = theirs(&bytes, MESSAGE_MAX) else { panic!("no NOTIFICATION") };
        prop_assert_eq!((read.code.as_u8(), read.subcode, &read.data[..]), (code, subcode, &notification.data[..]));
        let again = other::NotificationMessage::new(NotificationCode::from_u8(code), subcode, read.data);
        let again = other::encode_message(&other::Message::Notification(again)).unwrap();
        prop_assert_eq!(&again[..], &bytes[..]);
    }

    #[test]
    fn a_text_means_the_same_to_the_other_codec(text in "[ -~äöü€]{1,80}") {
        let ours = Notification::with_text(cease::SHUTDOWN, &text);
        prop_assert_eq!(other::notification::decode_shutdown_communication(&ours.data), Some(text.clone()));
        if text.len() <= THEIR_TEXT_MAX {
            let theirs = other::notification::encode_shutdown_communication(&text).to_vec();
            prop_assert_eq!(Notification::with(cease::SHUTDOWN, theirs), ours);
        }
    }

    #[test]
    fn routes_mean_the_same_to_the_other_codec(
        style in any_style(),
        attributes in any_attributes(),
        prefixes in any_prefixes(),
        extended: bool,
    ) {
        let family = prefixes[0].family();
        prop_assume!(style.carries(family));
        let max = if extended { MESSAGE_MAX_EXTENDED } else { MESSAGE_MAX };
        let mut read_all = BTreeSet::new();
        for bytes in announced(&style, &attributes, &prefixes, max) {
            let (mut said, prefixes, next_hop) = read(&bytes, &style, max);
            // They are kept raw there.
            said.retain(|one| !matches!(one.type_code(), 16 | 17));
            prop_assert_eq!(said, expected(&style, &attributes));
            let v4 = style.next_hops.v4.filter(|_| family == Family::V4).map(IpAddr::from);
            prop_assert_eq!(next_hop, v4.or(style.next_hops.v6.map(|hop| hop.address.into())));
            read_all.extend(prefixes);
        }
        prop_assert_eq!(read_all.into_iter().collect::<Vec<_>>(), prefixes);
    }

    #[test]
    fn withdrawals_mean_the_same_to_the_other_codec(style in any_style(), prefixes in any_prefixes()) {
        let (mut rest, mut all) = (&prefixes[..], BTreeSet::new());
        while !rest.is_empty() {
            let mut bytes = Vec::new();
            rest = &rest[withdraw(&style, rest, MESSAGE_MAX, &mut bytes)..];
            let other::Message::Update(update) = theirs(&bytes, MESSAGE_MAX) else { panic!("no UPDATE") };
            let parsed = update.parse(true, false, &[]).unwrap();
            all.extend(parsed.withdrawn.iter().map(|entry| prefix(other::Prefix::V4(entry.prefix))));
            for attribute in parsed.attributes {
                let other::PathAttribute::MpUnreachNlri(unreach) = attribute else { panic!("{attribute:?}") };
                all.extend(unreach.withdrawn.iter().map(|entry| prefix(entry.prefix)));
            }
        }
        prop_assert_eq!(all.into_iter().collect::<Vec<_>>(), prefixes);
    }

    /// What is good is bent in a few places: both codecs find as much wrong with it.
    #[test]
    fn a_broken_update_is_judged_as_by_the_other_codec(
        style in any_style(),
        attributes in any_attributes(),
        prefixes in prop::collection::vec(any_prefix(), 1..4),
        bent in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let family = prefixes[0].family();
        prop_assume!(style.carries(family));
        let prefixes: Vec<Prefix> = prefixes.into_iter().filter(|prefix| prefix.family() == family).collect();
        let mut bytes = announced(&style, &attributes, &prefixes, MESSAGE_MAX).remove(0);
        for (at, byte) in bent {
            let at = HEADER + at.index(bytes.len() - HEADER);
            bytes[at] = byte;
        }
        let reading = Reading { internal: style.internal, four_octets: style.four_octets };
        let ours = match check(&bytes[HEADER..], reading).map(|received| received.found) {
            Ok(Found::Good | Found::EndOfRib(_)) => None,
            Ok(Found::Discarded(_)) => Some(ErrorDisposition::AttributeDiscard),
            Ok(Found::Withdrawn(_)) => Some(ErrorDisposition::TreatAsWithdraw),
            Ok(Found::Unreadable) | Err(_) => Some(ErrorDisposition::SessionReset),
        };
        if let Some(theirs) = judged(&bytes, reading) {
            prop_assert_eq!(ours, theirs, "{:02x?}", bytes);
        }
    }
}

/// Whether MP_REACH or MP_UNREACH has prefixes of a family that is not spoken here.
fn is_of_other_families(body: &[u8]) -> bool {
    const MULTIPROTOCOL: std::ops::RangeInclusive<u8> = 14..=15;
    let Some((mut bytes, _)) = check::sized(body).and_then(|(_, rest)| check::sized(rest)) else {
        return false;
    };
    while let Some((_, kind, value, rest)) = check::attribute(bytes) {
        if MULTIPROTOCOL.contains(&kind) && !matches!(value, [0, 1..=2, 1, ..] | [] | [_] | [_, _]) {
            return true;
        }
        bytes = rest;
    }
    false
}

/// What the other codec finds wrong; none where it differs on purpose.
fn judged(bytes: &[u8], reading: Reading) -> Option<Option<ErrorDisposition>> {
    let Ok(other::Message::Update(update)) =
        other::decode_message(&mut Bytes::copy_from_slice(bytes), MESSAGE_MAX as u16)
    else {
        return Some(Some(ErrorDisposition::SessionReset));
    };
    let parsed = match update.parse_revised(reading.four_octets, reading.internal, false, &[]) {
        Ok(parsed) => parsed,
        Err(error) => {
            let words = error.to_string();
            let on_purpose = ["type 14 flags", "type 15 flags"];
            let is_meant =
                is_of_other_families(&bytes[HEADER..]) || on_purpose.iter().any(|part| words.contains(part));
            return (!is_meant).then_some(Some(ErrorDisposition::SessionReset));
        }
    };
    let is_reach = |one: &other::PathAttribute| matches!(one, other::PathAttribute::MpReachNlri(_));
    let attributes = &parsed.update.attributes;
    let plain = !parsed.update.announced.is_empty();
    let announces = plain || attributes.iter().any(is_reach);
    let has = |kind| attributes.iter().any(|one| one.type_code() == kind);
    if reading.internal && (plain && !has(NEXT_HOP) || announces && !has(LOCAL_PREF)) {
        return None;
    }
    let valid = other::validate::validate_update_attributes_with_context(
        attributes,
        announces,
        plain,
        !reading.internal,
        other::validate::UpdateValidationOptions::default(),
    );
    const INVALID_NEXT_HOP: u8 = 8;
    let invalid = match valid {
        Err(invalid) if invalid.error.subcode == INVALID_NEXT_HOP => return None,
        other => other.err().map(|invalid| invalid.error.disposition),
    };
    let is_there_alone = |one: &other::MalformedAttribute| {
        let of_other_uses = matches!(one.type_code, 22..=27 | 29 | 33..=42 | 128);
        of_other_uses || matches!(one.error, other::DecodeError::ProhibitedAsSet { .. })
    };
    if parsed.malformed.iter().any(is_there_alone) {
        return None;
    }
    let malformed = parsed.malformed.iter().map(|one| one.disposition);
    Some(malformed.chain(invalid).max())
}
