//! How full the pools are.

use std::collections::BTreeMap;

use ferrolb_crds::domain::{AddressSet, Family, Pool, PoolName, Pools};

use super::ledger::{Ledger, Used};
use super::others::Others;

/// Capacity and use of one pool. Numbers saturate at 2^63-1, as MetalLB's do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// IPv4 addresses that can be given out, those in use included.
    pub total_ipv4: i64,
    /// IPv6 addresses that can be given out, those in use included.
    pub total_ipv6: i64,
    /// IPv4 addresses in use.
    pub used_ipv4: i64,
    /// IPv6 addresses in use.
    pub used_ipv6: i64,
}

impl Usage {
    /// IPv4 addresses that are free.
    pub fn available_ipv4(&self) -> i64 {
        (self.total_ipv4 - self.used_ipv4).max(0)
    }

    /// IPv6 addresses that are free; stays at 2^63-1 while there are more than that.
    pub fn available_ipv6(&self) -> i64 {
        if self.total_ipv6 == i64::MAX {
            i64::MAX
        } else {
            (self.total_ipv6 - self.used_ipv6).max(0)
        }
    }

    /// Addresses of both families that can be given out.
    pub fn total(&self) -> i64 {
        self.total_ipv4.saturating_add(self.total_ipv6)
    }

    /// Addresses of both families in use.
    pub fn used(&self) -> i64 {
        self.used_ipv4 + self.used_ipv6
    }
}

/// Usage of every pool.
pub(super) fn usage(pools: &Pools, ledger: &Ledger<'_>, others: &Others<'_>) -> BTreeMap<PoolName, Usage> {
    let of_pool = |((pool, addresses), used): ((&Pool, &AddressSet), &Used)| Usage {
        used_ipv4: used.ipv4,
        used_ipv6: used.ipv6,
        ..capacity(pool, addresses)
    };
    let all = pools.iter().zip(pools.all_addresses()).zip(ledger.used());
    let mut usage: Vec<Usage> = all.map(of_pool).collect();
    // What is kept from Services and that none of them has all the same does not count.
    for address in others
        .known()
        .into_iter()
        .filter(|address| !ledger.is_used(*address))
    {
        let Some(position) = pools.owner_position(address) else {
            continue;
        };
        let is_counted = !pools.at(position).avoids(address);
        match Family::of(address) {
            Family::V4 => usage[position].total_ipv4 -= i64::from(is_counted),
            Family::V6 if usage[position].total_ipv6 == i64::MAX => {}
            Family::V6 => usage[position].total_ipv6 -= 1,
        }
    }
    pools.iter().map(|pool| pool.name.clone()).zip(usage).collect()
}

fn capacity(pool: &Pool, addresses: &AddressSet) -> Usage {
    let saturating = |number: u128| i64::try_from(number).unwrap_or(i64::MAX);
    let avoided = if pool.avoid_buggy_ips { buggy(addresses) } else { 0 };
    Usage {
        total_ipv4: saturating(addresses.count(Family::V4) - avoided),
        total_ipv6: saturating(addresses.count(Family::V6)),
        ..Usage::default()
    }
}

/// How many IPv4 addresses end in .0 or .255.
fn buggy(addresses: &AddressSet) -> u128 {
    let below = |number: u128, last_byte: u128| (number + 256 - last_byte) / 256;
    let ending = |first: u128, last: u128, byte: u128| below(last + 1, byte + 1) - below(first, byte + 1);
    let in_range = |(first, last)| ending(first, last, 0) + ending(first, last, 255);
    addresses
        .ranges(Family::V4)
        .map(|range| in_range(range.bounds()))
        .sum()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("192.0.2.0/24", 2)]
    #[case("192.0.2.1-192.0.2.254", 0)]
    #[case("192.0.2.255-192.0.3.0", 2)]
    #[case("192.0.2.0/32", 1)]
    #[case("10.0.0.0/16", 512)]
    #[case("10.0.0.0-10.0.0.254", 1)]
    fn counts_addresses_that_old_routers_mistake(#[case] range: &str, #[case] expected: u128) {
        assert_eq!(buggy(&[range.parse().unwrap()].into_iter().collect()), expected);
    }

    #[test]
    fn a_huge_pool_never_runs_low() {
        let usage = Usage {
            total_ipv6: i64::MAX,
            used_ipv6: 3,
            ..Usage::default()
        };
        assert_eq!(usage.available_ipv6(), i64::MAX);
    }
}
