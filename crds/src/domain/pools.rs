//! All pools together: which of them owns an address.

pub(super) mod overlap;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::range::number;
use super::{AddressRange, AddressSet, ByFamily, Family, Invalid, Pool, PoolName};
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
    owned: ByFamily<Vec<Owned>>,
}

/// First and last number of an interval with the position of its pool. Lists of them are in order.
type Owned = (u128, u128, usize);

impl Pools {
    /// Puts pools together. An entry that cannot be used is a problem of its pool. An overlap is one of the pool made later (by
    /// name where that is equal), which does without the common addresses and goes on working.
    ///
    /// Takes n log n steps for n entries, and one more for each pool that an entry overlaps.
    pub fn new(pools: impl IntoIterator<Item = Pool>) -> (Self, Vec<(PoolName, Invalid)>) {
        let by_name: BTreeMap<PoolName, Pool> =
            pools.into_iter().map(|pool| (pool.name.clone(), pool)).collect();
        let pools: Vec<Pool> = by_name.into_values().collect();
        let mut by_age: Vec<usize> = (0..pools.len()).collect();
        by_age.sort_by_key(|position| pools[*position].created_unix_seconds);
        // By age: the first by name of the older pools that it overlaps.
        let mut overlapped: Vec<Option<usize>> = vec![None; pools.len()];
        let owned = ByFamily::of(|family| {
            let intervals = by_age.iter().map(|position| merged(&pools[*position], family));
            let intervals: Vec<Intervals> = intervals.collect();
            let owned = overlap::sweep(&intervals, |younger, older| {
                let older = by_age[older];
                let first = overlapped[younger].map_or(older, |known| known.min(older));
                overlapped[younger] = Some(first);
            });
            let at_position = |(first, last, age): Owned| (first, last, by_age[age]);
            owned.into_iter().map(at_position).collect::<Vec<Owned>>()
        });
        let both = by_age.iter().zip(overlapped);
        let overlaps = both.filter_map(|(younger, older)| problem(&pools[*younger], &pools[older?]));
        let problems = pools.iter().flat_map(unusable).chain(overlaps).collect();
        let together = Together {
            addresses: addresses(pools.len(), &owned),
            pools,
            owned,
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
        self.owner_position(address).map(|position| self.at(position))
    }

    /// The place of the owner among all pools by name.
    pub fn owner_position(&self, address: IpAddr) -> Option<usize> {
        let owned = &self.0.owned[Family::of(address)];
        let number = number(address);
        let after = owned.partition_point(|(first, ..)| *first <= number);
        let (_, last, position) = owned.get(after.checked_sub(1)?)?;
        (*last >= number).then_some(*position)
    }

    /// The place of a pool among all by name.
    pub fn position(&self, name: &PoolName) -> Option<usize> {
        self.0.pools.binary_search_by(|pool| pool.name.cmp(name)).ok()
    }

    /// The addresses that each pool owns, those in use included, in the order of [`Self::iter`].
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
fn addresses(pools: usize, owned: &ByFamily<Vec<Owned>>) -> Vec<AddressSet> {
    let mut by_pool = vec![ByFamily::<Intervals>::default(); pools];
    for family in Family::BOTH {
        for (first, last, position) in &owned[family] {
            by_pool[*position][family].push((*first, *last));
        }
    }
    by_pool.iter().map(AddressSet::from_disjoint).collect()
}

fn unusable(pool: &Pool) -> impl Iterator<Item = (PoolName, Invalid)> + '_ {
    let entries = pool.unusable.iter();
    entries.map(|entry| (pool.name.clone(), entry.clone()))
}

/// That `younger` overlaps `older`, told of its first entry that does.
fn problem(younger: &Pool, older: &Pool) -> Option<(PoolName, Invalid)> {
    let of_older = ByFamily::of(|family| merged(older, family));
    let meets = |range: &&AddressRange| overlap::meets(&of_older[range.family()], range.bounds());
    let range = younger.ranges.iter().find(meets)?;
    let older = &older.name;
    let reason = format!("{range} overlaps pool {older}, which keeps the common addresses");
    Some((younger.name.clone(), Invalid::new("spec.addresses", reason)))
}

#[cfg(test)]
mod tests;
