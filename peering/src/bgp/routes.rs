//! What one peer is to know, and what it knows (Adj-RIB-Out).
//!
//! What a peer knows is not kept: it is what is wanted, but for what it has yet to be told. So 10,000 routes cost a peer
//! nothing once it has them, and one that reads slowly costs a buffer and a cursor.

mod difference;
mod packing;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use strum::VariantArray;

use super::Attributes;
use super::wire::{MESSAGE_MAX, PathStyle, end_of_rib};
use crate::prefix::{Family, Prefix};

/// What is to be announced to a peer.
pub type ExportTable = Arc<BTreeMap<Prefix, Arc<Attributes>>>;

/// So many bytes wait for a peer that reads slowly, at most.
pub const OUTGOING_MAX: usize = 65_536;

/// What a peer has yet to be told of one prefix.
#[derive(Clone, Debug)]
struct Pending {
    /// What it knows.
    knows: Option<Arc<Attributes>>,
    /// It wants to be told even if that is what it knows.
    again: bool,
}

/// How far a peer has been told the table of a family from its beginning.
#[derive(Clone, Debug)]
struct Round {
    /// The first prefix of which it has not.
    from: Prefix,
    /// It knew nothing before.
    first: bool,
}

/// The routes of one family.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// The session carries it.
    open: bool,
    round: Option<Round>,
    withdrawn: BTreeMap<Prefix, Arc<Attributes>>,
    announced: BTreeMap<Prefix, Pending>,
    end_is_due: bool,
    /// How many routes the peer knows.
    known: usize,
}

/// The routes for one peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes {
    wanted: Option<ExportTable>,
    lanes: [Lane; 2],
}

/// What was written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Filled {
    /// UPDATEs.
    pub(super) updates: u64,
    /// The families whose end was marked.
    pub(super) ends: Vec<Family>,
    /// Prefixes whose attributes do not fit into a message.
    pub(super) too_long: usize,
}

impl Routes {
    /// The peer knows nothing, and is to be told about these families.
    pub(super) fn open(&mut self, is_carried: impl Fn(Family) -> bool) {
        for (lane, &family) in self.lanes.iter_mut().zip(Family::VARIANTS) {
            let open = is_carried(family);
            let round = Round {
                from: first(family),
                first: true,
            };
            *lane = Lane {
                open,
                round: open.then_some(round),
                end_is_due: open,
                ..Lane::default()
            };
        }
    }

    /// There is no session.
    pub(super) fn close(&mut self) {
        self.lanes = Default::default();
    }

    /// Something else is wanted. Returns whether the peer has to be told something that it was not before.
    pub(super) fn want(&mut self, table: ExportTable) -> bool {
        let Some(before) = self.wanted.replace(Arc::clone(&table)) else {
            return self.lanes.iter().any(|lane| lane.open);
        };
        if Arc::ptr_eq(&before, &table) || self.lanes.iter().all(|lane| !lane.open) {
            return false;
        }
        let mut changed = false;
        for (prefix, old, new) in difference::of(&before, &table) {
            changed |= self.lanes[prefix.family() as usize].change(prefix, old, new);
        }
        changed
    }

    /// The peer wants to be told everything again (RFC 2918). Returns whether the session carries the family.
    pub(super) fn repeat(&mut self, family: Family) -> bool {
        let lane = &mut self.lanes[family as usize];
        if lane.open {
            let first_round = lane.round.as_ref().is_some_and(|round| round.first);
            // What it was not told yet in the first round it is told anyway.
            if !first_round {
                lane.announced.retain(|_, pending| pending.knows.is_none());
                lane.round = Some(Round {
                    from: first(family),
                    first: false,
                });
            } else if let Some(table) = &self.wanted {
                lane.announce_again(table, family);
            }
        }
        lane.open
    }

    /// Whether the peer has been told everything.
    pub(super) fn is_told(&self) -> bool {
        self.wanted.is_none() || self.lanes.iter().all(Lane::is_told)
    }

    /// How many routes of each family the peer knows.
    pub(super) fn known(&self) -> [usize; 2] {
        self.lanes.each_ref().map(|lane| lane.known)
    }

    /// Appends UPDATEs of at most `max` bytes as long as there is room for one: withdrawals first.
    pub(super) fn fill(&mut self, style: &PathStyle, max: usize, out: &mut Vec<u8>) -> Filled {
        let mut filled = Filled::default();
        let Some(table) = self.wanted.clone() else {
            return filled;
        };
        let mut paper = packing::Paper {
            style,
            max,
            out,
            filled: &mut filled,
        };
        self.lanes
            .iter_mut()
            .for_each(|lane| lane.write_withdrawn(&mut paper));
        for lane in &mut self.lanes {
            lane.write_announced(&table, &mut paper);
        }
        for (lane, &family) in self.lanes.iter_mut().zip(Family::VARIANTS) {
            lane.write_round(&table, family, &mut paper);
        }
        for (lane, &family) in self.lanes.iter_mut().zip(Family::VARIANTS) {
            let is_due = lane.end_is_due && lane.is_told_all_but_end() && paper.has_room();
            if is_due {
                lane.end_is_due = false;
                end_of_rib(family, paper.out);
                paper.filled.updates += 1;
                paper.filled.ends.push(family);
            }
        }
        filled
    }
}

impl Lane {
    fn is_told_all_but_end(&self) -> bool {
        self.withdrawn.is_empty() && self.announced.is_empty() && self.round.is_none()
    }

    fn is_told(&self) -> bool {
        !self.open || self.is_told_all_but_end() && !self.end_is_due
    }

    /// One prefix changed. Returns whether the peer has to be told.
    fn change(
        &mut self,
        prefix: Prefix,
        old: Option<&Arc<Attributes>>,
        new: Option<&Arc<Attributes>>,
    ) -> bool {
        if !self.open {
            return false;
        }
        let waits = self.announced.contains_key(&prefix);
        if let Some(round) = self.round.as_ref().filter(|round| prefix >= round.from && !waits) {
            // The round will come to it; only what the peer knows and the round will not meet is to be withdrawn.
            match (round.first, old, new) {
                (false, Some(old), None) => drop(self.withdrawn.insert(prefix, Arc::clone(old))),
                (_, _, Some(_)) => drop(self.withdrawn.remove(&prefix)),
                _ => {}
            }
            return true;
        }
        let withdrawn = self.withdrawn.remove(&prefix).map(|knows| Pending {
            knows: Some(knows),
            again: false,
        });
        let pending = withdrawn.or_else(|| self.announced.remove(&prefix));
        let pending = pending.unwrap_or_else(|| Pending {
            knows: old.cloned(),
            again: false,
        });
        match (new, pending.knows.as_ref()) {
            (None, None) => return false,
            (None, Some(knows)) => drop(self.withdrawn.insert(prefix, Arc::clone(knows))),
            (Some(new), Some(knows)) if new == knows && !pending.again => return false,
            (Some(_), _) => drop(self.announced.insert(prefix, pending)),
        }
        true
    }
}

/// The first prefix of a family in their order.
fn first(family: Family) -> Prefix {
    let address = match family {
        Family::V4 => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    // A length of zero always fits.
    Prefix::new(address, 0).unwrap_or(Prefix::host(address))
}
