//! Lists of any length in pages.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use proptest::prelude::*;
use rstest::rstest;

use super::any::entry;
use super::bytes;
use crate::codec::{MESSAGE_MAX, Room, claims_pages, heard_pages};
use crate::digest::bucket_of;
use crate::message::{
    Body, Boot, ClaimsPage, ContentDigest, Entry, Epoch, HeardPage, Instance, Message, NodeId, Part, Tag,
    Version,
};

const BUCKET: u8 = 7;

fn size(body: Body) -> usize {
    let from = Instance {
        node: NodeId([1; 16]),
        boot: Boot(1),
    };
    bytes(&Message {
        from,
        sequence: 1,
        body,
    })
    .len()
}

fn page(entries: BTreeMap<IpAddr, Option<Entry>>) -> ClaimsPage {
    ClaimsPage {
        bucket: BUCKET,
        base: Some(Version(1)),
        version: Version(2),
        digest: ContentDigest(3),
        part: Part { index: 0, of: 1 },
        entries: entries.into_iter().collect(),
    }
}

/// Every third one is not known to hear the sender.
fn tags(number: u32) -> BTreeMap<Tag, bool> {
    (0..number).map(|number| (Tag(number), number % 3 > 0)).collect()
}

/// Addresses of the bucket.
fn addresses() -> impl Iterator<Item = IpAddr> {
    let all = (0..).map(|number| IpAddr::from(Ipv6Addr::from_bits((0x2001_0db8 << 96) + number)));
    all.filter(|address| bucket_of(*address) == BUCKET)
}

fn longest(number: usize) -> BTreeMap<IpAddr, Option<Entry>> {
    let longest = Entry::Released {
        epoch: Epoch(1),
        to: Some((NodeId([2; 16]), Version(3))),
    };
    addresses()
        .map(|address| (address, Some(longest)))
        .take(number)
        .collect()
}

fn are_numbered(parts: impl ExactSizeIterator<Item = Part>) -> bool {
    let of = parts.len();
    parts
        .enumerate()
        .all(|(index, part)| (usize::from(part.index), usize::from(part.of)) == (index, of))
}

/// Rules F5, F12.
#[rstest]
#[case::none(0, 1)]
#[case::one_page_of_them(346, 1)]
#[case::one_more(347, 2)]
#[case::all_there_can_be(88_230, 255)]
fn tags_are_split_into_pages_that_fit(#[case] number: u32, #[case] expected: usize) {
    let pages = heard_pages(Version(1), &tags(number), Room::default()).unwrap();
    assert_eq!(pages.len(), expected);
    assert!(are_numbered(pages.iter().map(|page| page.part)));
    let of = |tags: &[Tag], mutual| tags.iter().map(move |tag| (*tag, mutual)).collect::<Vec<_>>();
    let all = |page: &HeardPage| [of(&page.mutual, true), of(&page.one_way, false)].concat();
    let joined: BTreeMap<Tag, bool> = pages.iter().flat_map(all).collect();
    assert_eq!(joined, tags(number));
    assert!(
        pages
            .into_iter()
            .all(|page| size(Body::Heard(page)) <= MESSAGE_MAX)
    );
}

#[rstest]
#[case::none(0, 1)]
#[case::one_page_of_them(26, 1)]
#[case::one_more(27, 2)]
#[case::all_there_can_be(6630, 255)]
fn the_longest_entries_are_split_into_pages_that_fit(#[case] number: usize, #[case] expected: usize) {
    let pages = claims_pages(page(longest(number)), Room::default()).unwrap();
    assert_eq!(pages.len(), expected);
    assert!(are_numbered(pages.iter().map(|page| page.part)));
    assert!(
        pages
            .into_iter()
            .all(|page| size(Body::Claims(page)) <= MESSAGE_MAX)
    );
}

/// Rule F12: a packet has the envelope (6), the seal (16) and in a datagram the headers of IPv6 and UDP (48) besides.
#[rstest]
#[case::of_an_ethernet(1500, 1500)]
#[case::of_a_tunnel(1450, 1450)]
#[case::of_jumbo_frames(9000, 1500)]
#[case::of_less_than_ipv6_asks_for(576, 1280)]
fn pages_are_no_longer_than_the_mtu(#[case] mtu: u32, #[case] packet: usize) {
    let room = Room::of_mtu(mtu);
    let claims = claims_pages(page(longest(100)), room).unwrap();
    let heard = heard_pages(Version(1), &tags(1000), room).unwrap();
    let claims = claims.into_iter().map(Body::Claims);
    let sizes: Vec<usize> = claims
        .chain(heard.into_iter().map(Body::Heard))
        .map(|body| size(body) + 6 + 16 + 48)
        .collect();
    assert!(sizes.iter().all(|size| *size <= packet), "{sizes:?}");
    assert!(sizes.iter().any(|size| *size > packet - 4), "{sizes:?}");
}

#[test]
fn more_parts_than_can_be_counted_are_refused() {
    let heard = |number| heard_pages(Version(1), &tags(number), Room::default());
    assert_eq!(heard(88_230).map(|pages| pages.len()), Some(255));
    assert_eq!(heard(88_231), None);
    let claims = |number| claims_pages(page(longest(number)), Room::default());
    assert_eq!(claims(6630).map(|pages| pages.len()), Some(255));
    assert_eq!(claims(6631), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Rules F6, F12.
    #[test]
    fn entries_are_split_into_pages_that_fit(entries in prop::collection::vec(prop::option::of(entry()), 0..300)) {
        let entries: BTreeMap<_, _> = addresses().zip(entries).collect();
        let pages = claims_pages(page(entries.clone()), Room::default()).unwrap();
        prop_assert!(are_numbered(pages.iter().map(|page| page.part)));
        let joined: Vec<_> = pages.iter().flat_map(|page| page.entries.clone()).collect();
        prop_assert!(joined.into_iter().eq(entries));
        for one in pages {
            let whole = page(BTreeMap::new());
            let rest = ClaimsPage { part: whole.part, entries: Vec::new(), ..one.clone() };
            prop_assert_eq!(rest, whole);
            prop_assert!(size(Body::Claims(one)) <= MESSAGE_MAX);
        }
    }
}
