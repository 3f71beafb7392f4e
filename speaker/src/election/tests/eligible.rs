use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};

use crate::election::fixture::{
    advert, alive, barred, cluster, endpoints, excluded, ip, link, local_service, node, only, service,
    set_endpoints, winner,
};
use crate::election::{Liveness, Note, Verdict, View, elect};
use ferrolb_crds::domain::Endpoint;

/// n2 is first by hash for 192.0.2.1, n1 second.
fn web() -> View {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["192.0.2.1"]);
    view
}

fn network_unavailable() -> Value {
    json!({"status": {"conditions": [{"type": "NetworkUnavailable", "status": "True"}]}})
}

fn cordoned() -> Value {
    json!({"spec": {"unschedulable": true}})
}

fn out_of_service() -> Value {
    json!({"spec": {"taints": [{"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}]}})
}

#[rstest]
#[case::network_unavailable(network_unavailable(), "NetworkUnavailable")]
#[case::exclude_label(excluded(), "Excluded")]
#[case::cordoned(cordoned(), "Cordoned")]
#[case::out_of_service(out_of_service(), "OutOfService")]
fn a_node_is_passed_over(#[case] wire: Value, #[case] reason: &'static str) {
    let mut view = web();
    node(&mut view, "n2", wire);
    assert_eq!(winner(&view, "192.0.2.1"), "n1");
    assert_eq!(
        barred(&view, "192.0.2.1"),
        BTreeMap::from([("n2".to_owned(), reason)])
    );
}

#[test]
fn a_node_that_no_advertisement_selects_is_passed_over() {
    let mut view = web();
    advert(
        &mut view,
        "everywhere",
        json!({"nodeSelectors": [only("n1"), only("n3")]}),
    );
    assert_eq!(winner(&view, "192.0.2.1"), "n1");
    assert_eq!(barred(&view, "192.0.2.1")["n2"], "NotSelected");
}

#[test]
fn a_node_that_is_not_alive_is_passed_over() {
    let mut view = web();
    alive(&mut view, &["n1", "n3"]);
    assert_eq!(winner(&view, "192.0.2.1"), "n1");
    assert_eq!(barred(&view, "192.0.2.1")["n2"], "NotAlive");
}

#[test]
fn nobody_announces_while_nobody_knows_who_is_alive() {
    let mut view = web();
    view.liveness = Liveness::Unknown;
    assert_eq!(winner(&view, "192.0.2.1"), "LivenessUnknown");
}

#[test]
fn nobody_announces_without_nodes() {
    let mut view = web();
    view.nodes.clear();
    assert_eq!(winner(&view, "192.0.2.1"), "NoNodes");
}

#[test]
fn the_exclude_label_may_be_ignored() {
    let mut view = web();
    node(&mut view, "n2", excluded());
    view.options.ignore_exclude_label = true;
    assert_eq!(winner(&view, "192.0.2.1"), "n2");
    assert!(elect(&view).notes.is_empty());
}

#[test]
fn the_exclude_label_on_every_node_is_ignored_and_noted() {
    let mut view = web();
    for name in ["n1", "n2", "n3"] {
        node(&mut view, name, excluded());
    }
    assert_eq!(winner(&view, "192.0.2.1"), "n2");
    assert!(elect(&view).notes.contains(&Note::EveryNodeExcluded));
    node(&mut view, "n4", json!({}));
    assert_eq!(winner(&view, "192.0.2.1"), "n4");
    assert!(elect(&view).notes.is_empty());
}

#[rstest]
#[case::all_cordoned(cordoned(), cordoned(), "n2")]
#[case::the_least_bad_reason_wins(out_of_service(), cordoned(), "n1")]
#[case::of_two_reasons_the_worse_counts(json!({"spec": {"unschedulable": true, "taints": [{"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}]}}), cordoned(), "n1")]
fn a_soft_reason_counts_as_long_as_another_node_has_a_lesser_one(
    #[case] of_n2: Value,
    #[case] of_the_others: Value,
    #[case] expected: &str,
) {
    let mut view = web();
    node(&mut view, "n2", of_n2);
    node(&mut view, "n1", of_the_others.clone());
    node(&mut view, "n3", of_the_others);
    assert_eq!(winner(&view, "192.0.2.1"), expected);
}

#[test]
fn a_cordoned_node_announces_where_no_other_is_eligible() {
    let mut view = web();
    node(&mut view, "n2", cordoned());
    advert(&mut view, "everywhere", json!({"nodeSelectors": [only("n2")]}));
    assert_eq!(winner(&view, "192.0.2.1"), "n2");
}

#[test]
fn local_needs_an_endpoint_on_the_node() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    local_service(&mut view, "web", &["192.0.2.1"], &["n3"]);
    assert_eq!(winner(&view, "192.0.2.1"), "n3");
    assert_eq!(barred(&view, "192.0.2.1")["n2"], "NoLocalEndpoint");
    endpoints(&mut view, "web", &["elsewhere"]);
    assert_eq!(winner(&view, "192.0.2.1"), "NoEligibleNode");
    endpoints(&mut view, "web", &[]);
    assert_eq!(winner(&view, "192.0.2.1"), "NoEndpoints");
}

#[rstest]
#[case::terminating_but_serving(Some("n3"), false, true, "n3")]
#[case::terminated(Some("n3"), false, false, "NoEndpoints")]
#[case::that_names_no_node(None, true, true, "NoEligibleNode")]
fn a_local_endpoint_must_be_able_to_serve_there(
    #[case] on: Option<&str>,
    #[case] ready: bool,
    #[case] serving: bool,
    #[case] expected: &str,
) {
    let mut view = cluster(&["n1", "n2", "n3"]);
    local_service(&mut view, "web", &["192.0.2.1"], &[]);
    let node = on.map(Into::into);
    set_endpoints(&mut view, "web", [Endpoint { node, ready, serving }]);
    assert_eq!(winner(&view, "192.0.2.1"), expected);
}

/// n2 is first by hash.
#[rstest]
#[case::while_another_has_a_ready_one(&[("n2", false), ("n1", true)], "n1", Some("EndpointsTerminating"))]
#[case::one_of_two_is_ready(&[("n2", false), ("n2", true), ("n1", true)], "n2", None)]
#[case::as_everywhere(&[("n2", false), ("n1", false)], "n2", None)]
fn a_node_whose_local_endpoints_are_all_terminating_is_passed_over(
    #[case] endpoints: &[(&str, bool)],
    #[case] expected: &str,
    #[case] reason: Option<&str>,
) {
    let mut view = cluster(&["n1", "n2", "n3"]);
    local_service(&mut view, "web", &["192.0.2.1"], &["n1", "n2"]);
    local_service(&mut view, "mail", &["192.0.2.1"], &[]);
    let endpoint = |(node, ready): &(&str, bool)| Endpoint {
        node: Some((*node).into()),
        ready: *ready,
        serving: true,
    };
    set_endpoints(&mut view, "mail", endpoints.iter().map(endpoint));
    assert_eq!(winner(&view, "192.0.2.1"), expected);
    assert_eq!(barred(&view, "192.0.2.1").get("n2").copied(), reason);
}

#[test]
fn every_local_service_of_an_address_needs_an_endpoint_on_the_node() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    local_service(&mut view, "web", &["192.0.2.1"], &["n1", "n2"]);
    local_service(&mut view, "mail", &["192.0.2.1"], &["n1", "n3"]);
    assert_eq!(winner(&view, "192.0.2.1"), "n1");
    endpoints(&mut view, "mail", &["n3"]);
    assert_eq!(winner(&view, "192.0.2.1"), "NoEligibleNode");
    endpoints(&mut view, "mail", &[]);
    assert_eq!(winner(&view, "192.0.2.1"), "n2");
}

#[rstest]
#[case::address_on_a_subnet(&[("eth0", true, "192.0.2.0/24")], "n2", None)]
#[case::not_on_a_subnet(&[("eth0", true, "198.51.100.0/24")], "n1", Some("OffLink"))]
#[case::that_subnet_has_no_carrier(&[("eth0", false, "192.0.2.0/24"), ("eth1", true, "198.51.100.0/24")], "n1", Some("NoCarrier"))]
#[case::one_of_two_has_carrier(&[("eth0", false, "192.0.2.0/24"), ("eth1", true, "192.0.2.0/24")], "n2", None)]
#[case::no_interface(&[], "n1", Some("NoInterface"))]
fn known_links_must_suit_the_address(
    #[case] links: &[(&str, bool, &str)],
    #[case] expected: &str,
    #[case] reason: Option<&str>,
) {
    let mut view = web();
    view.links.insert("n2".into(), Vec::new());
    for (interface, carrier, subnet) in links {
        link(&mut view, "n2", interface, *carrier, &[subnet]);
    }
    assert_eq!(winner(&view, "192.0.2.1"), expected);
    assert_eq!(barred(&view, "192.0.2.1").get("n2").copied(), reason);
}

#[test]
fn an_address_on_nobodys_subnet_is_announced_all_the_same() {
    let mut view = web();
    for name in ["n1", "n2", "n3"] {
        link(&mut view, name, "eth0", true, &["198.51.100.0/24"]);
    }
    assert_eq!(winner(&view, "192.0.2.1"), "n2");
}

#[rstest]
#[case::there_off_link_and_up("eth1", true, "n2", None)]
#[case::down("eth1", false, "n1", Some("NoCarrier"))]
#[case::missing("eth0", true, "n1", Some("NoInterface"))]
fn an_interface_that_is_named_needs_a_carrier_but_no_subnet(
    #[case] interface: &str,
    #[case] carrier: bool,
    #[case] expected: &str,
    #[case] reason: Option<&str>,
) {
    let mut view = web();
    advert(&mut view, "everywhere", json!({"interfaces": ["eth1"]}));
    link(&mut view, "n2", interface, carrier, &["198.51.100.0/24"]);
    assert_eq!(winner(&view, "192.0.2.1"), expected);
    assert_eq!(barred(&view, "192.0.2.1").get("n2").copied(), reason);
}

#[test]
fn each_node_is_told_its_part() {
    let view = web();
    let elections = elect(&view);
    let verdict = |node: &str| elections.verdict(ip("192.0.2.1"), &node.into());
    assert!(matches!(verdict("n2"), Some(Verdict::Announce { .. })));
    let holder = "n2".into();
    assert_eq!(verdict("n1"), Some(Verdict::Standby { holder }));
    assert_eq!(elections.verdict(ip("192.0.2.99"), &"n1".into()), None);
}
