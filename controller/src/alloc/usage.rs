//! How full the pools are.

use std::collections::BTreeMap;

use ferrolb_crds::domain::{AddressRange, AddressSet, ByFamily, Family, Pool, PoolName, Pools};

use super::ledger::Ledger;
use super::others::Others;

/// Capacity and use of one pool. Numbers saturate at 2^63-1, as MetalLB's do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// Addresses that can be given out, those in use included.
    pub total: ByFamily<i64>,
    /// Addresses in use.
    pub used: ByFamily<i64>,
}

impl Usage {
    /// Addresses of a family that are free; stays at 2^63-1 while there are more than that.
    pub fn available(&self, family: Family) -> i64 {
        match self.total[family] {
            i64::MAX => i64::MAX,
            total => (total - self.used[family]).max(0),
        }
    }

    /// Addresses of both families that can be given out.
    pub fn total(&self) -> i64 {
        self.total[Family::V4].saturating_add(self.total[Family::V6])
    }

    /// Addresses of both families in use.
    pub fn used(&self) -> i64 {
        self.used[Family::V4] + self.used[Family::V6]
    }
}

/// Usage of every pool.
pub(super) fn usage(pools: &Pools, ledger: &Ledger<'_>, others: &Others<'_>) -> BTreeMap<PoolName, Usage> {
    let of_pool = |((pool, addresses), used): ((&Pool, &AddressSet), &ByFamily<i64>)| Usage {
        total: ByFamily::of(|family| capacity(pool, addresses, family)),
        used: *used,
    };
    let all = pools.iter().zip(pools.all_addresses()).zip(ledger.used());
    let mut usage: Vec<Usage> = all.map(of_pool).collect();
    // What is kept from Services and that none of them has all the same does not count.
    let known = others.known().into_iter();
    for address in known.filter(|address| !ledger.is_used(*address)) {
        let Some(position) = pools.owner_position(address) else {
            continue;
        };
        let total = &mut usage[position].total[Family::of(address)];
        if *total < i64::MAX && !pools.at(position).avoids(address) {
            *total -= 1;
        }
    }
    pools.iter().map(|pool| pool.name.clone()).zip(usage).collect()
}

fn capacity(pool: &Pool, addresses: &AddressSet, family: Family) -> i64 {
    let avoided = match family {
        Family::V4 if pool.avoid_buggy_ips => buggy(addresses.ranges(family)),
        _ => 0,
    };
    i64::try_from(addresses.count(family) - avoided).unwrap_or(i64::MAX)
}

/// How many IPv4 addresses end in .0 or .255.
fn buggy(ranges: impl Iterator<Item = AddressRange>) -> u128 {
    let below = |number: u128, last_byte: u128| (number + 256 - last_byte) / 256;
    let ending = |first: u128, last: u128, byte: u128| below(last + 1, byte + 1) - below(first, byte + 1);
    let in_range = |(first, last)| ending(first, last, 0) + ending(first, last, 255);
    ranges.map(|range| in_range(range.bounds())).sum()
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
        assert_eq!(buggy([range.parse().unwrap()].into_iter()), expected);
    }

    #[test]
    fn a_huge_pool_never_runs_low() {
        let mut usage = Usage::default();
        usage.total[Family::V6] = i64::MAX;
        usage.used[Family::V6] = 3;
        assert_eq!(usage.available(Family::V6), i64::MAX);
    }
}
