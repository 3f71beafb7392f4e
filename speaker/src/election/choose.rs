//! Which of the eligible nodes wins.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::NodeName;

use super::Field;
use super::firsts::Contenders;
use super::rank::{Hash, Locality, Ranked, hash, hash_of};

/// Addresses that stand for election together: a group, or one address of a group that no node is eligible for.
#[derive(Debug)]
pub(super) struct Contest {
    /// The first address of the group, whose hash decides: what is left of a group that had to be split keeps
    /// together as far as it can.
    pub(super) first: IpAddr,
    /// The addresses.
    pub(super) addresses: BTreeSet<IpAddr>,
    /// The nodes.
    pub(super) field: Arc<Field>,
    /// The nodes of the highest preference: one of them announces.
    pub(super) contenders: Contenders,
    /// How near they are, where that is asked for.
    pub(super) localities: BTreeMap<NodeName, Locality>,
}

impl Contest {
    pub(super) fn field(&self) -> &Arc<Field> {
        &self.field
    }

    pub(super) fn ranking(&self) -> Vec<Ranked> {
        let ranked = |node: &NodeName| Ranked {
            node: node.clone(),
            preference: self.field.eligible[node].preference,
            locality: self.locality(node),
            hash: hash(node, self.first),
        };
        let mut all: Vec<Ranked> = self.field.eligible.keys().map(ranked).collect();
        all.sort_by_key(Ranked::order);
        all
    }

    /// The node that holds most of the addresses, unless another is preferred to it: a group of which one half has
    /// moved follows that half.
    fn keeper(&self, holders: &BTreeMap<IpAddr, NodeName>) -> Option<NodeName> {
        let mut held: BTreeMap<&NodeName, usize> = BTreeMap::new();
        for holder in self.addresses.iter().filter_map(|address| holders.get(address)) {
            *held.entry(holder).or_default() += 1;
        }
        let held_by = |node: &&NodeName| held.get(*node).copied().unwrap_or_default();
        self.contenders
            .iter()
            .filter(|node| held_by(node) > 0)
            .min_by_key(|node| (Reverse(held_by(node)), hash(node, self.first)))
            .cloned()
    }

    /// The nearest node with room for all the addresses, else the one with most room.
    fn placed(&self, loads: &Loads) -> Option<NodeName> {
        let bound = loads.bound(self.contenders.len());
        let text = self.first.to_string();
        let nearest = |node: &&NodeName| self.nearness(node, &text);
        let roomy = |node: &&NodeName| loads.of(node) + self.addresses.len() <= bound;
        let with_room = self.contenders.iter().filter(roomy).min_by_key(nearest);
        let emptiest = || {
            let order = |node: &&NodeName| (loads.of(node), self.nearness(node, &text));
            self.contenders.iter().min_by_key(order)
        };
        with_room.or_else(emptiest).cloned()
    }

    fn nearness(&self, node: &NodeName, first: &str) -> (Reverse<Locality>, Hash) {
        (Reverse(self.locality(node)), hash_of(node, first))
    }

    fn locality(&self, node: &NodeName) -> Locality {
        self.localities.get(node).copied().unwrap_or_default()
    }
}

/// Somebody of the highest preference for each contest, which says that there is somebody.
pub(super) fn any_winners(contests: &[Arc<Contest>]) -> Vec<Option<NodeName>> {
    let any = |contest: &Arc<Contest>| contest.contenders.first().cloned();
    contests.iter().map(any).collect()
}

/// The winner of each contest: who holds an address keeps it, then the rest are placed in order of their addresses.
pub(super) fn full_winners(
    contests: &[Arc<Contest>],
    holders: &BTreeMap<IpAddr, NodeName>,
) -> Vec<Option<NodeName>> {
    let mut loads = Loads::expecting(contests.iter().map(|contest| contest.addresses.len()).sum());
    let mut winners: Vec<Option<NodeName>> = contests.iter().map(|contest| contest.keeper(holders)).collect();
    for (contest, keeper) in contests.iter().zip(&winners) {
        loads.add(keeper.as_ref(), contest.addresses.len());
    }
    for (contest, winner) in contests.iter().zip(&mut winners) {
        if winner.is_none() {
            *winner = contest.placed(&loads);
            loads.add(winner.as_ref(), contest.addresses.len());
        }
    }
    winners
}

/// How many addresses each node has.
struct Loads {
    by_node: BTreeMap<NodeName, usize>,
    addresses: usize,
}

impl Loads {
    fn expecting(addresses: usize) -> Self {
        Self {
            by_node: BTreeMap::new(),
            addresses,
        }
    }

    /// ⌈1.25 × addresses / nodes⌉ for addresses that any of `nodes` may take.
    ///
    /// Whatever the other nodes have, these cannot all be full: single addresses always find room.
    fn bound(&self, nodes: usize) -> usize {
        (self.addresses * 5).div_ceil((nodes * 4).max(1))
    }

    fn of(&self, node: &NodeName) -> usize {
        self.by_node.get(node).copied().unwrap_or_default()
    }

    fn add(&mut self, node: Option<&NodeName>, addresses: usize) {
        if let Some(node) = node {
            *self.by_node.entry(node.clone()).or_default() += addresses;
        }
    }
}
