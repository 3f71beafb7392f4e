//! What follows from which nodes are up and which are known: reckoned when that changes, not in each turn.

use std::collections::BTreeSet;

use crate::message::NodeId;
use crate::view::SegmentView;

/// The nodes that count, and how many of them there are.
#[derive(Clone, Debug)]
pub(super) struct Members {
    /// Those that are up, this one included.
    pub(super) up: BTreeSet<NodeId>,
    /// How many are known, this one included.
    pub(super) known: usize,
    /// How many of those are up.
    pub(super) known_up: usize,
    /// All that count under `single-owner`, alive or not: those that may announce by the cluster's view, and those that
    /// took part here (M2).
    pub(super) electors: BTreeSet<NodeId>,
}

impl Members {
    /// What follows from which are up, this one included, and which took part, `me` aside or not.
    pub(super) fn reckon(
        me: NodeId,
        up: BTreeSet<NodeId>,
        took_part: &BTreeSet<NodeId>,
        view: &SegmentView,
    ) -> Self {
        let mut known = took_part.clone();
        known.insert(me);
        Self {
            known: known.len(),
            known_up: known.intersection(&up).count(),
            electors: view.electors.union(&known).copied().collect(),
            up,
        }
    }

    /// Less than half of those that are known are up.
    pub(super) fn is_minority(&self) -> bool {
        2 * self.known_up < self.known
    }
}
