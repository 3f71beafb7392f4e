//! In which order the living come into question for an address that nobody holds.

pub mod hash;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ferrolb_crds::domain::NodeName;

use super::message::{NodeId, Standing};
use super::view::{Fitness, Place};
use hash::{Hash, hash_of};

/// A living node that takes part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Living {
    pub(super) node: NodeId,
    pub(super) standing: Standing,
    /// It does not take part yet.
    pub(super) joining: bool,
}

/// A node that may hold an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contender {
    pub(super) node: NodeId,
    pub(super) fitness: Fitness,
    /// Only if there is no other: it is drained, came back a short while ago, or cannot serve yet.
    pub(super) last_resort: bool,
    /// It can claim in a moment, but not take over.
    pub(super) joining: bool,
    /// How many addresses of the group it holds.
    mates: usize,
    /// MetalLB's order: sha256(node "#" first address of the group).
    hash: Hash,
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

    fn order(&self) -> (Class, Reverse<u32>, Hash, NodeId) {
        let nearness = Reverse(self.fitness.nearness);
        (self.class(), nearness, self.hash, self.node)
    }
}

/// Those of the living that may hold the address, best first. `mates` tells how many of the group a node holds.
pub(super) fn contenders(
    place: &Place,
    living: &[Living],
    names: &BTreeMap<NodeId, NodeName>,
    mates: impl Fn(NodeId) -> usize,
) -> Vec<Contender> {
    let first = place.first.to_string();
    let contender = |living: &Living| {
        let standing = living.standing;
        Some(Contender {
            node: living.node,
            fitness: *place.fit.get(&living.node)?,
            last_resort: standing.draining || standing.hold_down || standing.gate_closed,
            joining: living.joining,
            mates: mates(living.node),
            hash: hash_of(names.get(&living.node)?, &first),
        })
    };
    let mut all: Vec<Contender> = living.iter().filter_map(contender).collect();
    all.sort_by_key(Contender::order);
    all
}

/// How many addresses each node has, and how many it should have at most.
#[derive(Clone, Debug, Default)]
pub(super) struct Loads {
    pub(super) by_node: BTreeMap<NodeId, usize>,
    pub(super) addresses: usize,
}

impl Loads {
    fn of(&self, node: NodeId) -> usize {
        self.by_node.get(&node).copied().unwrap_or_default()
    }

    /// ⌈1.25 × addresses / nodes⌉ for addresses that any of `nodes` may take.
    fn bound(&self, nodes: usize) -> usize {
        (self.addresses * 5).div_ceil((nodes * 4).max(1))
    }

    /// Puts the first of equals that has room in front, else the one with the least; the address is then counted for it.
    pub(super) fn place(&mut self, contenders: &mut [Contender]) {
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
