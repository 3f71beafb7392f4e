//! All pools together: which of them owns an address.

mod overlap;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::range::number;
use super::{AddressRange, AddressSet, Family, Pool, PoolName, Problem};
use overlap::Intervals;

/// All pools. Each address belongs to one pool at most: where pools overlap, to the one made first. Cloning costs
/// nothing.
#[derive(Clone, Debug, Default)]
pub struct Pools(Arc<Together>);

#[derive(Debug, Default)]
struct Together {
    /// By name; a pool's place here is its position.
    pools: Vec<Pool>,
    addresses: Vec<AddressSet>,
    owned_v4: Vec<Owned>,
    owned_v6: Vec<Owned>,
}

/// First and last number of an interval with the position of its pool. Lists of them are in order.
type Owned = (u128, u128, usize);

impl Pools {
    /// Puts pools together. An entry that cannot be used is a problem of its pool. An overlap is one of the pool made later (by
    /// name where that is equal), which does without the common addresses and goes on working.
    ///
    /// Takes n log n steps for n entries, and one more for each pool that an entry overlaps.
    pub fn new(pools: impl IntoIterator<Item = Pool>) -> (Self, Vec<Problem>) {
        let by_name: BTreeMap<PoolName, Pool> =
            pools.into_iter().map(|pool| (pool.name.clone(), pool)).collect();
        let pools: Vec<Pool> = by_name.into_values().collect();
        let mut by_age: Vec<usize> = (0..pools.len()).collect();
        by_age.sort_by_key(|position| pools[*position].created_unix_seconds);
        // By age: the first by name of the older pools that it overlaps.
        let mut overlapped: Vec<Option<usize>> = vec![None; pools.len()];
        let mut owned = |family| {
            let intervals = by_age.iter().map(|position| merged(&pools[*position], family));
            let intervals: Vec<Intervals> = intervals.collect();
            let owned = overlap::sweep(&intervals, |younger, older| {
                let older = by_age[older];
                let first = overlapped[younger].map_or(older, |known| known.min(older));
                overlapped[younger] = Some(first);
            });
            let at_position = |(first, last, age): Owned| (first, last, by_age[age]);
            owned.into_iter().map(at_position).collect::<Vec<Owned>>()
        };
        let (owned_v4, owned_v6) = (owned(Family::V4), owned(Family::V6));
        let both = by_age.iter().zip(overlapped);
        let overlaps = both.filter_map(|(younger, older)| problem(&pools[*younger], &pools[older?]));
        let problems = pools.iter().flat_map(unusable).chain(overlaps).collect();
        let together = Together {
            addresses: addresses(pools.len(), &owned_v4, &owned_v6),
            pools,
            owned_v4,
            owned_v6,
        };
        (Self(Arc::new(together)), problems)
    }

    /// The pool of this name.
    pub fn named(&self, name: &PoolName) -> Option<&Pool> {
        self.position(name).map(|position| self.at(position))
    }

    /// The pool at this place among all by name.
    ///
    /// # Panics
    /// Where there are not so many pools.
    pub fn at(&self, position: usize) -> &Pool {
        &self.0.pools[position]
    }

    /// The pool that owns this address.
    pub fn owner(&self, address: IpAddr) -> Option<&Pool> {
        self.owner_position(address)
            .map(|position| &self.0.pools[position])
    }

    /// The place of the owner among all pools by name.
    pub fn owner_position(&self, address: IpAddr) -> Option<usize> {
        let owned = match Family::of(address) {
            Family::V4 => &self.0.owned_v4,
            Family::V6 => &self.0.owned_v6,
        };
        let number = number(address);
        let after = owned.partition_point(|(first, ..)| *first <= number);
        let (_, last, position) = owned.get(after.checked_sub(1)?)?;
        (*last >= number).then_some(*position)
    }

    /// The place of a pool among all by name.
    pub fn position(&self, name: &PoolName) -> Option<usize> {
        self.0.pools.binary_search_by(|pool| pool.name.cmp(name)).ok()
    }

    /// The addresses a pool owns, those in use included.
    pub fn addresses(&self, name: &PoolName) -> Option<&AddressSet> {
        self.position(name).map(|position| &self.0.addresses[position])
    }

    /// The addresses of each pool, in the order of [`Self::iter`].
    pub fn all_addresses(&self) -> &[AddressSet] {
        &self.0.addresses
    }

    /// All pools by name.
    pub fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.0.pools.iter()
    }

    /// Whether there is no pool at all.
    pub fn is_empty(&self) -> bool {
        self.0.pools.is_empty()
    }
}

/// The numbers of a pool's entries of one family.
fn merged(pool: &Pool, family: Family) -> Intervals {
    let ranges = pool.ranges.iter().filter(|range| range.family() == family);
    overlap::merged(ranges.map(AddressRange::bounds).collect())
}

/// The addresses of each pool by its position.
fn addresses(pools: usize, owned_v4: &[Owned], owned_v6: &[Owned]) -> Vec<AddressSet> {
    let by_pool = |owned: &[Owned]| {
        let mut by_pool = vec![Intervals::new(); pools];
        for (first, last, position) in owned {
            by_pool[*position].push((*first, *last));
        }
        by_pool
    };
    let both = by_pool(owned_v4).into_iter().zip(by_pool(owned_v6));
    both.map(|(v4, v6)| AddressSet::from_disjoint(v4, v6)).collect()
}

fn unusable(pool: &Pool) -> impl Iterator<Item = Problem> + '_ {
    let entries = pool.unusable.iter();
    entries.map(|entry| Problem::new(pool.id(), entry))
}

/// That `younger` overlaps `older`, told of its first entry that does.
fn problem(younger: &Pool, older: &Pool) -> Option<Problem> {
    let of_older = [Family::V4, Family::V6].map(|family| merged(older, family));
    let meets = |range: &&AddressRange| match range.family() {
        Family::V4 => overlap::meets(&of_older[0], range.bounds()),
        Family::V6 => overlap::meets(&of_older[1], range.bounds()),
    };
    let range = younger.ranges.iter().find(meets)?;
    let message = format!(
        "spec.addresses: {range} overlaps pool {}, which keeps the common addresses",
        older.name
    );
    Some(Problem::new(younger.id(), message))
}

#[cfg(test)]
mod tests;
