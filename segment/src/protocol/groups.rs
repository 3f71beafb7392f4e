//! A group of addresses that came to be on two nodes is brought together on one, by planned moves.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Duration;

use super::Segment;
use crate::message::{Hold, NodeId};
use crate::moment::Moment;
use crate::order::Contender;
use crate::peer::Peer;

/// A group must be split for so long, with the same node to gather it, before it moves: after a partition, conflicts are
/// over and all nodes know the same claims by then.
const SETTLED: Duration = Duration::from_secs(1);

/// An address that is held here and whose group is to be on another node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    since: Moment,
    gatherer: NodeId,
}

impl Segment {
    /// The node that an address that is held here is to go to so that its group is on one node; none while that is not
    /// clear yet.
    pub(super) fn gather(&mut self, address: IpAddr, hold: &Hold, now: Moment) -> Option<NodeId> {
        let Some(gatherer) = self.gatherer(address) else {
            self.splits.remove(&address);
            return None;
        };
        if hold.yield_to == Some(gatherer) {
            return Some(gatherer);
        }
        let ready = self.can_gather(gatherer, now);
        let new = Split { since: now, gatherer };
        let split = self.splits.entry(address).or_insert(new);
        if !ready || split.gatherer != gatherer {
            *split = new;
        }
        if now.since(split.since) < SETTLED {
            return None;
        }
        self.splits.remove(&address);
        Some(gatherer)
    }

    /// The node on which the group of the address is to be, unless it is this one: of the nodes that hold some of the
    /// group and suit equally, those in good standing first, then the one with the most addresses, then the lowest hash.
    /// All nodes compute that alike, and a move makes the node that gathers come first all the
    /// more: nothing moves back.
    pub(super) fn gatherer(&self, address: IpAddr) -> Option<NodeId> {
        let place = self.place(address)?;
        // The operator decides.
        if self.view.as_ref()?.moves.contains_key(&address) {
            return None;
        }
        let me = self.me.node;
        let elsewhere = |mate: &IpAddr| self.holder(*mate).is_some_and(|node| node != me);
        if place.group.len() < 2 || !place.group.iter().any(elsewhere) {
            return None;
        }
        let contenders = self.contenders(place, &self.living());
        let mine = contenders.iter().find(|one| one.node == me)?.fitness;
        let equal = |one: &&Contender| {
            one.fitness.against == mine.against && one.fitness.preference == mine.preference && !one.joining
        };
        let key = |one: &&Contender| (one.last_resort, Reverse(one.mates), one.hash, one.node);
        let first = contenders
            .iter()
            .filter(equal)
            .filter(|one| one.mates > 0)
            .min_by_key(key)?;
        let refused = self
            .yields
            .get(&address)
            .is_some_and(|one| one.refused.contains_key(&first.node));
        (first.node != me && !refused).then_some(first.node)
    }

    /// Whether both nodes take part and this one knows all claims of the other.
    fn can_gather(&self, gatherer: NodeId, now: Moment) -> bool {
        let known = |peer: &Peer| peer.instance.node == gatherer && peer.is_synced() && peer.is_current();
        self.stunned.is_none() && self.carrier && self.may_claim(now) && self.peers.values().any(known)
    }

    /// Looks again at split groups once they were split for long enough.
    pub(super) fn follow_splits(&mut self, now: Moment) {
        let due = |split: &Split| now.since(split.since) >= SETTLED;
        let due = self.splits.iter().filter(|(_, split)| due(split));
        let due: Vec<IpAddr> = due.map(|(address, _)| *address).collect();
        for address in due {
            match self.own.hold(address).copied() {
                Some(hold) => self.review(address, hold, now),
                None => drop(self.splits.remove(&address)),
            }
        }
    }

    pub(super) fn next_split(&self) -> Option<Moment> {
        self.splits.values().map(|split| split.since + SETTLED).min()
    }

    /// The holder of one address of a group decides where the others belong: all of them are looked at.
    pub(super) fn look_at_groups(&mut self) {
        let group = |address: &IpAddr| self.place(*address).filter(|place| place.group.len() > 1);
        let groups = self.attention.iter().filter_map(group);
        let mates: Vec<IpAddr> = groups.flat_map(|place| place.group.iter().copied()).collect();
        self.attention.extend(mates);
    }
}
