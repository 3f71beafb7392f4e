//! What the cluster says about one segment, as far as the protocol depends on it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::message::NodeId;

/// Everything that is known about the addresses of one segment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SegmentView {
    /// Who may hold each address; an address that nobody may hold is here with nobody, or not at all.
    pub places: BTreeMap<IpAddr, Arc<Place>>,
    /// All nodes of the cluster. Others are no reason to think that this one is cut off.
    pub nodes: BTreeSet<NodeId>,
    /// What this node says of itself.
    pub draining: bool,
}

/// The nodes that may hold an address, and the addresses that should be with it on one node.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Place {
    /// All of the group, this address among them.
    pub group: BTreeSet<IpAddr>,
    /// By node.
    pub fit: BTreeMap<NodeId, Fitness>,
}

/// How well a node suits; the least comes first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fitness {
    /// What speaks against it while there is another one: 0 for nothing, more for graver.
    pub against: u8,
    /// The weights of the preferences that match it; more comes first.
    pub preference: u32,
    /// How near the endpoints are; more is nearer.
    pub nearness: u32,
    /// MetalLB's order: sha256(node "#" first address of the group).
    pub hash: [u8; 32],
}

impl Place {
    /// Whether the node may hold the address.
    pub fn suits(&self, node: NodeId) -> bool {
        self.fit.contains_key(&node)
    }
}
