//! The one order of nodes: which node comes first for an address that nobody holds. The protocol and `ferrolb plan` both
//! ask here.
//!
//! 1. Fitness: the lesser soft reason against a node (`Fitness::against`).
//! 2. Standing: nodes that drain, or returned a short while ago, only if there is no other.
//! 3. Preference: the greater sum of weights.
//! 4. Group mates: the node that holds more addresses of the group.
//! 5. Load: nodes that are equal so far and are below the bound.
//! 6. Nearness: more ready endpoints of policy Local; an endpoint of policy Cluster.
//! 7. Hash: MetalLB's order.

pub mod hash;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::message::{NodeId, Standing};
use super::view::{Fitness, GroupView, Nearness, SegmentView};
use hash::{Hash, hash_of};

/// A living node that takes part.
#[derive(Clone, Copy, Debug)]
pub struct Living {
    /// The node.
    pub node: NodeId,
    /// What it says of itself.
    pub standing: Standing,
    /// It does not take part yet.
    pub joining: bool,
}

/// A node that may hold an address.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// The node.
    pub node: NodeId,
    /// How well it suits.
    pub fitness: Fitness,
    /// It drains, or returned a short while ago: other nodes come first.
    pub last_resort: bool,
    /// It gives up what it holds as soon as another can have it.
    pub draining: bool,
    /// It can claim in a moment, but not take over.
    pub joining: bool,
    /// How near the endpoints are.
    pub nearness: Nearness,
    /// How many addresses of the group it holds.
    pub mates: usize,
    /// MetalLB's order: sha256(node "#" first address of the group).
    pub hash: Hash,
}

type Class = (u8, bool, Reverse<u32>, Reverse<usize>);

impl Contender {
    /// What neither load nor nearness outweighs.
    fn class(&self) -> Class {
        (
            self.fitness.against,
            self.last_resort,
            Reverse(self.fitness.preference),
            Reverse(self.mates),
        )
    }

    fn order(&self) -> (Class, Reverse<Nearness>, Hash, NodeId) {
        (self.class(), Reverse(self.nearness), self.hash, self.node)
    }
}

/// How many addresses of a group each node holds; nothing for an address that is alone.
pub type Mates = BTreeMap<NodeId, usize>;

/// Counts them; `holder` tells which node holds an address.
pub fn mates(group: &GroupView, holder: impl Fn(IpAddr) -> Option<NodeId>) -> Mates {
    let mut mates = Mates::new();
    if group.addresses.len() > 1 {
        for node in group.addresses.iter().filter_map(|mate| holder(*mate)) {
            *mates.entry(node).or_default() += 1;
        }
    }
    mates
}

/// One address of the group has another holder.
pub(crate) fn moved(mates: &mut Mates, from: Option<NodeId>, to: Option<NodeId>) {
    if let Some(count) = from.and_then(|node| mates.get_mut(&node)) {
        *count = count.saturating_sub(1);
    }
    if let Some(node) = to {
        *mates.entry(node).or_default() += 1;
    }
}

/// The living nodes that may hold an address of the group, best first; load is not regarded.
pub fn order(group: &GroupView, living: &[Living], view: &SegmentView, mates: &Mates) -> Vec<Contender> {
    let first = group.first.to_string();
    let contender = |living: &Living| {
        let standing = living.standing;
        Some(Contender {
            node: living.node,
            fitness: *group.fit.get(&living.node)?,
            last_resort: standing.draining || standing.hold_down,
            draining: standing.draining,
            joining: living.joining,
            nearness: group.nearness(living.node),
            mates: mates.get(&living.node).copied().unwrap_or_default(),
            hash: hash_of(view.nodes.get(&living.node)?, &first),
        })
    };
    let mut all: Vec<Contender> = living.iter().filter_map(contender).collect();
    all.sort_by_key(Contender::order);
    all
}

/// Whether an address moves from a living holder to this other node: one with a lesser reason against it, or a greater
/// preference; from a node that drains to any that is no worse. Never to a last resort.
pub fn moves(one: &Contender, holder: &Contender) -> bool {
    let (theirs, own) = (one.fitness, holder.fitness);
    let lesser_evil = theirs.against < own.against;
    let preferred = theirs.against == own.against && theirs.preference > own.preference;
    let drained = holder.draining && theirs.against <= own.against;
    one.node != holder.node && !one.last_resort && (lesser_evil || preferred || drained)
}

/// How many addresses each node has, and how many it should have at most.
#[derive(Clone, Debug, Default)]
pub struct Loads {
    /// What each node holds.
    pub by_node: BTreeMap<NodeId, usize>,
    /// All addresses of the segment, held or not.
    pub addresses: usize,
}

impl Loads {
    fn of(&self, node: NodeId) -> usize {
        self.by_node.get(&node).copied().unwrap_or_default()
    }

    /// ⌈1.25 × addresses / nodes⌉ for addresses that any of `nodes` may take: whatever other nodes hold, these cannot all
    /// be full.
    fn bound(&self, nodes: usize) -> usize {
        (self.addresses * 5).div_ceil((nodes * 4).max(1))
    }

    /// Puts the first of equals that has room in front, else the one with the least; the address is then counted for it.
    fn assign(&mut self, contenders: &mut [Contender]) {
        let Some(class) = contenders.first().map(Contender::class) else {
            return;
        };
        let equals = contenders.iter().take_while(|one| one.class() == class).count();
        let bound = self.bound(equals);
        let equal = &contenders[..equals];
        let roomy = equal.iter().position(|one| self.of(one.node) < bound);
        let emptiest = || (0..equals).min_by_key(|index| self.of(equal[*index].node));
        if let Some(first) = roomy.or_else(emptiest) {
            contenders[..=first].rotate_right(1);
        }
        *self.by_node.entry(contenders[0].node).or_default() += 1;
    }
}

/// Orders the living for each of `orphans`, addresses that nobody holds, one after the other: each counts as held by the
/// first of its order when the next one is looked at. `holder` tells which node holds an address that is held.
///
/// An address that nobody may hold has an empty order.
pub fn each(
    view: &SegmentView,
    orphans: impl IntoIterator<Item = IpAddr>,
    living: &[Living],
    mut loads: Loads,
    holder: impl Fn(IpAddr) -> Option<NodeId>,
) -> Vec<(IpAddr, Vec<Contender>)> {
    // By the first address of the group: counted once, however many orphans are in it.
    let mut counted: BTreeMap<IpAddr, Mates> = BTreeMap::new();
    let one = |address| {
        let group = view.groups.get(&address)?;
        let mates = counted
            .entry(group.first)
            .or_insert_with(|| mates(group, &holder));
        let mut contenders = order(group, living, view, mates);
        loads.assign(&mut contenders);
        if let Some(first) = contenders.first().filter(|_| group.addresses.len() > 1) {
            moved(mates, holder(address), Some(first.node));
        }
        Some((address, contenders))
    };
    orphans.into_iter().filter_map(one).collect()
}
