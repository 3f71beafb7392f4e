use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use proptest::prelude::*;
use range_set_blaze::RangeSetBlaze;

use super::*;

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

/// What is done to a set: put in (true) or take out a range of small numbers.
fn steps() -> impl Strategy<Value = Vec<(bool, u32, u32)>> {
    proptest::collection::vec((any::<bool>(), 0u32..200, 0u32..20), 0..60)
}

fn small(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(number))
}

/// As [`steps`], over all of IPv4, with ends that often touch or overlap.
fn wide_steps() -> impl Strategy<Value = Vec<(bool, u32, u32)>> {
    let near = prop_oneof![
        0u32..4,
        (0u32..4).prop_map(|back| u32::MAX - back),
        (0u32..16, 0u32..4).prop_map(|(bit, off)| (1 << (2 * bit)) + off),
    ];
    proptest::collection::vec((any::<bool>(), near.clone(), near), 0..40)
}

proptest! {
    #[test]
    fn behaves_as_another_implementation_of_interval_sets(steps in wide_steps()) {
        let mut set = AddressSet::default();
        let mut model = RangeSetBlaze::<Ipv4Addr>::new();
        for (put, one, other) in steps {
            let (first, last) = (one.min(other), one.max(other));
            let range = AddressRange::new(small(first), small(last)).unwrap();
            let bounds = Ipv4Addr::from_bits(first)..=Ipv4Addr::from_bits(last);
            if put {
                set.insert(range);
                model.ranges_insert(bounds);
            } else {
                let one: RangeSetBlaze<Ipv4Addr> = RangeSetBlaze::from_iter([bounds]);
                prop_assert_eq!(set.remove_range(range), !model.is_disjoint(&one));
                model = &model - &one;
            }
        }
        let ours: Vec<_> = set.ranges(Family::V4).map(|range| (range.first(), range.last())).collect();
        let theirs: Vec<_> = model
            .ranges()
            .map(|range| (IpAddr::V4(*range.start()), IpAddr::V4(*range.end())))
            .collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn behaves_as_a_plain_set_of_numbers(steps in steps()) {
        let mut set = AddressSet::default();
        let mut model = BTreeSet::new();
        for (put, first, length) in steps {
            let range = AddressRange::new(small(first), small(first + length)).unwrap();
            let numbers = first..=first + length;
            if put {
                set.insert(range);
                model.extend(numbers);
            } else {
                let any = numbers.clone().any(|number| model.contains(&number));
                prop_assert_eq!(set.remove_range(range), any);
                numbers.for_each(|number| { model.remove(&number); });
            }
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
