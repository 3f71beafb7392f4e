//! A group of addresses that came to be on two nodes is brought together on one, by planned moves.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Duration;

use super::facts::Facts;
use super::handover::Handover;
use super::pass::Look;
use crate::Moment;
use crate::message::{Hold, NodeId};
use crate::order::Contender;

/// A group must be split for so long, with the same node to gather it, before it moves: after a partition, conflicts are
/// over and all nodes know the same claims by then.
const SETTLED: Duration = Duration::from_secs(1);

/// An address that is held here and whose group is to be on another node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    since: Moment,
    gatherer: NodeId,
}

impl Handover {
    /// The node that an address that is held here is to go to so that its group is on one node; none while that is not
    /// clear yet.
    pub(super) fn gather(&mut self, look: &Look<'_>, hold: &Hold, able: bool, now: Moment) -> Option<NodeId> {
        let address = look.address;
        let Some(gatherer) = self.gatherer(look) else {
            self.splits.remove(&address);
            return None;
        };
        if hold.yield_to == Some(gatherer) {
            return Some(gatherer);
        }
        let mut peers = look.facts.roll.of_node(gatherer);
        let ready = able && peers.any(|peer| peer.is_synced() && peer.is_current()); // G3
        let new = Split { since: now, gatherer };
        let split = self.splits.entry(address).or_insert(new);
        if !ready || split.gatherer != gatherer {
            *split = new;
        }
        if now.since(split.since) < SETTLED {
            return None; // G2
        }
        self.splits.remove(&address);
        Some(gatherer)
    }

    /// The node on which the group of the address is to be, unless it is this one: of the nodes that hold some of the
    /// group and suit equally, those in good standing first, then the one with the most addresses, then the lowest hash.
    /// All nodes compute that alike, and a move makes the node that gathers come first all the
    /// more: nothing moves back (G1).
    pub(super) fn gatherer(&self, look: &Look<'_>) -> Option<NodeId> {
        let (facts, me) = (look.facts, look.facts.me.node);
        let is_split = look.mates.iter().any(|(node, count)| *node != me && *count > 0);
        // The operator decides.
        if facts.view.moves.contains_key(&look.address) || !is_split {
            return None;
        }
        let contenders = look.contenders();
        let mine = contenders.iter().find(|one| one.node == me)?.fitness;
        let equal = |one: &&Contender| one.fitness == mine && !one.joining && one.mates > 0;
        let key = |one: &&Contender| (one.last_resort, Reverse(one.mates), one.hash, one.node);
        let first = contenders.iter().filter(equal).min_by_key(key)?;
        (first.node != me && !self.has_refused(look.address, first.node)).then_some(first.node)
    }

    /// The addresses of groups that were split for long enough.
    pub(super) fn settled(&mut self, facts: &Facts, now: Moment) -> Vec<(IpAddr, Hold)> {
        let mut settled = Vec::new();
        self.splits.retain(|address, split| {
            let due = now.since(split.since) >= SETTLED;
            let hold = facts.ledger.own.hold(*address).filter(|_| due);
            settled.extend(hold.map(|hold| (*address, *hold)));
            !due || hold.is_some()
        });
        settled
    }

    pub(super) fn next_split(&self) -> Option<Moment> {
        self.splits.values().map(|split| split.since + SETTLED).min()
    }
}
