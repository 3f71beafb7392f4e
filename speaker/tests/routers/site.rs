//! A node and a router, joined by a cable.

use std::net::Ipv6Addr;

use ferrolb_routers::until;
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

/// A router that another one lies before, and that other's address at its side.
pub(crate) const FAR: [&str; 2] = ["203.0.113.2", "203.0.113.1"];

impl Site {
    /// A node and a router with another router between them.
    pub(crate) fn with_a_hop_between() -> (Self, Namespace) {
        let (node, router) = (Namespace::add("node"), Namespace::add("router"));
        let between = Namespace::add("between");
        for (end, name) in [(&node, "near"), (&router, "far")] {
            let cable = format!("link add {name} type veth peer name eth0 netns {}", end.name());
            between.ip(&cable);
            between.ip(&format!("link set {name} up"));
            end.ip("link set eth0 up");
        }
        between.ip(&format!("addr add {}/24 dev near", ROUTER[0]));
        between.ip(&format!("addr add {}/24 dev far", FAR[1]));
        between.set("net/ipv4/ip_forward", "1");
        node.ip(&format!("addr add {}/24 dev eth0", NODE[0]));
        node.ip(&format!("route add default via {}", ROUTER[0]));
        router.ip(&format!("addr add {}/24 dev eth0", FAR[0]));
        router.ip(&format!("route add {}/32 via {}", NODE[0], FAR[1]));
        (Self { node, router }, between)
    }

    /// A node and a router with no addresses but those of the link.
    pub(crate) fn without_addresses() -> Self {
        let site = Self::new();
        for namespace in [&site.node, &site.router] {
            namespace.each(
                "-4 addr flush dev eth0
                 -6 addr flush dev eth0 scope global",
            );
        }
        site
    }

    pub(crate) fn new() -> Self {
        let (node, router) = (Namespace::add("node"), Namespace::add("router"));
        node.ip(&format!(
            "link add eth0 type veth peer name eth0 netns {}",
            router.name()
        ));
        for (namespace, addresses) in [(&node, NODE), (&router, ROUTER)] {
            namespace.set("net/ipv6/conf/eth0/accept_dad", "0");
            namespace.each(&format!(
                "addr add {}/24 dev eth0
                 addr add {}/64 dev eth0 nodad
                 link set eth0 up",
                addresses[0], addresses[1]
            ));
        }
        // FRR and BIRD speak IPv6 only where they have seen a link-local address, and they see it only once.
        for namespace in [&node, &router] {
            until("a link-local address", || {
                namespace
                    .ip("-6 addr show dev eth0 scope link -tentative")
                    .contains("fe80::")
            });
        }
        Self { node, router }
    }

    /// A node and two routers on one link, neither with an address but those of the link. They are in one namespace: `br0`, and
    /// `second`.
    pub(crate) fn with_two_routers() -> Self {
        let site = Self::without_addresses();
        site.router.each(
            "-6 addr flush dev eth0
             link add br0 type bridge
             link set eth0 master br0
             link add second type veth peer name port
             link set port master br0
             link set port up",
        );
        for interface in ["br0", "second"] {
            site.router
                .set(&format!("net/ipv6/conf/{interface}/accept_dad"), "0");
            site.router.ip(&format!("link set {interface} up"));
            until("a link-local address", || {
                let addresses = format!("-6 addr show dev {interface} scope link -tentative");
                site.router.ip(&addresses).contains("fe80::")
            });
        }
        site
    }

    /// The node's address on the link.
    pub(crate) fn link_local(&self) -> Ipv6Addr {
        let text = self.node.ip("-6 -json addr show dev eth0 scope link");
        let said: Vec<Value> = serde_json::from_str(&text).unwrap();
        // Of what it leaves out it says an empty object.
        let addresses = said.iter().filter_map(|link| link["addr_info"].as_array());
        let found = addresses.flatten().find_map(|address| address["local"].as_str());
        found.unwrap().parse().unwrap()
    }

    /// What the router takes for its default routes.
    pub(crate) fn default_routes(&self) -> String {
        self.router.ip("-6 route show default")
    }

    /// How many routes of BGP the router's kernel has, and over which next hops.
    pub(crate) fn kernel_routes(&self, family: &str) -> Vec<Value> {
        let text = self.router.ip(&format!("{family} -json route show proto bgp"));
        let bird = self.router.ip(&format!("{family} -json route show proto bird"));
        let parse = |text: &str| -> Vec<Value> { serde_json::from_str(text).unwrap_or_default() };
        [parse(&text), parse(&bird)].concat()
    }
}
