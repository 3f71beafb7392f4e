use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use proptest::prelude::*;
use range_set_blaze::RangeSetBlaze;

use super::*;
use crate::domain::pools::overlap::merged;

impl FromIterator<AddressRange> for AddressSet {
    fn from_iter<I: IntoIterator<Item = AddressRange>>(ranges: I) -> Self {
        let ranges: Vec<AddressRange> = ranges.into_iter().collect();
        Self::from_disjoint(&ByFamily::of(|family| {
            let of_family = ranges.iter().filter(|range| range.family() == family);
            merged(of_family.map(AddressRange::bounds).collect())
        }))
    }
}

fn range(text: &str) -> AddressRange {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_whole_ipv6_prefix_is_one_interval() {
    let set: AddressSet = [range("2001:db8::/64")].into_iter().collect();
    assert_eq!(set.ranges(Family::V6).count(), 1);
    assert_eq!(set.count(Family::V6), 1 << 64);
}

#[test]
fn all_of_ipv6_counts_as_the_largest_number() {
    let all = AddressRange::new(ip("::"), ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).unwrap();
    let set: AddressSet = [all].into_iter().collect();
    assert_eq!(set.count(Family::V6), u128::MAX);
    assert_eq!(set.after(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), None);
}

#[test]
fn touching_ranges_become_one() {
    let set: AddressSet = [range("192.0.2.0/31"), range("192.0.2.2/31")]
        .into_iter()
        .collect();
    assert_eq!(
        set.ranges(Family::V4).collect::<Vec<_>>(),
        vec![range("192.0.2.0/30")]
    );
}

#[test]
fn the_address_after_a_taken_one_is_the_next_free_one() {
    let mut set: AddressSet = [range("192.0.2.0-192.0.2.3")].into_iter().collect();
    assert!(set.remove(ip("192.0.2.1")));
    assert!(!set.remove(ip("192.0.2.1")));
    assert_eq!(set.after(ip("192.0.2.0")), Some(ip("192.0.2.2")));
}

/// Ranges of small numbers to put in, and numbers to take out again.
fn small_numbers() -> impl Strategy<Value = (Vec<(u32, u32)>, Vec<u32>)> {
    let range = (0u32..200, 0u32..20).prop_map(|(first, length)| (first, first + length));
    let ranges = proptest::collection::vec(range, 0..30);
    (ranges, proptest::collection::vec(0u32..220, 0..60))
}

fn small(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(number))
}

/// As [`small_numbers`], over all of IPv4, with ends that often touch or overlap.
fn wide_numbers() -> impl Strategy<Value = (Vec<(u32, u32)>, Vec<u32>)> {
    let near = prop_oneof![
        0u32..4,
        (0u32..4).prop_map(|back| u32::MAX - back),
        (0u32..16, 0u32..4).prop_map(|(bit, off)| (1 << (2 * bit)) + off),
    ];
    let range = (near.clone(), near.clone()).prop_map(|(one, other)| (one.min(other), one.max(other)));
    let ranges = proptest::collection::vec(range, 0..20);
    (ranges, proptest::collection::vec(near, 0..40))
}

fn set(ranges: &[(u32, u32)]) -> AddressSet {
    let range = |(first, last): &(u32, u32)| AddressRange::new(small(*first), small(*last)).unwrap();
    ranges.iter().map(range).collect()
}

proptest! {
    #[test]
    fn behaves_as_another_implementation_of_interval_sets((ranges, taken) in wide_numbers()) {
        let mut set = set(&ranges);
        let mut model = RangeSetBlaze::<Ipv4Addr>::new();
        for (first, last) in ranges {
            model.ranges_insert(Ipv4Addr::from_bits(first)..=Ipv4Addr::from_bits(last));
        }
        for number in taken {
            prop_assert_eq!(set.remove(small(number)), model.remove(Ipv4Addr::from_bits(number)));
        }
        let ours: Vec<_> = set.ranges(Family::V4).map(|range| (range.first(), range.last())).collect();
        let theirs: Vec<_> = model
            .ranges()
            .map(|range| (IpAddr::V4(*range.start()), IpAddr::V4(*range.end())))
            .collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn behaves_as_a_plain_set_of_numbers((ranges, taken) in small_numbers()) {
        let mut set = set(&ranges);
        let mut model: BTreeSet<u32> = ranges.into_iter().flat_map(|(first, last)| first..=last).collect();
        for number in taken {
            prop_assert_eq!(set.remove(small(number)), model.remove(&number));
        }
        prop_assert_eq!(set.count(Family::V4), model.len() as u128);
        for number in 0..230 {
            prop_assert_eq!(set.contains(small(number)), model.contains(&number));
            let next = model.range(number + 1..).next().map(|&next| small(next));
            prop_assert_eq!(set.after(small(number)), next);
        }
        let ranges: Vec<_> = set.ranges(Family::V4).map(|range| range.bounds()).collect();
        prop_assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "intervals do not touch");
    }
}
