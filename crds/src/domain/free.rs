//! A set of addresses as disjoint intervals: O(log n) look-up and change, a whole /64 is one entry.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::range::{address, number};
use super::{AddressRange, ByFamily, Family};

/// Any number of addresses of both families.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AddressSet(ByFamily<Intervals>);

impl AddressSet {
    /// The addresses of these numbers. The intervals of a family are in order, and no two overlap or touch.
    pub(super) fn from_disjoint(intervals: &ByFamily<Vec<(u128, u128)>>) -> Self {
        Self(ByFamily::of(|family| {
            Intervals(intervals[family].iter().copied().collect())
        }))
    }

    /// Takes one address out; false if it was not in.
    pub fn remove(&mut self, address: IpAddr) -> bool {
        self.0[Family::of(address)].remove(number(address))
    }

    /// Whether the address is in.
    pub fn contains(&self, address: IpAddr) -> bool {
        let number = number(address);
        self.0[Family::of(address)].at_or_after(number) == Some(number)
    }

    /// The lowest address of a family.
    pub fn first(&self, family: Family) -> Option<IpAddr> {
        let number = self.0[family].at_or_after(0)?;
        Some(address(family, number))
    }

    /// The lowest address above this one, of its family.
    pub fn after(&self, previous: IpAddr) -> Option<IpAddr> {
        let family = Family::of(previous);
        let next = number(previous).checked_add(1)?;
        let number = self.0[family].at_or_after(next)?;
        Some(address(family, number))
    }

    /// How many addresses of a family are in; 2^128-1 stands for all of IPv6.
    pub fn count(&self, family: Family) -> u128 {
        self.0[family].count()
    }

    /// The intervals of a family in order.
    pub fn ranges(&self, family: Family) -> impl Iterator<Item = AddressRange> + '_ {
        self.0[family].0.iter().filter_map(move |(&first, &last)| {
            AddressRange::new(address(family, first), address(family, last)).ok()
        })
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

    fn remove(&mut self, number: u128) -> bool {
        let Some((first, last)) = self.at_or_before(number).filter(|(_, last)| *last >= number) else {
            return false;
        };
        self.0.remove(&first);
        if first < number {
            self.0.insert(first, number - 1);
        }
        if number < last {
            self.0.insert(number + 1, last);
        }
        true
    }

    fn count(&self) -> u128 {
        self.0.iter().fold(0, |sum: u128, (first, last)| {
            sum.saturating_add((last - first).saturating_add(1))
        })
    }
}

#[cfg(test)]
mod tests;
