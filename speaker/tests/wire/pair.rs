//! Two nodes on one segment.

use std::collections::BTreeSet;

use ferrolb_speaker::layer2::wire::Mac;

use crate::bench::until;
use crate::netns::Namespace;
use crate::node::Node;

/// n2 comes first for each of these where nobody holds it.
pub(crate) const HELD: [&str; 2] = ["192.0.2.203", "2001:db8::203"];
/// Of the nodes' `eth0`.
pub(crate) const MACS: [Mac; 2] = [Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2])];

/// n1 and n2, whose `eth0` lead into one bridge.
pub(crate) struct Pair {
    pub(crate) nodes: [Node; 2],
    pub(crate) namespaces: [Namespace; 2],
    pub(crate) bridge: Namespace,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let bridge = Namespace::add("bridge");
        bridge.each(
            "link add br0 type bridge
             link set br0 up",
        );
        let names = ["n1", "n2"];
        let namespaces = names.map(Namespace::add);
        for ((namespace, name), mac) in namespaces.iter().zip(names).zip(MACS) {
            let inside = bridge.name();
            namespace.ip(&format!(
                "link add eth0 address {mac} type veth peer name {name} netns {inside}"
            ));
            bridge.ip(&format!("link set {name} master br0 up"));
            namespace.each(
                "addr add fe80::1/64 dev eth0 nodad
                 link set eth0 up",
            );
        }
        let [first, second] = &namespaces;
        Self {
            nodes: [
                Node::start(first, "n1", &names),
                Node::start(second, "n2", &names),
            ],
            namespaces,
            bridge,
        }
    }

    /// Waits until both take part and know it of each other.
    pub(crate) fn meet(&self) {
        for node in &self.nodes {
            until("two nodes to take part", || {
                let report = node.report();
                report.joined && report.up.len() == 2
            });
        }
    }

    /// The cluster says that these nodes may hold the addresses.
    pub(crate) fn may_hold(&self, nodes: &[&str]) {
        let holdings = HELD.map(|address| (address, "eth0"));
        self.nodes.iter().for_each(|node| node.may_hold(&holdings, nodes));
    }

    pub(crate) fn until_holds(&self, which: usize) {
        let all = BTreeSet::from(HELD.map(|address| address.parse().unwrap()));
        until("a node to hold everything", || {
            *self.nodes[which].report().held == all
        });
    }
}
