//! Other stations that have an address that is held.

use std::net::{Ipv4Addr, Ipv6Addr};

use ferrolb_speaker::layer2::wire::Mac;
use ferrolb_speaker::layer2::wire::arp::{Arp, Operation};
use ferrolb_speaker::layer2::wire::ndp::Advertisement;

use crate::Test;
use crate::bench::{Bench, NODE, STRANGER, until};
use crate::netns::Namespace;
use crate::node::Node;

pub(crate) const TESTS: &[Test] = &[
    (
        "the_claim_of_another_station_is_news",
        the_claim_of_another_station_is_news,
    ),
    (
        "two_interfaces_of_one_node_on_a_segment_are_no_foreign_stations",
        two_interfaces_of_one_node_on_a_segment_are_no_foreign_stations,
    ),
];

fn the_claim_of_another_station_is_news() {
    let mut bench = Bench::new();
    bench.announcer.hold(&["192.0.2.200", "2001:db8::200"]);
    bench.client_sends_to("2001:db8::200");
    bench.client_learns("2001:db8::200", NODE);
    let tap = bench.tap();
    let held: Ipv4Addr = "192.0.2.200".parse().unwrap();
    for operation in [Operation::Request, Operation::Reply] {
        tap.send(&Arp::gratuitous(operation, held, STRANGER).emit());
        assert_eq!(bench.announcer.foreign_claim(), (held.into(), STRANGER));
    }
    let held: Ipv6Addr = "2001:db8::200".parse().unwrap();
    tap.send(&Advertisement::unsolicited(held, STRANGER).emit());
    assert_eq!(bench.announcer.foreign_claim(), (held.into(), STRANGER));
}

/// A node with two cables into one switch.
struct Twins {
    announcer: Node,
    node: Namespace,
    _switch: Namespace,
}

impl Twins {
    fn new() -> Self {
        let (node, switch) = (Namespace::add("node"), Namespace::add("switch"));
        switch.ip("link add br0 type bridge");
        for (interface, mac) in [("eth0", NODE), ("eth1", Mac([2, 0, 0, 0, 0, 2]))] {
            node.ip(&format!(
                "link add {interface} address {mac} type veth peer name {interface} netns {}",
                switch.name()
            ));
            node.ip(&format!("link set {interface} up"));
            switch.ip(&format!("link set {interface} master br0 up"));
        }
        switch.each(
            "addr add 192.0.2.100/24 dev br0
             link set br0 up",
        );
        let announcer = Node::alone(&node);
        Self {
            announcer,
            node,
            _switch: switch,
        }
    }
}

fn two_interfaces_of_one_node_on_a_segment_are_no_foreign_stations() {
    let twins = Twins::new();
    until("both cables", || {
        let links = twins.node.ip("-o link show up");
        links.lines().filter(|line| line.contains("LOWER_UP")).count() == 3
    });
    let held = [("192.0.2.200", "eth0"), ("192.0.2.200", "eth1")];
    twins.announcer.hold_on(&held);
    let ignored = "ferrolb_layer2_ignored_total{reason=\"own_frame\"}";
    let foreign = "ferrolb_layer2_foreign_claims_total{ip=\"192.0.2.200\"}";
    until("each interface to hear the other", || {
        twins.announcer.count(ignored).unwrap_or_default()
            + twins.announcer.count(foreign).unwrap_or_default()
            >= 2
    });
    assert_eq!(twins.announcer.count(foreign), Some(0));
}
