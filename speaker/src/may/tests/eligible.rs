use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_crds::domain::{Endpoint, NodeLinks};
use rstest::rstest;
use serde_json::{Value, json};

use crate::may::fixture::{
    advert, barred, cluster, endpoints, excluded, held, link, local_service, node, only, service,
    set_endpoints, winner, winner_if,
};
use crate::may::{View, may};

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
    let view = web();
    let mut known = held(&view, &[]);
    known.alive.remove(&"n2".into());
    assert_eq!(winner_if(&view, "192.0.2.1", &known), "n1");
    known.alive.clear();
    assert_eq!(winner_if(&view, "192.0.2.1", &known), "NoEligibleNode");
}

#[test]
fn nobody_announces_without_nodes() {
    let mut view = web();
    view.nodes = Arc::default();
    assert_eq!(winner(&view, "192.0.2.1"), "NoNodes");
}

#[test]
fn the_exclude_label_may_be_ignored() {
    let mut view = web();
    node(&mut view, "n2", excluded());
    view.options.ignore_exclude_label = true;
    assert_eq!(winner(&view, "192.0.2.1"), "n2");
    assert!(!may(&view).all_excluded);
}

#[test]
fn the_exclude_label_on_every_node_is_ignored_and_noted() {
    let mut view = web();
    for name in ["n1", "n2", "n3"] {
        node(&mut view, name, excluded());
    }
    assert_eq!(winner(&view, "192.0.2.1"), "n2");
    assert!(may(&view).all_excluded);
    node(&mut view, "n4", json!({}));
    assert_eq!(winner(&view, "192.0.2.1"), "n4");
    assert!(!may(&view).all_excluded);
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

/// n1 is on 192.0.2.0/24.
#[rstest]
#[case::on_the_subnet(Some(vec![("eth0", "192.0.2.0/24")]), "n2", None)]
#[case::on_one_of_two(Some(vec![("eth0", "198.51.100.0/24"), ("eth1", "192.0.2.0/24")]), "n2", None)]
#[case::on_another_subnet(Some(vec![("eth0", "198.51.100.0/24")]), "n1", Some("OffLink"))]
#[case::without_an_interface(Some(vec![]), "n1", Some("OffLink"))]
#[case::of_which_nothing_is_known(None, "n2", None)]
fn the_address_must_be_on_a_subnet_of_the_node_where_it_is_on_one_of_any(
    #[case] links: Option<Vec<(&str, &str)>>,
    #[case] expected: &str,
    #[case] reason: Option<&str>,
) {
    let mut view = web();
    link(&mut view, "n1", "eth0", &["192.0.2.0/24"]);
    if let Some(links) = links {
        Arc::make_mut(&mut view.links).entry("n2".into()).or_default();
        links
            .into_iter()
            .for_each(|(interface, subnet)| link(&mut view, "n2", interface, &[subnet]));
    }
    assert_eq!(winner(&view, "192.0.2.1"), expected);
    assert_eq!(barred(&view, "192.0.2.1").get("n2").copied(), reason);
}

#[test]
fn an_address_on_nobodys_subnet_is_announced_all_the_same() {
    let mut view = web();
    for name in ["n1", "n2", "n3"] {
        link(&mut view, name, "eth0", &["198.51.100.0/24"]);
    }
    assert_eq!(winner(&view, "192.0.2.1"), "n2");
}

#[rstest]
#[case::there_and_off_link("eth1", "n2", None)]
#[case::missing("eth0", "n1", Some("NoInterface"))]
fn an_interface_that_is_named_must_be_there_but_need_not_be_on_the_subnet(
    #[case] interface: &str,
    #[case] expected: &str,
    #[case] reason: Option<&str>,
) {
    let mut view = web();
    advert(&mut view, "everywhere", json!({"interfaces": ["eth1"]}));
    link(&mut view, "n1", "eth1", &["192.0.2.0/24"]);
    link(&mut view, "n2", interface, &["198.51.100.0/24"]);
    assert_eq!(winner(&view, "192.0.2.1"), expected);
    assert_eq!(barred(&view, "192.0.2.1").get("n2").copied(), reason);
}

#[test]
fn a_node_without_an_interface_that_can_announce_is_passed_over() {
    let mut view = web();
    Arc::make_mut(&mut view.links).insert("n2".into(), NodeLinks::default());
    assert_eq!(winner(&view, "192.0.2.1"), "n1");
    assert_eq!(barred(&view, "192.0.2.1")["n2"], "NoInterface");
}
