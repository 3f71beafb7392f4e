pub(super) mod any;
mod notification;
mod received;
mod strict;

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::bgp::{Asn, Attributes};
use crate::prefix::{Family, Prefix};
use any::{any_attributes, any_open, any_prefixes, any_style};

/// All messages in these bytes.
pub(super) fn frames(mut bytes: &[u8], max: usize) -> Vec<Frame<'_>> {
    let mut frames = Vec::new();
    while let Some(frame) = split(bytes, max).unwrap() {
        frames.push(frame);
        bytes = &bytes[frame.length..];
    }
    assert_eq!(bytes.len(), 0, "a message is cut");
    frames
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    bytes
}

/// All UPDATEs that it takes to announce these.
pub(super) fn announced(
    style: &PathStyle,
    attributes: &Attributes,
    mut rest: &[Prefix],
    max: usize,
) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let mut bytes = Vec::new();
        let done = announce(style, attributes, rest, max, &mut bytes).unwrap();
        assert!(done > 0 && bytes.len() <= max);
        rest = &rest[done..];
        all.push(bytes);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn an_open_that_is_written_is_read(open in any_open()) {
        let bytes = written(|out| open.emit(out));
        let frames = frames(&bytes, MESSAGE_MAX);
        prop_assert_eq!(frames[0].kind, Kind::Open);
        prop_assert_eq!(Open::parse(frames[0].body), Ok(open));
    }

    #[test]
    fn a_notification_that_is_written_is_read(code: u8, subcode: u8, data: Vec<u8>) {
        let notification = Notification { code, subcode, data };
        let bytes = written(|out| notification.emit(out));
        prop_assert_eq!(Notification::parse(frames(&bytes, MESSAGE_MAX)[0].body), notification);
    }

    #[test]
    fn what_is_announced_is_right_and_counted(
        style in any_style(),
        attributes in any_attributes(),
        prefixes in any_prefixes(),
        extended: bool,
    ) {
        prop_assume!(style.carries(prefixes[0].family()));
        let max = if extended { MESSAGE_MAX_EXTENDED } else { MESSAGE_MAX };
        let reading = Reading { internal: style.internal, four_octets: style.four_octets };
        let updates = announced(&style, &attributes, &prefixes, max);
        let received = updates.iter().map(|bytes| check(frames(bytes, max)[0].body, reading).unwrap());
        let received: Vec<_> = received.collect();
        prop_assert!(received.iter().all(|one| one.found == Found::Good && one.withdrawn == 0), "{received:?}");
        prop_assert_eq!(received.iter().map(|one| one.announced).sum::<usize>(), prefixes.len());
    }

    #[test]
    fn what_is_withdrawn_is_right_and_counted(style in any_style(), prefixes in any_prefixes(), extended: bool) {
        let max = if extended { MESSAGE_MAX_EXTENDED } else { MESSAGE_MAX };
        let reading = Reading { internal: style.internal, four_octets: style.four_octets };
        let mut rest = &prefixes[..];
        let mut count = 0;
        while !rest.is_empty() {
            let mut bytes = Vec::new();
            rest = &rest[withdraw(&style, rest, max, &mut bytes)..];
            let received = check(frames(&bytes, max)[0].body, reading).unwrap();
            prop_assert_eq!((received.found, received.announced), (Found::Good, 0));
            count += received.withdrawn;
        }
        prop_assert_eq!(count, prefixes.len());
    }

    #[test]
    fn a_message_cut_anywhere_is_not_whole_yet(open in any_open()) {
        let bytes = written(|out| open.emit(out));
        for length in 0..bytes.len() {
            prop_assert_eq!(split(&bytes[..length], MESSAGE_MAX), Ok(None));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, internal: bool, four_octets: bool, max in 19..65536_usize) {
        let _ = split(&bytes, max);
        let _ = Open::parse(&bytes);
        let _ = Notification::parse(&bytes).to_string();
        let _ = refreshed(&bytes);
        let _ = check(&bytes, Reading { internal, four_octets });
    }
}

#[test]
fn the_end_of_a_table_is_marked_for_each_family() {
    for family in [Family::V4, Family::V6] {
        let bytes = written(|out| end_of_rib(family, out));
        let reading = Reading {
            internal: false,
            four_octets: true,
        };
        let received = check(frames(&bytes, MESSAGE_MAX)[0].body, reading).unwrap();
        assert_eq!(received.found, Found::EndOfRib(family));
    }
}

#[test]
fn ten_thousand_routes_with_equal_attributes_take_fifty_kilobytes() {
    let prefixes: Vec<Prefix> = (0..10_000)
        .map(|number| Prefix::host(Ipv4Addr::from_bits(0xc612_0000 + number).into()))
        .collect();
    let style = any::external([192, 0, 2, 11]);
    let updates = announced(&style, &Attributes::default(), &prefixes, MESSAGE_MAX);
    assert_eq!(updates.len(), 13);
    assert!(updates.concat().len() < 51_000);
    let updates = announced(&style, &Attributes::default(), &prefixes, MESSAGE_MAX_EXTENDED);
    assert_eq!(updates.len(), 1);
}

#[test]
fn a_peer_with_short_as_numbers_gets_the_long_one_in_an_attribute_of_its_own() {
    let style = PathStyle {
        asn: Asn(4_200_000_001),
        four_octets: false,
        ..any::external([192, 0, 2, 11])
    };
    let prefixes = [Prefix::host([198, 51, 100, 7].into())];
    let updates = announced(&style, &Attributes::default(), &prefixes, MESSAGE_MAX);
    let contains = |part: &[u8]| updates[0].windows(part.len()).any(|window| window == part);
    // AS_PATH of AS_TRANS, and AS4_PATH.
    assert!(contains(&[0x40, 2, 4, 2, 1, 0x5b, 0xa0]));
    assert!(contains(&[0xc0, 17, 6, 2, 1, 0xfa, 0x56, 0xea, 0x01]));
}

#[test]
fn attributes_that_leave_no_room_for_a_prefix_are_refused() {
    let mut attributes = Attributes::default();
    attributes.communities.standard = (0..1020)
        .map(|number| crate::bgp::Community(64512, number))
        .collect();
    let prefixes = [Prefix::host([198, 51, 100, 7].into())];
    let mut bytes = vec![7];
    let style = any::external([192, 0, 2, 11]);
    let refused = announce(&style, &attributes, &prefixes, MESSAGE_MAX, &mut bytes);
    assert_eq!((refused, bytes), (Err(TooLong), vec![7]));
}
