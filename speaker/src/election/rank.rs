//! The order of eligible nodes.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use ferrolb_crds::domain::{NodeName, ServiceKey, TrafficPolicy};
pub(crate) use ferrolb_segment::order::hash::hash_of;
pub use ferrolb_segment::order::hash::{Hash, hash};

use super::view::View;

/// How near the endpoints of a group are to a node; greater is nearer.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Locality {
    /// The ready endpoints of the Services of policy Local that are on the node.
    pub share: Share,
    /// A Service of policy Cluster has an endpoint on the node that can serve, which saves a hop.
    pub saves_hop: bool,
}

/// A part of the ready endpoints of a group. Compare shares of one group only.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Share {
    /// How many are on the node.
    pub here: usize,
    /// How many there are.
    pub of: usize,
}

impl Locality {
    /// Of these Services, to this node.
    pub(super) fn of(view: &View, services: &BTreeSet<&ServiceKey>, node: &NodeName) -> Self {
        let mut locality = Self::default();
        for candidate in services.iter().filter_map(|key| view.services.get(key)) {
            match candidate.service.policy {
                TrafficPolicy::Local => {
                    locality.share.here += candidate.endpoints.ready_on(node);
                    locality.share.of += candidate.endpoints.ready();
                }
                TrafficPolicy::Cluster => locality.saves_hop |= candidate.endpoints.serving_on(node),
            }
        }
        locality
    }
}

/// An eligible node and its score.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ranked {
    /// The node.
    pub node: NodeName,
    /// Sum of the weights of matching preferences.
    pub preference: u32,
    /// How near the endpoints are; not computed for [`super::Ranking::Stable`].
    pub locality: Locality,
    /// Decides between nodes that are equal otherwise.
    pub hash: Hash,
}

impl Ranked {
    pub(super) fn order(&self) -> (Reverse<u32>, Reverse<Locality>, Hash) {
        (Reverse(self.preference), Reverse(self.locality), self.hash)
    }
}
