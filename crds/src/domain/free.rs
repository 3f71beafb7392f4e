//! A set of addresses as disjoint intervals: O(log n) look-up and change, a whole /64 is one entry.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::range::{address, number};
use super::{AddressRange, Family};

/// Any number of addresses of both families.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AddressSet {
    v4: Intervals,
    v6: Intervals,
}

impl AddressSet {
    /// The addresses of these numbers. The intervals are in order, and no two overlap or touch.
    pub(super) fn from_disjoint(v4: Vec<(u128, u128)>, v6: Vec<(u128, u128)>) -> Self {
        let intervals = |sorted: Vec<(u128, u128)>| Intervals(sorted.into_iter().collect());
        Self {
            v4: intervals(v4),
            v6: intervals(v6),
        }
    }

    /// Adds all addresses of a range.
    pub fn insert(&mut self, range: AddressRange) {
        let (first, last) = range.bounds();
        self.family_mut(range.family()).insert(first, last);
    }

    /// Takes one address out; false if it was not in.
    pub fn remove(&mut self, address: IpAddr) -> bool {
        let number = number(address);
        self.family_mut(Family::of(address)).remove(number, number)
    }

    /// Takes all addresses of a range out; true if any of them was in.
    pub fn remove_range(&mut self, range: AddressRange) -> bool {
        let (first, last) = range.bounds();
        self.family_mut(range.family()).remove(first, last)
    }

    /// Whether the address is in.
    pub fn contains(&self, address: IpAddr) -> bool {
        let number = number(address);
        self.family(Family::of(address)).at_or_after(number) == Some(number)
    }

    /// The lowest address of a family.
    pub fn first(&self, family: Family) -> Option<IpAddr> {
        self.family(family)
            .at_or_after(0)
            .map(|number| address(family, number))
    }

    /// The lowest address above this one, of its family.
    pub fn after(&self, previous: IpAddr) -> Option<IpAddr> {
        let family = Family::of(previous);
        let next = number(previous).checked_add(1)?;
        self.family(family)
            .at_or_after(next)
            .map(|number| address(family, number))
    }

    /// How many addresses of a family are in; 2^128-1 stands for all of IPv6.
    pub fn count(&self, family: Family) -> u128 {
        self.family(family).count()
    }

    /// The intervals of a family in order.
    pub fn ranges(&self, family: Family) -> impl Iterator<Item = AddressRange> + '_ {
        self.family(family).0.iter().filter_map(move |(&first, &last)| {
            AddressRange::new(address(family, first), address(family, last)).ok()
        })
    }

    fn family(&self, family: Family) -> &Intervals {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    fn family_mut(&mut self, family: Family) -> &mut Intervals {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

impl FromIterator<AddressRange> for AddressSet {
    fn from_iter<I: IntoIterator<Item = AddressRange>>(ranges: I) -> Self {
        let mut set = Self::default();
        ranges.into_iter().for_each(|range| set.insert(range));
        set
    }
}

/// Disjoint closed intervals by their start; no two touch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Intervals(BTreeMap<u128, u128>);

impl Intervals {
    /// The interval that starts at or before `number` and the end of it.
    fn at_or_before(&self, number: u128) -> Option<(u128, u128)> {
        self.0
            .range(..=number)
            .next_back()
            .map(|(&first, &last)| (first, last))
    }

    /// The lowest number in the set that is not below `number`.
    fn at_or_after(&self, number: u128) -> Option<u128> {
        match self.at_or_before(number) {
            Some((_, last)) if last >= number => Some(number),
            _ => self.0.range(number..).next().map(|(&first, _)| first),
        }
    }

    fn insert(&mut self, first: u128, last: u128) {
        let (mut first, mut last) = (first, last);
        if let Some((before, end)) = self.at_or_before(first)
            && end >= first.saturating_sub(1)
        {
            first = before;
            last = last.max(end);
        }
        while let Some((&start, &end)) = self.0.range(first..=last.saturating_add(1)).next() {
            self.0.remove(&start);
            last = last.max(end);
        }
        self.0.insert(first, last);
    }

    fn remove(&mut self, first: u128, last: u128) -> bool {
        let mut removed = false;
        if let Some((_, end)) = self.0.range_mut(..first).next_back()
            && *end >= first
        {
            let after = *end;
            *end = first - 1;
            if after > last {
                self.0.insert(last + 1, after);
            }
            if after >= last {
                return true;
            }
            removed = true;
        }
        while let Some((&start, &end)) = self.0.range(first..=last).next() {
            self.0.remove(&start);
            removed = true;
            if end > last {
                self.0.insert(last + 1, end);
            }
            if end >= last {
                break;
            }
        }
        removed
    }

    fn count(&self) -> u128 {
        self.0.iter().fold(0, |sum: u128, (first, last)| {
            sum.saturating_add((last - first).saturating_add(1))
        })
    }
}

#[cfg(test)]
mod tests;
