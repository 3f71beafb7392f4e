use ferrolb_controller::alloc::decide;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::objects::Objects;

/// Pools by name, addresses and what else they say.
fn world(pools: &[(&str, &str, Value)], services: &[Value]) -> World {
    let pool = |(name, addresses, spec): &(&str, &str, Value)| {
        let mut spec = spec.clone();
        spec["addresses"] = json!([addresses]);
        serde_json::from_value(
            json!({"metadata": {"name": name, "namespace": "metallb-system"}, "spec": spec}),
        )
        .unwrap()
    };
    let objects = Objects {
        pools: pools.iter().map(pool).collect(),
        services: services
            .iter()
            .map(|one| serde_json::from_value(one.clone()).unwrap())
            .collect(),
        ..Objects::default()
    };
    let mut problems = Vec::new();
    let world = objects.world(None, &mut problems);
    assert_eq!(problems, []);
    world
}

/// A Service with these addresses, the first of this pool.
fn service(name: &str, pool: &str, addresses: &[&str], annotations: Value) -> Value {
    let mut annotations = annotations;
    annotations["metallb.io/ip-allocated-from-pool"] = json!(pool);
    let cluster_ips = if addresses.len() > 1 {
        json!(["10.96.0.7", "2001:db8:9::7"])
    } else {
        json!(["10.96.0.7"])
    };
    let ingress: Vec<Value> = addresses.iter().map(|address| json!({"ip": address})).collect();
    json!({
        "metadata": {"name": name, "namespace": "shop", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "clusterIPs": cluster_ips, "ipFamilyPolicy": "PreferDualStack"},
        "status": {"loadBalancer": {"ingress": ingress}}})
}

/// The addresses that leave pool `old`.
fn leave(world: &World) -> Vec<String> {
    let leaving = leaving(&"old".into(), world, &decide(world));
    leaving
        .iter()
        .flat_map(|one| one.addresses.iter().map(ToString::to_string))
        .collect()
}

#[rstest]
#[case::in_order("192.0.2.0/28", json!({}), &[])]
#[case::shrunk("192.0.2.8/29", json!({}), &["192.0.2.0"])]
#[case::for_others_now("192.0.2.0/28", json!({"serviceAllocation": {"namespaces": ["other"]}}), &["192.0.2.0"])]
#[case::avoided_now("192.0.2.0/28", json!({"avoidBuggyIPs": true}), &["192.0.2.0"])]
#[case::on_request_only_now("192.0.2.0/28", json!({"autoAssign": false}), &["192.0.2.0"])]
fn a_service_leaves_what_it_would_not_be_given_today(
    #[case] addresses: &str,
    #[case] spec: Value,
    #[case] expected: &[&str],
) {
    let services = [service("web", "old", &["192.0.2.0"], json!({}))];
    assert_eq!(leave(&world(&[("old", addresses, spec)], &services)), expected);
}

#[test]
fn a_service_leaves_a_pool_that_was_deleted() {
    let services = [
        service("web", "old", &["192.0.2.7"], json!({})),
        service("api", "older", &["192.0.2.8"], json!({})),
    ];
    let world = world(&[("new", "198.51.100.0/28", json!({}))], &services);
    assert_eq!(leave(&world), ["192.0.2.7"], "of that pool alone");
}

#[test]
fn a_service_that_asks_for_a_pool_may_stay_in_one_that_gives_on_request() {
    let services = [service(
        "web",
        "old",
        &["192.0.2.7"],
        json!({"metallb.io/address-pool": "old"}),
    )];
    assert_eq!(
        leave(&world(
            &[("old", "192.0.2.0/28", json!({"autoAssign": false}))],
            &services
        )),
        Vec::<String>::new()
    );
}

#[test]
fn what_a_service_asks_for_is_left_to_its_owner() {
    let asks = json!({"metallb.io/loadBalancerIPs": "192.0.2.7"});
    let services = [
        service("web", "old", &["192.0.2.7"], asks),
        service("api", "old", &["192.0.2.8"], json!({})),
    ];
    let world = world(&[], &services);
    let asked: Vec<(String, bool)> = leaving(&"old".into(), &world, &decide(&world))
        .iter()
        .map(|one| (one.service.to_string(), one.asked_for))
        .collect();
    assert_eq!(
        asked,
        [("shop/api".to_owned(), false), ("shop/web".to_owned(), true)]
    );
}

#[test]
fn an_address_of_another_pool_stays() {
    let services = [service("web", "old", &["192.0.2.7", "2001:db8::7"], json!({}))];
    let world = world(&[("six", "2001:db8::/120", json!({}))], &services);
    let leaving = leaving(&"old".into(), &world, &decide(&world));
    let text = |all: &BTreeSet<IpAddr>| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        (text(&leaving[0].addresses), text(&leaving[0].staying)),
        (vec!["192.0.2.7".to_owned()], vec!["2001:db8::7".to_owned()])
    );
}

#[test]
fn a_second_address_outside_every_pool_leaves_the_pool_that_it_is_from() {
    let second = json!({"ferrolb.io/second-allocated-from-pool": "old"});
    let services = [service("web", "four", &["192.0.2.7", "2001:db8::7"], second)];
    let four = ("four", "192.0.2.0/28", json!({}));
    assert_eq!(leave(&world(&[four], &services)), ["2001:db8::7"]);
    let none = world(&[], &services);
    assert_eq!(leave(&none), ["2001:db8::7"], "the first one is of another pool");
}

#[test]
fn an_address_that_is_about_to_be_lost_anyway_is_not_asked_for() {
    let older = json!("2020-01-01T00:00:00Z");
    let mut first = service("first", "old", &["192.0.2.7"], json!({}));
    first["metadata"]["creationTimestamp"] = older;
    let services = [first, service("second", "old", &["192.0.2.7"], json!({}))];
    let world = world(&[("new", "198.51.100.0/28", json!({}))], &services);
    let names: Vec<String> = leaving(&"old".into(), &world, &decide(&world))
        .iter()
        .map(|one| one.service.name.to_string())
        .collect();
    assert_eq!(names, ["first"]);
}

#[rstest]
#[case::no_such_pool(&[], &[], Standing::Unknown)]
#[case::an_empty_pool(&[("old", "192.0.2.0/28")], &[], Standing::Regular(0))]
#[case::a_pool_in_use(&[("old", "192.0.2.0/28")], &["192.0.2.7", "192.0.2.8"], Standing::Regular(2))]
fn why_nobody_leaves(#[case] pools: &[(&str, &str)], #[case] addresses: &[&str], #[case] expected: Standing) {
    let pools: Vec<_> = pools
        .iter()
        .map(|(name, addresses)| (*name, *addresses, json!({})))
        .collect();
    let services: Vec<Value> = addresses
        .iter()
        .enumerate()
        .map(|(at, address)| service(&format!("s{at}"), "old", &[address], json!({})))
        .collect();
    let world = world(&pools, &services);
    assert_eq!(standing(&"old".into(), &world, &decide(&world)), expected);
}
