use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use proptest::prelude::*;

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
    let set: AddressSet = [range("::/0")].into_iter().collect();
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

proptest! {
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
