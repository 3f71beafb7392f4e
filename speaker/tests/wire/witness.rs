//! A node whose answers get lost, and a station that answers for what a node holds: the other node finds it.

use std::net::IpAddr;
use std::time::Instant;

use ferrolb_segment::message::Wire;

use crate::Test;
use crate::bench::{STRANGER, until};
use crate::netns::Namespace;
use crate::node::{Node, id};
use crate::pair::{HELD, MACS, Pair};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_node_whose_answers_are_lost_is_found_by_the_other_and_told_until_it_answers_again",
        a_node_whose_answers_are_lost_is_found_by_the_other_and_told_until_it_answers_again,
    ),
    (
        "a_station_that_answers_for_a_held_address_is_named",
        a_station_that_answers_for_a_held_address_is_named,
    ),
];

/// Both nodes may hold the addresses, n2 does, and n1 finds that all is well.
fn well() -> Pair {
    let pair = Pair::new();
    pair.meet();
    pair.may_hold(&["n1", "n2"]);
    pair.until_holds(1);
    until_found(&pair.nodes[0], [Some(Wire::Ok); 2]);
    assert!(
        pair.nodes[1].report().wire.is_empty(),
        "nothing is said of what is well"
    );
    pair
}

/// What the node knows of both addresses.
fn known(node: &Node) -> [Option<Wire>; 2] {
    let wire = node.report().wire;
    HELD.map(|address| {
        let look = wire.get(&address.parse::<IpAddr>().unwrap())?;
        assert_eq!((look.holder, look.witness), (id("n2"), id("n1")));
        Some(look.wire)
    })
}

fn until_found(node: &Node, wire: [Option<Wire>; 2]) {
    until(&format!("{wire:?}"), || known(node) == wire);
}

/// What n2 says of neighbours is dropped on its way out, and nothing else.
fn mute(namespace: &Namespace) {
    namespace.nft(
        "table netdev mute {
            chain out {
                type filter hook egress device eth0 priority 0;
                ether type arp drop;
                icmpv6 type nd-neighbor-advert drop;
            }
        }",
    );
}

fn unmute(namespace: &Namespace) {
    namespace.nft("delete table netdev mute");
}

const NUDGES: &str = "ferrolb_layer2_wire_nudges_total";

fn a_node_whose_answers_are_lost_is_found_by_the_other_and_told_until_it_answers_again() {
    let pair = well();
    let [first, second] = &pair.nodes;
    assert_eq!(second.count(NUDGES), Some(0));
    mute(&pair.namespaces[1]);
    let began = Instant::now();
    let silent = [Some(Wire::Unanswered(MACS[1])); 2];
    until("one of both to be found", || known(first).contains(&silent[0]));
    eprintln!("found after {:.1?}", began.elapsed());
    until_found(first, silent);
    until_found(second, silent);
    until("each to be announced anew", || second.count(NUDGES) >= Some(2));
    assert_eq!(first.report().up.len(), 2, "its beacons pass");
    unmute(&pair.namespaces[1]);
    until_found(first, [Some(Wire::Ok); 2]);
    until_found(second, [None; 2]);
}

fn a_station_that_answers_for_a_held_address_is_named() {
    let pair = well();
    let [first, second] = &pair.nodes;
    let stranger = Namespace::add("stranger");
    stranger.ip(&format!(
        "link add eth0 address {STRANGER} type veth peer name stranger netns {}",
        pair.bridge.name()
    ));
    pair.bridge.ip("link set stranger master br0 up");
    let [v4, v6] = HELD;
    stranger.ip(&format!("addr add {v4}/24 dev eth0"));
    stranger.ip(&format!("addr add {v6}/64 dev eth0 nodad"));
    stranger.ip("link set eth0 up");
    let too = [Some(Wire::Several(STRANGER, None)); 2];
    until_found(first, too);
    until_found(second, too);
    mute(&pair.namespaces[1]);
    let alone = [Some(Wire::Foreign(STRANGER)); 2];
    until_found(first, alone);
    until_found(second, alone);
    unmute(&pair.namespaces[1]);
    stranger.ip("link set eth0 down");
    until_found(first, [Some(Wire::Ok); 2]);
    until_found(second, [None; 2]);
}
