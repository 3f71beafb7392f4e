//! When each node last proved that it hears this instance.

use std::collections::{BTreeMap, BTreeSet};

use crate::Moment;
use crate::message::NodeId;

#[derive(Clone, Debug, Default)]
pub(super) struct Proofs {
    newest: BTreeMap<NodeId, Moment>,
    in_order: BTreeSet<(Moment, NodeId)>,
}

impl Proofs {
    pub(super) fn add(&mut self, node: NodeId, at: Moment) {
        let before = self.newest.get(&node).copied();
        if before < Some(at) {
            before.map(|before| self.in_order.remove(&(before, node)));
            self.newest.insert(node, at);
            self.in_order.insert((at, node));
        }
    }

    /// So many nodes proved it no sooner than that.
    pub(super) fn of(&self, nodes: usize) -> Option<Moment> {
        let nth = self.in_order.iter().rev().nth(nodes.checked_sub(1)?);
        nth.map(|(at, _)| *at)
    }
}
