//! What follows from which nodes are up and which are known: reckoned when that changes, not in each turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::domain::NodeName;

use super::Segment;
use crate::message::NodeId;
use crate::moment::Moment;
use crate::peer::Peer;

/// The nodes that count, and how many of them there are.
#[derive(Clone, Debug)]
pub(super) struct Members {
    /// Those that are up, this one included.
    pub(super) up: BTreeSet<NodeId>,
    /// How many are known, this one included.
    pub(super) known: usize,
    /// How many of those are up.
    known_up: usize,
    /// All that count under `single-owner`, alive or not: those that may announce by the cluster's view, and those that
    /// took part here.
    pub(super) electors: BTreeSet<NodeId>,
    reckoned: Reckoned,
}

/// What of the view, and of the nodes that it makes known, this was reckoned from.
#[derive(Clone, Debug, Default)]
struct Reckoned {
    known: usize,
    nodes: Arc<BTreeMap<NodeId, NodeName>>,
    electors: Arc<BTreeSet<NodeId>>,
}

impl Members {
    /// This node alone.
    pub(super) fn of(me: NodeId) -> Self {
        Self {
            up: BTreeSet::from([me]),
            known: 1,
            known_up: 1,
            electors: BTreeSet::from([me]),
            reckoned: Reckoned::default(),
        }
    }

    /// Less than half of those that are known are up.
    pub(super) fn is_minority(&self) -> bool {
        2 * self.known_up < self.known
    }
}

impl Segment {
    /// Reckons anew who counts, if anything of it changed.
    pub(super) fn count_members(&mut self) {
        let reckoned = &self.members.reckoned;
        let same_view = self.view.as_ref().is_none_or(|view| {
            Arc::ptr_eq(&view.nodes, &reckoned.nodes) && Arc::ptr_eq(&view.electors, &reckoned.electors)
        });
        if same_view && !self.peers.changed.members && self.known.len() == reckoned.known {
            return;
        }
        self.peers.changed.members = false;
        self.peers.changed.sides = true;
        let me = self.me.node;
        let up = self.peers.values().filter(|peer| peer.is_up());
        let up: BTreeSet<NodeId> = up.map(|peer| peer.instance.node).chain([me]).collect();
        let known = || {
            self.known
                .iter()
                .chain(Some(&me).filter(|me| !self.known.contains(*me)))
        };
        let electors = self.view.as_ref().map(|view| view.electors.iter());
        self.members = Members {
            known: known().count(),
            known_up: known().filter(|node| up.contains(*node)).count(),
            electors: electors.into_iter().flatten().chain(known()).copied().collect(),
            up,
            reckoned: Reckoned {
                known: self.known.len(),
                nodes: self
                    .view
                    .as_ref()
                    .map(|view| Arc::clone(&view.nodes))
                    .unwrap_or_default(),
                electors: self
                    .view
                    .as_ref()
                    .map(|view| Arc::clone(&view.electors))
                    .unwrap_or_default(),
            },
        };
        self.count_proofs();
    }

    /// A node that knows no other has no majority, if there are others: it may have started while it was cut off.
    pub(super) fn has_majority(&self) -> bool {
        let Members {
            known, known_up, up, ..
        } = &self.members;
        (up.len() > 1 || self.is_only_node()) && 2 * known_up > *known
    }

    /// Notes that each node that counts proved so late that it hears this instance.
    fn count_proofs(&mut self) {
        self.majority.proofs = Proofs::default();
        let Self {
            peers,
            members,
            majority,
            ..
        } = self;
        let counts = |peer: &&Peer| members.electors.contains(&peer.instance.node);
        let proofs = peers.values().filter(counts);
        for (node, at) in proofs.filter_map(|peer| Some((peer.instance.node, peer.proof?))) {
            majority.proofs.add(node, at);
        }
    }
}

/// When each node last proved that it hears this instance.
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
        self.in_order
            .iter()
            .rev()
            .nth(nodes.checked_sub(1)?)
            .map(|(at, _)| *at)
    }
}
