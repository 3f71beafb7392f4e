use std::collections::BTreeMap;

use ferrolb_segment::order::hash::hash_of;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::forecast::{Known, forecast};
use crate::may::fixture::{
    advert, cluster, endpoints, foreseen, held, ip, local_service, node, only, ranking, service, winner,
    winner_if,
};
use crate::may::{View, may};

fn prefer(view: &mut View, node: &str) {
    let spec = json!({"preferredNodeSelectors": [{"weight": 1, "preference": only(node)}]});
    advert(view, "preferred", spec);
}

fn load(view: &View) -> BTreeMap<String, usize> {
    load_if(view, &held(view, &[]))
}

fn load_if(view: &View, known: &Known) -> BTreeMap<String, usize> {
    let mut load = BTreeMap::new();
    for foreseen in forecast(view, &may(view), known).values() {
        let node = foreseen.outcome.as_ref().unwrap().node.to_string();
        *load.entry(node).or_default() += 1;
    }
    load
}

/// MetalLB's golden vectors.
#[rstest]
#[case("10.0.0.1", &["node-a", "node-b", "node-c"], &["node-b", "node-a", "node-c"])]
#[case("10.0.0.2", &["node-a", "node-b", "node-c"], &["node-b", "node-c", "node-a"])]
#[case("10.20.30.1", &["iris1", "iris2"], &["iris2", "iris1"])]
#[case("10.20.30.1", &["edge-a", "edge-b", "worker-a", "worker-b"], &["edge-b", "worker-a", "edge-a", "worker-b"])]
fn the_hash_order_is_that_of_metallb(
    #[case] address: &str,
    #[case] nodes: &[&str],
    #[case] expected: &[&str],
) {
    let mut nodes = nodes.to_vec();
    nodes.sort_by_key(|node| hash_of(&(*node).into(), &ip(address).to_string()));
    assert_eq!(nodes, expected);
}

#[test]
fn an_ipv6_address_is_hashed_in_its_short_form() {
    let mut nodes = ["n1", "n2", "n3"];
    nodes.sort_by_key(|node| hash_of(&(*node).into(), &ip("2001:0db8:0::0:1").to_string()));
    assert_eq!(nodes, ["n2", "n3", "n1"]);
}

proptest! {
    /// A name of 253 bytes, the longest of a node, does not fit into one block.
    #[test]
    fn a_hash_is_the_sha256_of_both_names_whatever_their_length(node in "[a-z0-9.-]{0,253}", name in "[0-9a-f.:]{0,60}") {
        let bytes: [u8; 32] = Sha256::digest(format!("{node}#{name}")).into();
        let words = hash_of(&node.as_str().into(), &name).0;
        prop_assert_eq!(words.map(u32::to_be_bytes).concat(), bytes);
    }
}

#[test]
fn preference_comes_before_everything() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["192.0.2.1"]);
    prefer(&mut view, "n3");
    assert_eq!(winner(&view, "192.0.2.1"), "n3");
    endpoints(&mut view, "web", &["n2"]);
    let known = held(&view, &[("192.0.2.1", "n2")]);
    assert_eq!(winner_if(&view, "192.0.2.1", &known), "n3");
    let order: Vec<String> = ranking(&view, "192.0.2.1")
        .into_iter()
        .map(|(node, _)| node)
        .collect();
    assert_eq!(order, ["n3", "n2", "n1"]);
}

#[test]
fn a_cluster_service_goes_where_an_endpoint_saves_the_second_hop() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["192.0.2.1"]);
    endpoints(&mut view, "web", &["n3"]);
    assert_eq!(winner(&view, "192.0.2.1"), "n3");
}

#[test]
fn a_local_service_goes_where_most_of_its_ready_endpoints_are() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    local_service(&mut view, "web", &["192.0.2.1"], &["n1", "n3", "n3"]);
    assert_eq!(winner(&view, "192.0.2.1"), "n3");
    let order = &foreseen(&view)[&ip("192.0.2.1")].order;
    assert_eq!(order[0].contender.nearness.local, 2);
}

#[rstest]
#[case::alive(json!({}), "n3")]
#[case::not_eligible_any_more(json!({"status": {"conditions": [{"type": "NetworkUnavailable", "status": "True"}]}}), "n2")]
#[case::cordoned(json!({"spec": {"unschedulable": true}}), "n2")]
fn the_holder_keeps_what_it_may(#[case] n3: Value, #[case] expected: &str) {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["192.0.2.1"]);
    endpoints(&mut view, "web", &["n2"]);
    node(&mut view, "n3", n3);
    let known = held(&view, &[("192.0.2.1", "n3")]);
    assert_eq!(winner_if(&view, "192.0.2.1", &known), expected);
}

#[test]
fn an_address_follows_the_holder_of_the_others_of_its_group() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "a", &["192.0.2.1", "2001:db8::1"]);
    service(&mut view, "b", &["192.0.2.2", "2001:db8::1"]);
    let known = held(&view, &[("192.0.2.1", "n3"), ("192.0.2.2", "n3")]);
    assert_eq!(winner_if(&view, "2001:db8::1", &known), "n3");
}

#[test]
fn no_node_gets_more_than_a_quarter_above_its_part() {
    let mut view = cluster(&["n1", "n2", "n3", "n4"]);
    for number in 1..=32 {
        service(&mut view, &format!("s{number}"), &[&format!("192.0.2.{number}")]);
        endpoints(&mut view, &format!("s{number}"), &["n1"]);
    }
    assert_eq!(
        load(&view)["n1"],
        10,
        "nearest to all, but the bound is 1.25 × 32 / 4"
    );
}

#[test]
fn what_a_node_holds_counts_towards_the_bound() {
    let mut view = cluster(&["n1", "n2"]);
    let addresses: Vec<String> = (1..=8).map(|number| format!("192.0.2.{number}")).collect();
    for (number, address) in addresses.iter().enumerate() {
        service(&mut view, &format!("s{number}"), &[address]);
        endpoints(&mut view, &format!("s{number}"), &["n1"]);
    }
    let held: Vec<(&str, &str)> = addresses[3..]
        .iter()
        .map(|address| (address.as_str(), "n1"))
        .collect();
    let known = super::super::fixture::held(&view, &held);
    assert_eq!(
        load_if(&view, &known),
        BTreeMap::from([("n1".to_owned(), 5), ("n2".to_owned(), 3)])
    );
}

#[test]
fn preferred_nodes_take_everything_and_share_it_within_the_bound() {
    let mut view = cluster(&["n1", "n2", "n3", "n4"]);
    for number in 1..=16 {
        service(&mut view, &format!("s{number}"), &[&format!("192.0.2.{number}")]);
        endpoints(&mut view, &format!("s{number}"), &["n1"]);
    }
    let spec = json!({"preferredNodeSelectors": [
        {"weight": 5, "preference": only("n1")}, {"weight": 5, "preference": only("n2")}]});
    advert(&mut view, "everywhere", spec);
    assert_eq!(
        load(&view),
        BTreeMap::from([("n1".to_owned(), 10), ("n2".to_owned(), 6)])
    );
}
