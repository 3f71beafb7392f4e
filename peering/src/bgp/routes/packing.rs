//! From what is pending to UPDATEs.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::super::Attributes;
use super::super::wire::{announce, withdraw};
use super::{ExportTable, Filled, Lane, MESSAGE_MAX, OUTGOING_MAX, PathStyle, Pending};
use crate::prefix::{Family, Prefix};

/// What is written on.
pub(super) struct Paper<'a> {
    pub(super) style: &'a PathStyle,
    pub(super) max: usize,
    pub(super) out: &'a mut Vec<u8>,
    pub(super) filled: &'a mut Filled,
}

impl Paper<'_> {
    pub(super) fn has_room(&self) -> bool {
        self.out.len() + MESSAGE_MAX <= OUTGOING_MAX
    }

    /// The greatest length of the next message.
    fn limit(&self) -> usize {
        self.max.min(OUTGOING_MAX - self.out.len())
    }

    /// As many routes to single addresses as there may be room for.
    fn batch(&self, family: Family) -> usize {
        (OUTGOING_MAX - self.out.len()) / (1 + usize::from(family.bits() / 8))
    }

    /// Writes prefixes with these attributes as long as there is room. Returns how many are done with.
    fn announce(&mut self, attributes: &Attributes, prefixes: &[Prefix]) -> usize {
        let mut done = 0;
        while done < prefixes.len() && self.has_room() {
            let limit = self.limit();
            match announce(self.style, attributes, &prefixes[done..], limit, self.out) {
                Ok(count) => {
                    done += count;
                    self.filled.updates += 1;
                }
                Err(_) => {
                    self.filled.too_long += prefixes.len() - done;
                    done = prefixes.len();
                }
            }
        }
        done
    }
}

/// Prefixes by what is said of them.
type Groups = BTreeMap<Arc<Attributes>, Vec<Prefix>>;

fn groups<'a>(routes: impl Iterator<Item = (Prefix, &'a Arc<Attributes>)>) -> Groups {
    let mut groups = Groups::new();
    let mut last: Option<(&Arc<Attributes>, Vec<Prefix>)> = None;
    // Neighbours mostly have the same attributes: those are compared by their place.
    for (prefix, attributes) in routes {
        match &mut last {
            Some((same, prefixes)) if Arc::ptr_eq(same, attributes) => prefixes.push(prefix),
            _ => {
                let done = last.replace((attributes, vec![prefix]));
                done.into_iter().for_each(|done| add(&mut groups, done));
            }
        }
    }
    last.into_iter().for_each(|done| add(&mut groups, done));
    groups
}

fn add(groups: &mut Groups, (attributes, mut prefixes): (&Arc<Attributes>, Vec<Prefix>)) {
    match groups.entry(Arc::clone(attributes)) {
        Entry::Occupied(mut group) => group.get_mut().append(&mut prefixes),
        Entry::Vacant(group) => drop(group.insert(prefixes)),
    }
}

impl Lane {
    pub(super) fn write_withdrawn(&mut self, paper: &mut Paper<'_>) {
        while !self.withdrawn.is_empty() && paper.has_room() {
            let limit = paper.limit();
            // A prefix takes two octets at least, but for 0/0.
            let some: Vec<Prefix> = self.withdrawn.keys().copied().take(limit).collect();
            let done = withdraw(paper.style, &some, limit, paper.out);
            paper.filled.updates += 1;
            self.known -= done;
            some[..done]
                .iter()
                .for_each(|prefix| drop(self.withdrawn.remove(prefix)));
        }
    }

    pub(super) fn write_announced(&mut self, table: &ExportTable, paper: &mut Paper<'_>) {
        if self.announced.is_empty() || !paper.has_room() {
            return;
        }
        let routes = self.announced.keys();
        let groups = groups(routes.filter_map(|prefix| Some((*prefix, table.get(prefix)?))));
        for (attributes, prefixes) in groups {
            let done = paper.announce(&attributes, &prefixes);
            for prefix in &prefixes[..done] {
                let pending = self.announced.remove(prefix);
                self.known += usize::from(pending.is_some_and(|pending| pending.knows.is_none()));
            }
        }
    }

    /// Goes on with telling the whole table. What is grouped and finds no room waits as if it had changed.
    pub(super) fn write_round(&mut self, table: &ExportTable, family: Family, paper: &mut Paper<'_>) {
        while let Some(round) = self.round.take() {
            if !self.announced.is_empty() || !paper.has_room() {
                self.round = Some(round);
                return;
            }
            let of_family = table
                .range(round.from..)
                .take_while(|(prefix, _)| prefix.family() == family);
            let mut batch = of_family.map(|(prefix, attributes)| (*prefix, attributes));
            let some = groups(batch.by_ref().take(paper.batch(family)));
            if let Some((next, _)) = batch.next() {
                self.round = Some(super::Round {
                    from: next,
                    first: round.first,
                });
            }
            for (attributes, prefixes) in some {
                let done = paper.announce(&attributes, &prefixes);
                self.known += if round.first { done } else { 0 };
                for prefix in &prefixes[done..] {
                    let knows = (!round.first).then(|| Arc::clone(&attributes));
                    self.announced.insert(*prefix, Pending { knows, again: true });
                }
            }
        }
    }

    /// What was told so far is told again.
    pub(super) fn announce_again(&mut self, table: &ExportTable, family: Family) {
        let until = self.round.as_ref().map(|round| round.from);
        let told = table
            .iter()
            .take_while(|(prefix, _)| until.is_none_or(|until| **prefix < until));
        for (prefix, attributes) in told.filter(|(prefix, _)| prefix.family() == family) {
            self.announced.entry(*prefix).or_insert_with(|| Pending {
                knows: Some(Arc::clone(attributes)),
                again: true,
            });
        }
    }
}
