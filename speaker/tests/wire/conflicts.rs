//! Addresses that a station has before any node uses them: the nodes ask, and leave them to it.

use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ferrolb_segment::message::Wire;

use crate::Test;
use crate::bench::{STRANGER, connected, until};
use crate::netns::Namespace;
use crate::pair::{HELD, Pair};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_new_address_is_held_once_nobody_answered_three_questions",
        a_new_address_is_held_once_nobody_answered_three_questions,
    ),
    (
        "a_new_address_that_another_station_has_is_held_by_nobody_and_every_node_knows_the_station",
        a_new_address_that_another_station_has_is_held_by_nobody_and_every_node_knows_the_station,
    ),
    (
        "a_new_address_for_which_the_kernel_of_another_node_answers_is_held",
        a_new_address_for_which_the_kernel_of_another_node_answers_is_held,
    ),
];

/// How long three questions take, 100 ms apart.
const PROBING: Duration = Duration::from_millis(300);

fn with_new_addresses(prepare: impl FnOnce(&Pair)) -> (Pair, Instant) {
    let pair = Pair::new();
    pair.meet();
    prepare(&pair);
    let holdings = HELD.map(|address| (address, "eth0"));
    let began = Instant::now();
    pair.nodes
        .iter()
        .for_each(|node| node.may_hold_new(&holdings, &["n1", "n2"]));
    (pair, began)
}

/// A station on the segment whose kernel has the addresses.
fn stranger(pair: &Pair) -> Namespace {
    let stranger = Namespace::add("stranger");
    stranger.ip(&format!(
        "link add eth0 address {STRANGER} type veth peer name stranger netns {}",
        pair.bridge.name()
    ));
    pair.bridge.ip("link set stranger master br0 up");
    has_addresses(&stranger);
    stranger.ip("link set eth0 up");
    connected(&stranger);
    // The bridge learns of a carrier as late as a second after it is there.
    until("the bridge to forward to the stranger", || {
        let port = pair.bridge.ip("-d link show dev stranger");
        port.contains("state forwarding")
    });
    stranger
}

fn has_addresses(namespace: &Namespace) {
    let [v4, v6] = HELD;
    namespace.ip(&format!("addr add {v4}/24 dev eth0"));
    namespace.ip(&format!("addr add {v6}/64 dev eth0 nodad"));
}

fn a_new_address_is_held_once_nobody_answered_three_questions() {
    let (pair, began) = with_new_addresses(|_| {});
    until_held(&pair);
    let took = began.elapsed();
    eprintln!("held after {took:.1?}");
    assert!(took >= PROBING, "{took:?}");
}

/// By whichever node: one that is held up has no turn.
fn until_held(pair: &Pair) {
    until("each address to be held by one node", || {
        let held = pair.nodes.iter().map(|node| node.report().held);
        let mut held: Vec<IpAddr> = held
            .flat_map(|held| held.iter().copied().collect::<Vec<_>>())
            .collect();
        held.sort();
        held == HELD.map(|address| address.parse::<IpAddr>().unwrap())
    });
}

fn a_new_address_that_another_station_has_is_held_by_nobody_and_every_node_knows_the_station() {
    let mut station = None;
    let (pair, _) = with_new_addresses(|pair| station = Some(stranger(pair)));
    for node in &pair.nodes {
        until("both addresses to be known as the stranger's", || {
            let wire = node.report().wire;
            HELD.iter().all(|address| {
                let look = wire.get(&address.parse::<IpAddr>().unwrap());
                look.is_some_and(|look| {
                    assert_eq!(look.holder, look.witness);
                    look.wire == Wire::Foreign(STRANGER)
                })
            })
        });
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        assert!(pair.nodes.iter().all(|node| node.report().held.is_empty()));
        sleep(Duration::from_millis(50));
    }
}

/// As kube-proxy in IPVS mode has it without strictARP.
fn a_new_address_for_which_the_kernel_of_another_node_answers_is_held() {
    let (pair, _) = with_new_addresses(|pair| has_addresses(&pair.namespaces[0]));
    until_held(&pair);
}
