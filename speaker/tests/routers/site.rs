//! A node and a router, joined by a cable.

use serde_json::Value;

use crate::netns::Namespace;

/// The node's addresses.
pub(crate) const NODE: [&str; 2] = ["192.0.2.2", "2001:db8::2"];
/// The router's.
pub(crate) const ROUTER: [&str; 2] = ["192.0.2.1", "2001:db8::1"];

/// A node and a router whose `eth0` are the ends of one cable.
pub(crate) struct Site {
    pub(crate) node: Namespace,
    pub(crate) router: Namespace,
}

impl Site {
    pub(crate) fn new() -> Self {
        let (node, router) = (Namespace::add("node"), Namespace::add("router"));
        node.ip(&format!(
            "link add eth0 type veth peer name eth0 netns {}",
            router.name()
        ));
        for (namespace, addresses) in [(&node, NODE), (&router, ROUTER)] {
            namespace.each(&format!(
                "addr add {}/24 dev eth0
                 addr add {}/64 dev eth0 nodad
                 link set eth0 up",
                addresses[0], addresses[1]
            ));
        }
        Self { node, router }
    }

    /// How many routes of BGP the router's kernel has, and over which next hops.
    pub(crate) fn kernel_routes(&self, family: &str) -> Vec<Value> {
        let text = self.router.ip(&format!("{family} -json route show proto bgp"));
        let bird = self.router.ip(&format!("{family} -json route show proto bird"));
        let parse = |text: &str| -> Vec<Value> { serde_json::from_str(text).unwrap_or_default() };
        [parse(&text), parse(&bird)].concat()
    }
}
