//! Which node held which address and when, by the answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::mac::Mac;

/// A node that is silent for longer does not hold the address meanwhile, or its node stood still. Of questions every 10 ms so
/// many are not lost one after the other.
const BREAK: Duration = Duration::from_millis(250);
/// The node that answered last within this time holds an address in the end.
const END: Duration = Duration::from_millis(400);

/// A node says that it has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) at: Instant,
    pub(super) address: Ipv4Addr,
    pub(super) mac: Mac,
}

/// One answers for an address without a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spell {
    pub(super) mac: Mac,
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// The spells of each address in the order they began.
pub(super) struct History(BTreeMap<Ipv4Addr, Vec<Spell>>);

impl History {
    /// The spells in answers that are in the order they came.
    pub(super) fn of(answers: &[Answer]) -> Self {
        let mut spells = BTreeMap::<Ipv4Addr, Vec<Spell>>::new();
        for Answer { at, address, mac } in answers.iter().copied() {
            let of_address = spells.entry(address).or_default();
            let going_on = of_address
                .iter_mut()
                .rfind(|spell| spell.mac == mac && at - spell.to < BREAK);
            match going_on {
                Some(spell) => spell.to = at,
                None => of_address.push(Spell {
                    mac,
                    from: at,
                    to: at,
                }),
            }
        }
        Self(spells)
    }

    /// For each address how often another began to answer than the one before.
    pub(super) fn moves(&self) -> BTreeMap<Ipv4Addr, usize> {
        let changes = |spells: &Vec<Spell>| {
            spells
                .windows(2)
                .filter(|pair| pair[0].mac != pair[1].mac)
                .count()
        };
        let moves = self.0.iter().map(|(address, spells)| (*address, changes(spells)));
        moves.filter(|(_, moves)| *moves > 0).collect()
    }

    /// The longest time for which two answered for one address.
    pub(super) fn longest_double(&self) -> Duration {
        let overlaps = self.0.values().flat_map(|spells| {
            let others = |begun: usize| spells[..begun].iter();
            let begun = spells.iter().enumerate();
            begun.flat_map(move |(begun, second)| others(begun).map(|first| overlap(first, second)))
        });
        overlaps.max().unwrap_or_default()
    }

    /// When the last one answered for an address who does not hold it in the end; none if nobody ever did. An error
    /// if an address has no holder at the end, or more than one.
    pub(super) fn last_loser(&self, end: Instant) -> Result<Option<Instant>, String> {
        let mut last = None;
        for (address, spells) in &self.0 {
            let holders = at_the_end(spells, end);
            let [holder] = holders.iter().collect::<Vec<_>>()[..] else {
                return Err(format!("{address} is held by {holders:?}"));
            };
            let losers = spells.iter().filter(|spell| spell.mac != *holder);
            last = losers.map(|spell| spell.to).chain(last).max();
        }
        Ok(last)
    }

    /// The node that holds each address at the end, as by [`Self::last_loser`]; none is named where there are two.
    pub(super) fn holders(&self, end: Instant) -> BTreeMap<Ipv4Addr, Mac> {
        let holder = |(address, spells): (&Ipv4Addr, &Vec<Spell>)| {
            let holders = at_the_end(spells, end);
            (holders.len() == 1).then(|| Some((*address, *holders.first()?)))?
        };
        self.0.iter().filter_map(holder).collect()
    }

    /// The nodes that answered for each address.
    pub(super) fn answering(&self) -> BTreeMap<Ipv4Addr, BTreeSet<Mac>> {
        let macs = |spells: &Vec<Spell>| spells.iter().map(|spell| spell.mac).collect();
        self.0
            .iter()
            .map(|(address, spells)| (*address, macs(spells)))
            .collect()
    }
}

fn overlap(first: &Spell, second: &Spell) -> Duration {
    if first.mac == second.mac {
        return Duration::ZERO;
    }
    first.to.min(second.to).saturating_duration_since(second.from)
}

fn at_the_end(spells: &[Spell], end: Instant) -> BTreeSet<Mac> {
    let lately = spells.iter().filter(|spell| spell.to + END >= end);
    lately.map(|spell| spell.mac).collect()
}

/// When one of these last answered before that time.
pub(super) fn last_of(answers: &[Answer], victims: &BTreeSet<Mac>, before: Instant) -> Option<Instant> {
    let of_victims = answers.iter().filter(|answer| victims.contains(&answer.mac));
    of_victims.map(|answer| answer.at).filter(|at| *at < before).max()
}

/// How often one of these answered for an address after another had taken it over.
pub(super) fn stale(answers: &[Answer], victims: &BTreeSet<Mac>) -> usize {
    let mut taken = BTreeSet::new();
    let mut stale = 0;
    for answer in answers {
        if !victims.contains(&answer.mac) {
            taken.insert(answer.address);
        } else if taken.contains(&answer.address) {
            stale += 1;
        }
    }
    stale
}

/// The longest time between two answers about an address.
pub(super) fn longest_silence(answers: &[Answer]) -> Duration {
    let mut last = BTreeMap::<Ipv4Addr, Instant>::new();
    let mut longest = Duration::ZERO;
    for answer in answers {
        if let Some(before) = last.insert(answer.address, answer.at) {
            longest = longest.max(answer.at - before);
        }
    }
    longest
}

#[cfg(test)]
mod tests;
