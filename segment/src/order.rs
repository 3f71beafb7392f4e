//! The one order of nodes: who comes first for an address that nobody holds. The protocol and `ferrolb plan` both ask here.
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

use hash::{Hash, hash_of};

use super::message::{NodeId, Standing};
use super::view::{Fitness, Nearness, Place, SegmentView};

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

/// The living nodes that may hold the address, best first; load is not regarded. `mates` tells how many addresses of the
/// group a node holds.
pub fn order(
    place: &Place,
    living: &[Living],
    view: &SegmentView,
    mates: impl Fn(NodeId) -> usize,
) -> Vec<Contender> {
    let first = place.first.to_string();
    let contender = |living: &Living| {
        let standing = living.standing;
        Some(Contender {
            node: living.node,
            fitness: *place.fit.get(&living.node)?,
            last_resort: standing.draining || standing.hold_down,
            draining: standing.draining,
            joining: living.joining,
            nearness: place.nearness(living.node),
            mates: mates(living.node),
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
    fn place(&mut self, contenders: &mut [Contender]) {
        let Some(class) = contenders.first().map(Contender::class) else {
            return;
        };
        let equals = contenders.iter().take_while(|one| one.class() == class).count();
        let bound = self.bound(equals);
        let roomy = contenders[..equals]
            .iter()
            .position(|one| self.of(one.node) < bound);
        let emptiest = || (0..equals).min_by_key(|place| self.of(contenders[*place].node));
        if let Some(first) = roomy.or_else(emptiest) {
            contenders[..=first].rotate_right(1);
        }
        *self.by_node.entry(contenders[0].node).or_default() += 1;
    }
}

/// Orders the living for each of `orphans`, addresses that nobody holds, one after the other: each counts as held by the
/// first of its order when the next one is looked at. `holder` tells who holds the addresses that are held.
///
/// An address that nobody may hold has an empty order.
pub fn place(
    view: &SegmentView,
    orphans: impl IntoIterator<Item = IpAddr>,
    living: &[Living],
    mut loads: Loads,
    holder: impl Fn(IpAddr) -> Option<NodeId>,
) -> Vec<(IpAddr, Vec<Contender>)> {
    let mut placed: BTreeMap<IpAddr, NodeId> = BTreeMap::new();
    let one = |address| {
        let place = view.places.get(&address)?;
        let held_by = |mate| placed.get(&mate).copied().or_else(|| holder(mate));
        let mut contenders = order(place, living, view, |node| mates(place, node, held_by));
        loads.place(&mut contenders);
        placed.extend(contenders.first().map(|first| (address, first.node)));
        Some((address, contenders))
    };
    orphans.into_iter().filter_map(one).collect()
}

/// How many addresses of its group the node holds.
pub fn mates(place: &Place, node: NodeId, holder: impl Fn(IpAddr) -> Option<NodeId>) -> usize {
    let held = |mate: &&IpAddr| holder(**mate) == Some(node);
    match place.group.len() {
        0 | 1 => 0,
        _ => place.group.iter().filter(held).count(),
    }
}
