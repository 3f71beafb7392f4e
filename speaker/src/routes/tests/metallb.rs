//! MetalLB's rules for what a node announces and when, one by one.

use super::*;
use crate::may::fixture::{pools, service_with};

fn attributes(view: &View, policy: &Policy, prefix: &str) -> Attributes {
    routes(view, policy, &"n1".into()).tables[&PeerName::from("tor")][&prefix.parse().unwrap()].clone()
}

#[test]
fn pools_that_are_named_and_pools_that_are_selected_are_told() {
    let (mut view, mut policy) = scene();
    pools(
        &mut view,
        &[
            ("a", &["192.0.2.0/28"]),
            ("b", &["192.0.2.16/28"]),
            ("c", &["192.0.2.32/28"]),
        ],
    );
    service(&mut view, "web", &["192.0.2.1"]);
    service(&mut view, "mail", &["192.0.2.17"]);
    service(&mut view, "chat", &["192.0.2.33"]);
    let spec =
        json!({"ipAddressPools": ["a", "gone"], "ipAddressPoolSelectors": [{"matchLabels": {"pool": "b"}}]});
    advert(&mut policy, "some", spec);
    assert_eq!(
        told(&view, &policy, "n1", "tor"),
        ["192.0.2.1/32", "192.0.2.17/32"]
    );
}

#[test]
fn one_selector_of_services_or_nodes_is_enough() {
    let (mut view, mut policy) = scene();
    service(&mut view, "mail", &["192.0.2.2"]);
    service(&mut view, "chat", &["192.0.2.3"]);
    let app = |name: &str| json!({"matchLabels": {"app": name}});
    let spec =
        json!({"serviceSelectors": [app("web"), app("mail")], "nodeSelectors": [only("n1"), only("n3")]});
    advert(&mut policy, "some", spec);
    assert_eq!(
        told(&view, &policy, "n1", "tor"),
        ["192.0.2.1/32", "192.0.2.2/32"]
    );
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n1 n3".to_owned())));
}

#[test]
fn without_a_local_pref_or_a_community_nothing_is_said_of_them() {
    let (view, mut policy) = scene();
    advert(&mut policy, "plain", json!({"localPref": 0}));
    assert_eq!(attributes(&view, &policy, "192.0.2.1/32"), Attributes::default());
}

#[test]
fn two_advertisements_of_a_pool_tell_the_address_and_the_aggregate_each_with_its_own() {
    let (view, mut policy) = scene();
    advert(
        &mut policy,
        "host",
        json!({"localPref": 100, "communities": ["64512:1"]}),
    );
    let spec = json!({"aggregationLength": 24, "localPref": 50, "communities": ["64512:2"]});
    advert(&mut policy, "net", spec);
    assert_eq!(
        told(&view, &policy, "n1", "tor"),
        ["192.0.2.0/24", "192.0.2.1/32"]
    );
    assert_eq!(attributes(&view, &policy, "192.0.2.1/32").local_pref, Some(100));
    assert_eq!(attributes(&view, &policy, "192.0.2.0/24").local_pref, Some(50));
}

/// MetalLB refuses to read both advertisements.
#[test]
fn unlike_in_metallb_advertisements_of_different_local_prefs_go_on_and_the_older_one_counts() {
    let (view, mut policy) = scene();
    advert(&mut policy, "z", json!({"localPref": 1}));
    advert(&mut policy, "a", json!({"localPref": 2}));
    assert_eq!(attributes(&view, &policy, "192.0.2.1/32").local_pref, Some(1));
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n1 n2 n3".to_owned())));
}

/// MetalLB does not look at it, and says nothing.
#[test]
fn aggregates_of_two_pools_that_coincide_are_one_prefix_and_unlike_in_metallb_a_conflict_is_said() {
    let (mut view, mut policy) = scene();
    pools(&mut view, &[("a", &["192.0.2.0/28"]), ("b", &["192.0.2.16/28"])]);
    service(&mut view, "mail", &["192.0.2.17"]);
    for (pool, pref) in [("a", 1), ("b", 2)] {
        let spec = json!({"ipAddressPools": [pool], "aggregationLength": 24, "localPref": pref});
        advert(&mut policy, pool, spec);
    }
    assert_eq!(told(&view, &policy, "n1", "tor"), ["192.0.2.0/24"]);
    assert_eq!(routes(&view, &policy, &"n1".into()).conflicts.len(), 1);
}

/// MetalLB does not read an advertisement whose aggregate is wider than an entry of its pools.
#[test]
fn unlike_in_metallb_an_aggregate_may_be_wider_than_the_pool() {
    let (mut view, mut policy) = scene();
    pools(&mut view, &[("a", &["192.0.2.0-192.0.2.9"])]);
    advert(&mut policy, "wide", json!({"aggregationLength": 16}));
    assert_eq!(told(&view, &policy, "n1", "tor"), ["192.0.0.0/16"]);
}

#[test]
fn an_aggregate_goes_with_the_last_service_beneath_it() {
    let (mut view, mut policy) = scene();
    service(&mut view, "mail", &["192.0.2.2"]);
    advert(&mut policy, "a", json!({"aggregationLength": 24}));
    endpoints(&mut view, "web", &[]);
    assert_eq!(told(&view, &policy, "n1", "tor"), ["192.0.2.0/24"]);
    endpoints(&mut view, "mail", &[]);
    assert!(told(&view, &policy, "n1", "tor").is_empty());
}

#[test]
fn an_aggregate_of_policy_local_is_told_by_nodes_with_an_endpoint_of_any_service_beneath_it() {
    let (mut view, mut policy) = scene();
    local_service(&mut view, "web", &["192.0.2.1"], &["n1"]);
    local_service(&mut view, "mail", &["192.0.2.2"], &["n2"]);
    advert(&mut policy, "a", json!({"aggregationLength": 24}));
    for (node, expected) in [
        ("n1", vec!["192.0.2.0/24"]),
        ("n2", vec!["192.0.2.0/24"]),
        ("n3", vec![]),
    ] {
        assert_eq!(told(&view, &policy, node, "tor"), expected, "{node}");
    }
}

#[test]
fn a_node_that_is_not_ready_or_tainted_tells_as_before() {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    node(
        &mut view,
        "n1",
        json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
    );
    let taint = json!({"key": "dedicated", "value": "db", "effect": "NoSchedule"});
    node(&mut view, "n2", json!({"spec": {"taints": [taint]}}));
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n1 n2 n3".to_owned())));
}

#[test]
fn the_exclude_label_counts_unless_it_is_to_be_ignored_and_unlike_in_metallb_not_if_every_node_has_it() {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    node(&mut view, "n1", excluded());
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n2 n3".to_owned())));
    view.options.ignore_exclude_label = true;
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n1 n2 n3".to_owned())));
    view.options.ignore_exclude_label = false;
    ["n2", "n3"]
        .into_iter()
        .for_each(|name| node(&mut view, name, excluded()));
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n1 n2 n3".to_owned())));
}

/// With policy Cluster the other nodes send on to it.
#[test]
fn of_policy_cluster_a_terminating_endpoint_anywhere_is_enough() {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    set_endpoints(&mut view, "web", [endpoint("n2", false)]);
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n1 n2 n3".to_owned())));
}

/// MetalLB refuses peers of one node with other numbers of ours, other router IDs, or the same address (FRR modes).
#[test]
fn unlike_in_metallb_peers_of_one_node_may_differ_in_everything_and_share_an_address() {
    let (view, mut policy) = scene();
    peer(
        &mut policy,
        "other",
        json!({"myASN": 64513, "routerID": "192.0.2.200"}),
    );
    advert(&mut policy, "a", json!({}));
    for name in ["tor", "other"] {
        assert_eq!(told(&view, &policy, "n1", name), ["192.0.2.1/32"]);
    }
}

#[test]
fn a_service_of_both_families_goes_over_the_session_of_each() {
    let (view, mut policy) = scene();
    peer(&mut policy, "six", json!({"peerAddress": "2001:db8::ff"}));
    advert(&mut policy, "a", json!({"aggregationLengthV6": 64}));
    assert_eq!(told(&view, &policy, "n1", "tor"), ["192.0.2.1/32"]);
    assert_eq!(told(&view, &policy, "n1", "six"), ["2001:db8::/64"]);
}

#[test]
fn a_service_that_is_no_load_balancer_any_more_is_not_told() {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    service_with(
        &mut view,
        "web",
        &["192.0.2.1"],
        json!({"spec": {"type": "ClusterIP"}}),
    );
    endpoints(&mut view, "web", &["n1"]);
    assert!(told(&view, &policy, "n1", "tor").is_empty());
}
