use ferrolb_crds::domain::{Endpoint, Reason};
use rstest::rstest;
use serde_json::{Value, json};

use crate::may::fixture::{
    advert, cluster, endpoints, foreseen, ip, judged, key, only, pools, ranking, service, service_with,
    set_endpoints, winner,
};
use crate::may::{Interfaces, View, may};

fn interfaces(view: &View, address: &str) -> Vec<String> {
    match &foreseen(view)[&ip(address)].outcome.as_ref().unwrap().interfaces {
        Interfaces::Any => vec!["any".to_owned()],
        Interfaces::Only(names) => names.iter().map(ToString::to_string).collect(),
    }
}

#[rstest]
#[case::without_a_class(json!({}), None, true)]
#[case::of_another_class(json!({"spec": {"loadBalancerClass": "other"}}), None, false)]
#[case::of_our_class(json!({"spec": {"loadBalancerClass": "ours"}}), Some("ours"), true)]
#[case::without_a_class_where_we_have_one(json!({}), Some("ours"), false)]
#[case::of_another_type(json!({"spec": {"type": "ClusterIP"}}), None, false)]
fn only_our_services_are_judged(#[case] wire: Value, #[case] class: Option<&str>, #[case] ours: bool) {
    let mut view = cluster(&["n1"]);
    service_with(&mut view, "web", &["192.0.2.1"], wire);
    endpoints(&mut view, "web", &["n1"]);
    view.options.class = class.map(str::to_owned);
    assert_eq!(!may(&view).by_address.is_empty(), ours);
}

#[test]
fn without_an_advertisement_of_its_pool_an_address_is_announced_nowhere() {
    let mut view = cluster(&["n1"]);
    service(&mut view, "web", &["192.0.2.1"]);
    advert(&mut view, "everywhere", json!({"ipAddressPools": ["another"]}));
    assert_eq!(winner(&view, "192.0.2.1"), "NotAdvertised");
    advert(
        &mut view,
        "labelled",
        json!({"ipAddressPoolSelectors": [{"matchLabels": {"pool": "p"}}]}),
    );
    assert_eq!(winner(&view, "192.0.2.1"), "n1");
}

#[test]
fn service_selectors_must_match() {
    let mut view = cluster(&["n1"]);
    service(&mut view, "web", &["192.0.2.1"]);
    service(&mut view, "mail", &["192.0.2.2"]);
    advert(
        &mut view,
        "everywhere",
        json!({"serviceSelectors": [{"matchLabels": {"app": "web"}}]}),
    );
    assert_eq!(winner(&view, "192.0.2.1"), "n1");
    assert_eq!(winner(&view, "192.0.2.2"), "ServiceNotSelected");
}

/// MetalLB's `sharedIPWithServiceSelector`; an empty annotation counts.
#[rstest]
#[case::shared_and_selected("key", "web", "SharedWithServiceSelectors")]
#[case::shared_with_an_empty_key("", "web", "SharedWithServiceSelectors")]
#[case::selected_is_another("key", "mail", "n1")]
fn a_service_that_may_share_is_not_announced_by_service_selectors(
    #[case] sharing: &str,
    #[case] selected: &str,
    #[case] expected: &str,
) {
    let mut view = cluster(&["n1"]);
    let wire = json!({"metadata": {"annotations": {"metallb.io/allow-shared-ip": sharing}}});
    service_with(&mut view, "web", &["192.0.2.1"], wire);
    endpoints(&mut view, "web", &["n1"]);
    advert(
        &mut view,
        "chosen",
        json!({"serviceSelectors": [{"matchLabels": {"app": selected}}]}),
    );
    assert_eq!(winner(&view, "192.0.2.1"), expected);
}

#[test]
fn any_advertisement_will_do_for_a_node() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["192.0.2.1"]);
    advert(&mut view, "everywhere", json!({"nodeSelectors": [only("n1")]}));
    assert_eq!(ranking(&view, "192.0.2.1"), [("n1".to_owned(), 0)]);
    advert(&mut view, "more", json!({"nodeSelectors": [only("n3")]}));
    assert_eq!(
        ranking(&view, "192.0.2.1"),
        [("n1".to_owned(), 0), ("n3".to_owned(), 0)]
    );
}

#[test]
fn weights_add_up_over_the_advertisements_that_select_the_node() {
    let prefers = |weight: u32, nodes: &str| json!([{"weight": weight, "preference": only(nodes)}]);
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["192.0.2.1"]);
    advert(
        &mut view,
        "a",
        json!({"preferredNodeSelectors": prefers(10, "n3")}),
    );
    advert(
        &mut view,
        "b",
        json!({"preferredNodeSelectors": prefers(20, "n3")}),
    );
    advert(
        &mut view,
        "c",
        json!({"nodeSelectors": [only("n2")], "preferredNodeSelectors": prefers(99, "n1")}),
    );
    let expected = [("n3".to_owned(), 30), ("n2".to_owned(), 0), ("n1".to_owned(), 0)];
    assert_eq!(ranking(&view, "192.0.2.1"), expected);
}

#[test]
fn interfaces_are_united_over_the_advertisements_that_select_the_node() {
    let mut view = cluster(&["n1"]);
    service(&mut view, "web", &["192.0.2.1"]);
    advert(
        &mut view,
        "everywhere",
        json!({"nodeSelectors": [only("n1")], "interfaces": ["eth1"]}),
    );
    advert(
        &mut view,
        "more",
        json!({"nodeSelectors": [only("n1")], "interfaces": ["eth0"]}),
    );
    advert(
        &mut view,
        "elsewhere",
        json!({"nodeSelectors": [only("n2")], "interfaces": ["eth9"]}),
    );
    assert_eq!(interfaces(&view, "192.0.2.1"), ["eth0", "eth1"]);
    advert(&mut view, "any", json!({"nodeSelectors": [only("n1")]}));
    assert_eq!(interfaces(&view, "192.0.2.1"), ["any"]);
}

#[rstest]
#[case::owned_by_a_pool("192.0.2.1", None, "n1")]
#[case::in_no_pool("198.51.100.1", None, "OutsidePools")]
#[case::in_no_pool_any_more("198.51.100.1", Some("p"), "n1")]
#[case::of_a_pool_that_is_gone("198.51.100.1", Some("gone"), "n1")]
fn an_address_has_the_pool_that_owns_it_or_that_it_came_from(
    #[case] address: &str,
    #[case] came_from: Option<&str>,
    #[case] expected: &str,
) {
    let mut view = cluster(&["n1"]);
    let annotations = came_from.map(|pool| json!({"metallb.io/ip-allocated-from-pool": pool}));
    service_with(
        &mut view,
        "web",
        &[address],
        json!({"metadata": {"annotations": annotations}}),
    );
    endpoints(&mut view, "web", &["n1"]);
    assert_eq!(winner(&view, address), expected);
}

#[test]
fn the_pool_an_address_came_from_must_be_advertised() {
    let mut view = cluster(&["n1"]);
    let wire = json!({"metadata": {"annotations": {"metallb.io/ip-allocated-from-pool": "q"}}});
    service_with(&mut view, "web", &["198.51.100.1"], wire);
    endpoints(&mut view, "web", &["n1"]);
    advert(&mut view, "everywhere", json!({"ipAddressPools": ["p"]}));
    assert_eq!(winner(&view, "198.51.100.1"), "NotAdvertised");
}

#[test]
fn the_pool_a_second_address_came_from_must_be_advertised() {
    let mut view = cluster(&["n1"]);
    let annotations =
        json!({"metallb.io/ip-allocated-from-pool": "p", "ferrolb.io/second-allocated-from-pool": "q"});
    let wire = json!({"metadata": {"annotations": annotations}});
    service_with(&mut view, "web", &["198.51.100.1", "2001:db8:9::1"], wire);
    endpoints(&mut view, "web", &["n1"]);
    advert(&mut view, "everywhere", json!({"ipAddressPools": ["p"]}));
    assert_eq!(winner(&view, "198.51.100.1"), "n1");
    assert_eq!(winner(&view, "2001:db8:9::1"), "NotAdvertised");
}

#[rstest]
#[case::ready(true, true, Some("n9"), "n1")]
#[case::terminating_but_serving(false, true, Some("n9"), "n1")]
#[case::not_serving(false, false, Some("n9"), "NoEndpoints")]
#[case::of_no_known_node(true, true, None, "n1")]
fn an_endpoint_anywhere_must_be_able_to_serve(
    #[case] ready: bool,
    #[case] serving: bool,
    #[case] on: Option<&str>,
    #[case] expected: &str,
) {
    let mut view = cluster(&["n1"]);
    service(&mut view, "web", &["192.0.2.1"]);
    let node = on.map(Into::into);
    set_endpoints(&mut view, "web", [Endpoint { node, ready, serving }]);
    assert_eq!(winner(&view, "192.0.2.1"), expected);
}

#[test]
fn a_service_without_endpoints_takes_nothing_from_those_it_shares_with() {
    let mut view = cluster(&["n1"]);
    service(&mut view, "web", &["192.0.2.1"]);
    service(&mut view, "mail", &["192.0.2.1"]);
    endpoints(&mut view, "mail", &[]);
    assert_eq!(winner(&view, "192.0.2.1"), "n1");
    let foreseen = &foreseen(&view)[&ip("192.0.2.1")];
    assert!(foreseen.of_service(&key("web")).is_ok());
    assert_eq!(foreseen.of_service(&key("mail")), Err(&Reason::NoEndpoints));
    endpoints(&mut view, "web", &[]);
    assert_eq!(winner(&view, "192.0.2.1"), "NoEndpoints");
}

#[test]
fn all_services_of_an_address_are_named() {
    let mut view = cluster(&["n1"]);
    service(&mut view, "web", &["192.0.2.1"]);
    service(&mut view, "mail", &["192.0.2.1"]);
    let judged = judged(&view, "192.0.2.1");
    assert!(judged.services().eq(&[key("mail"), key("web")]));
}

#[test]
fn a_pool_that_owns_the_address_comes_before_the_pool_it_came_from() {
    let mut view = cluster(&["n1"]);
    pools(&mut view, &[("q", &["192.0.2.0/24"])]);
    let wire = json!({"metadata": {"annotations": {"metallb.io/ip-allocated-from-pool": "p"}}});
    service_with(&mut view, "web", &["192.0.2.1"], wire);
    endpoints(&mut view, "web", &["n1"]);
    advert(&mut view, "everywhere", json!({"ipAddressPools": ["p"]}));
    let why = judged(&view, "192.0.2.1").eligible.as_ref().err().cloned();
    assert_eq!(why, Some(Reason::NotAdvertised { pool: "q".into() }.into()));
}
