//! Few ranges that cover many addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// Ranges of the last 32 bits of IPv6 addresses, by their first three words; no words: whatever they are.
pub(super) type Ipv6Ranges = BTreeMap<Option<[u32; 3]>, Vec<RangeInclusive<u32>>>;

/// Addresses from the first to the last, both included, as numbers.
struct Range {
    first: u128,
    last: u128,
}

impl Range {
    fn low_words(&self) -> RangeInclusive<u32> {
        low_word(self.first)..=low_word(self.last)
    }
}

/// At most `limit` ranges with all these addresses in them.
pub(super) fn ipv4(addresses: &BTreeSet<Ipv4Addr>, limit: usize) -> Vec<RangeInclusive<u32>> {
    let numbers: Vec<u128> = addresses
        .iter()
        .map(|address| u128::from(address.to_bits()))
        .collect();
    merged(&numbers, limit).iter().map(Range::low_words).collect()
}

/// At most `limit` ranges with all these addresses in them, in at most `prefixes` prefixes of 96 bits: else without
/// prefixes.
pub(super) fn ipv6(addresses: &BTreeSet<Ipv6Addr>, limit: usize, prefixes: usize) -> Ipv6Ranges {
    let exact: Vec<u128> = addresses.iter().map(|address| address.to_bits()).collect();
    let distinct: BTreeSet<u128> = exact.iter().map(|number| prefix(*number)).collect();
    let by_prefix = distinct.len() <= prefixes;
    let numbers = if by_prefix {
        exact
    } else {
        let suffixes: BTreeSet<u128> = exact.iter().map(|number| u128::from(low_word(*number))).collect();
        suffixes.into_iter().collect()
    };
    let mut ranges = Ipv6Ranges::new();
    for range in merged(&numbers, limit) {
        let key = by_prefix.then(|| words(range.first));
        ranges.entry(key).or_default().push(range.low_words());
    }
    ranges
}

/// Joins neighbours, then whatever has the smallest gaps, but never across a boundary of 2^32.
fn merged(numbers: &[u128], limit: usize) -> Vec<Range> {
    let open = open_gaps(numbers, limit);
    let mut ranges: Vec<Range> = Vec::new();
    for (at, number) in numbers.iter().enumerate() {
        match ranges.last_mut() {
            Some(range) if !open.contains(&at) => range.last = *number,
            _ => ranges.push(Range {
                first: *number,
                last: *number,
            }),
        }
    }
    ranges
}

/// The positions, but the first, that start a range: those that must (another prefix), then those with the widest
/// gaps.
fn open_gaps(numbers: &[u128], limit: usize) -> BTreeSet<usize> {
    let gap = |at: usize| numbers[at] - numbers[at - 1];
    let (must, may): (Vec<usize>, Vec<usize>) =
        (1..numbers.len()).partition(|at| prefix(numbers[*at]) != prefix(numbers[*at - 1]));
    let mut may: Vec<usize> = may.into_iter().filter(|at| gap(*at) > 1).collect();
    may.sort_by_key(|at| (std::cmp::Reverse(gap(*at)), *at));
    let left = limit.saturating_sub(must.len() + 1);
    must.into_iter().chain(may.into_iter().take(left)).collect()
}

fn prefix(number: u128) -> u128 {
    number >> 32
}

fn words(number: u128) -> [u32; 3] {
    [low_word(number >> 96), low_word(number >> 64), low_word(number >> 32)]
}

fn low_word(number: u128) -> u32 {
    (number & u128::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges(numbers: &[u128], limit: usize) -> Vec<(u128, u128)> {
        let ranges = merged(numbers, limit);
        ranges.iter().map(|range| (range.first, range.last)).collect()
    }

    #[test]
    fn neighbours_become_one_range() {
        assert_eq!(ranges(&[5, 6, 7, 9], 4), [(5, 7), (9, 9)]);
    }

    #[test]
    fn too_many_are_joined_over_the_smallest_gaps() {
        assert_eq!(ranges(&[10, 20, 23, 40], 3), [(10, 10), (20, 23), (40, 40)]);
        assert_eq!(ranges(&[10, 20, 23, 40], 1), [(10, 40)]);
    }

    #[test]
    fn a_range_stays_within_a_prefix_even_if_there_are_more_than_the_limit() {
        let edge = 1 << 32;
        assert_eq!(ranges(&[edge - 1, edge], 1), [(edge - 1, edge - 1), (edge, edge)]);
    }

    #[test]
    fn ipv6_addresses_of_many_prefixes_are_matched_by_their_last_word() {
        let addresses = BTreeSet::from([
            "2001:db8:1::5".parse().unwrap(),
            "2001:db8:2::5".parse().unwrap(),
            "2001:db8:3::7".parse().unwrap(),
        ]);
        assert_eq!(
            ipv6(&addresses, 9, 2),
            Ipv6Ranges::from([(None, vec![5..=5, 7..=7])])
        );
        assert_eq!(ipv6(&addresses, 9, 3).len(), 3);
    }

    proptest! {
        #[test]
        fn all_numbers_are_covered_by_no_more_ranges_than_allowed(
            numbers in prop::collection::btree_set(0_u128..2000, 0..60),
            limit in 1_usize..20,
        ) {
            let numbers: Vec<u128> = numbers.into_iter().collect();
            let ranges = ranges(&numbers, limit);
            prop_assert!(ranges.len() <= limit);
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
            for number in numbers {
                prop_assert!(ranges.iter().any(|(first, last)| (*first..=*last).contains(&number)));
            }
        }
    }
}
