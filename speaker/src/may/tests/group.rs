use std::sync::Arc;

use serde_json::json;

use crate::may::fixture::{advert, cluster, endpoints, local_service, only, pools, service, winner};
use crate::may::{View, may};

fn winners(view: &View) -> Vec<(String, String)> {
    let all = &may(view).by_address;
    all.keys()
        .map(|address| (address.to_string(), winner(view, &address.to_string())))
        .collect()
}

fn all_on(view: &View, node: &str) -> bool {
    winners(view).iter().all(|(_, winner)| winner == node)
}

#[test]
fn both_addresses_of_a_service_go_to_the_first_node_of_the_ipv4_address() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["2001:db8::1", "192.0.2.4"]);
    assert!(all_on(&view, "n3"), "{:?}", winners(&view));
}

#[test]
fn services_that_share_an_address_draw_their_other_addresses_after_them() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "a", &["192.0.2.4", "2001:db8::1"]);
    service(&mut view, "b", &["192.0.2.2", "2001:db8::1"]);
    assert!(all_on(&view, "n1"), "{:?}", winners(&view));
    service(&mut view, "b", &["192.0.2.2"]);
    assert_eq!(winner(&view, "192.0.2.4"), "n3");
}

#[test]
fn a_chain_of_shared_addresses_is_one_group_in_whatever_order_it_is_found() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "a", &["192.0.2.1", "2001:db8::1"]);
    service(&mut view, "b", &["192.0.2.4", "2001:db8::2"]);
    service(&mut view, "c", &["192.0.2.1", "2001:db8::2"]);
    assert!(all_on(&view, "n2"), "{:?}", winners(&view));
}

/// Otherwise the last endpoint of one Service would move the addresses of another.
#[test]
fn a_service_without_endpoints_still_binds_its_group() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "a", &["192.0.2.2", "2001:db8::1"]);
    service(&mut view, "b", &["2001:db8::1"]);
    endpoints(&mut view, "a", &[]);
    assert_eq!(winner(&view, "2001:db8::1"), "n1");
    assert_eq!(winner(&view, "192.0.2.2"), "NoEndpoints");
}

#[test]
fn a_group_is_split_only_if_no_node_is_eligible_for_all_of_it() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    pools(
        &mut view,
        &[("four", &["192.0.2.0/24"]), ("six", &["2001:db8::/120"])],
    );
    service(&mut view, "web", &["192.0.2.1", "2001:db8::1"]);
    view.adverts = Arc::default();
    advert(
        &mut view,
        "four",
        json!({"ipAddressPools": ["four"], "nodeSelectors": [only("n1"), only("n3")]}),
    );
    advert(
        &mut view,
        "six",
        json!({"ipAddressPools": ["six"], "nodeSelectors": [only("n2"), only("n3")]}),
    );
    assert!(all_on(&view, "n3"), "{:?}", winners(&view));
    Arc::make_mut(&mut view.nodes).remove(&"n3".into());
    assert_eq!(winner(&view, "192.0.2.1"), "n1");
    assert_eq!(winner(&view, "2001:db8::1"), "n2");
}

#[test]
fn a_local_service_binds_the_other_services_of_its_group() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    local_service(&mut view, "web", &["192.0.2.1", "2001:db8::1"], &["n3"]);
    service(&mut view, "mail", &["2001:db8::1"]);
    assert!(all_on(&view, "n3"), "{:?}", winners(&view));
}
