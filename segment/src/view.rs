//! What the cluster says about one segment, as far as the protocol depends on it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::NodeName;

use super::message::NodeId;

/// Everything that is known about the addresses of one segment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SegmentView {
    /// The group of each address; an address that no node may hold is in a group without nodes, or not here at all.
    pub groups: BTreeMap<IpAddr, Arc<GroupView>>,
    /// All nodes of the cluster. Others are no reason to think that this one is cut off.
    pub nodes: Arc<BTreeMap<NodeId, NodeName>>,
    /// The nodes that may announce here while they can: more than half of them, and of those that took part, are a
    /// majority.
    pub electors: Arc<BTreeSet<NodeId>>,
    /// The addresses of each node that are on a subnet of this node's interface there.
    pub stations: Arc<BTreeMap<NodeId, BTreeSet<IpAddr>>>,
    /// This node is to give up what it holds as soon as another can have it.
    pub draining: bool,
    /// The addresses that are to be handed over, and the node that is to have each; the holder does so if the other is no worse.
    pub moves: Arc<BTreeMap<IpAddr, NodeId>>,
    /// Addresses that no node announced yet, as far as this node can know: another station may have them.
    pub fresh: Arc<BTreeSet<IpAddr>>,
}

/// Addresses that go to one node together, and the nodes that may hold them. Most groups have one address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GroupView {
    /// The address by which nodes that are equal otherwise are ordered.
    pub first: IpAddr,
    /// All of them, in order.
    pub addresses: Box<[IpAddr]>,
    /// How well each suits.
    pub fit: Arc<BTreeMap<NodeId, Fitness>>,
    /// How near the endpoints of the group are, in order of the nodes: more is nearer. Nodes without endpoints are not
    /// named.
    pub near: Box<[(NodeId, Nearness)]>,
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

impl Fitness {
    /// The lesser reason, then the greater preference comes first.
    pub(crate) fn rank(&self) -> (u8, Reverse<u32>) {
        (self.against, Reverse(self.preference))
    }
}

impl SegmentView {
    /// The group of the address.
    pub(crate) fn group(&self, address: IpAddr) -> Option<&GroupView> {
        self.groups.get(&address).map(|group| &**group)
    }

    /// The cluster has no other node.
    pub(crate) fn is_only_node(&self) -> bool {
        self.nodes.len() == 1
    }
}

impl GroupView {
    /// Whether the node may hold the addresses.
    pub fn suits(&self, node: NodeId) -> bool {
        self.fit.contains_key(&node)
    }

    /// How near the endpoints of the group are to the node.
    pub fn nearness(&self, node: NodeId) -> Nearness {
        let place = self.near.binary_search_by_key(&node, |(node, _)| *node);
        place.map(|place| self.near[place].1).unwrap_or_default()
    }
}
