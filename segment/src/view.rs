//! What the cluster says about one segment, as far as the protocol depends on it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::NodeName;

use super::message::NodeId;

/// Everything that is known about the addresses of one segment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SegmentView {
    /// Who may hold each address; an address that nobody may hold is here with nobody, or not at all.
    pub places: BTreeMap<IpAddr, Arc<Place>>,
    /// All nodes of the cluster. Others are no reason to think that this one is cut off.
    pub nodes: Arc<BTreeMap<NodeId, NodeName>>,
    /// The nodes that may announce here while they can: more than half of them, and of those that took part, are a
    /// majority.
    pub electors: Arc<BTreeSet<NodeId>>,
    /// The addresses of each node that are on a subnet of this node's interface there.
    pub stations: Arc<BTreeMap<NodeId, BTreeSet<IpAddr>>>,
    /// This node is to give up what it holds as soon as another can have it.
    pub draining: bool,
    /// Addresses that are to be handed over, and to whom; the holder does so if the other is no worse.
    pub moves: Arc<BTreeMap<IpAddr, NodeId>>,
}

/// The nodes that may hold an address, and the addresses that should be with it on one node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The address of the group by which nodes that are equal otherwise are ordered.
    pub first: IpAddr,
    /// All of the group, this address among them.
    pub group: Arc<BTreeSet<IpAddr>>,
    /// How well each suits.
    pub fit: Arc<BTreeMap<NodeId, Fitness>>,
    /// How near the endpoints of the group are, by node: more is nearer. Nodes without endpoints are not named.
    pub near: Arc<BTreeMap<NodeId, Nearness>>,
}

/// How near the endpoints of a group are to a node; the greater is nearer. Only those of one group compare.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Nearness {
    /// How many ready endpoints of Services of policy Local are on the node.
    pub local: u32,
    /// Whether a Service of policy Cluster has a ready endpoint on the node, which saves a hop.
    pub saves_hop: bool,
}

/// How well a node suits; the least comes first.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fitness {
    /// What speaks against it while there is another one: 0 for nothing, more for graver.
    pub against: u8,
    /// The weights of the preferences that match it; more comes first.
    pub preference: u32,
}

impl Place {
    /// Whether the node may hold the address.
    pub fn suits(&self, node: NodeId) -> bool {
        self.fit.contains_key(&node)
    }

    /// How near the endpoints of the group are to the node.
    pub fn nearness(&self, node: NodeId) -> Nearness {
        self.near.get(&node).copied().unwrap_or_default()
    }
}
