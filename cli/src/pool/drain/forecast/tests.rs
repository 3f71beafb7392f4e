use ferrolb_crds::domain::PoolName;
use serde_json::{Value, json};

use super::super::fate::line;
use super::super::select::leaving;
use super::*;
use crate::objects::Objects;

fn service(name: &str, address: &str, annotations: &Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"]},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}}})
}

fn of_old() -> Value {
    json!({"metallb.io/ip-allocated-from-pool": "old"})
}

/// The lines about draining pool `old` where pool `new` has these addresses.
fn lines(addresses: &[&str], services: &[Value]) -> Vec<String> {
    let pool =
        json!({"metadata": {"name": "new", "namespace": "metallb-system"}, "spec": {"addresses": addresses}});
    let objects = Objects {
        pools: vec![serde_json::from_value(pool).unwrap()],
        services: services
            .iter()
            .map(|one| serde_json::from_value(one.clone()).unwrap())
            .collect(),
        ..Objects::default()
    };
    let world = objects.world(None, &mut Vec::new());
    let leaving = leaving(&PoolName::from("old"), &world, &alloc::decide(&world));
    let fates = forecast(world, &leaving);
    leaving
        .iter()
        .zip(&fates)
        .map(|(one, fate)| line(one, fate))
        .collect()
}

#[test]
fn each_service_gets_an_address_of_its_own() {
    let services = [
        service("api", "192.0.2.7", &of_old()),
        service("web", "192.0.2.8", &of_old()),
    ];
    assert_eq!(
        lines(&["198.51.100.0/28"], &services),
        [
            "shop/api  192.0.2.7 -> 198.51.100.0",
            "shop/web  192.0.2.8 -> 198.51.100.1"
        ]
    );
}

#[test]
fn the_last_ones_stay_where_no_address_is_left() {
    let services = [
        service("api", "192.0.2.7", &of_old()),
        service("web", "192.0.2.8", &of_old()),
    ];
    assert_eq!(
        lines(&["198.51.100.0/32"], &services),
        [
            "shop/api  192.0.2.7 -> 198.51.100.0",
            "shop/web  192.0.2.8 stays (NoReplacement): 192.0.2.8 was to be given up and is kept, because there is \
             no other: pool new has no free IPv4 address"
        ]
    );
}

#[test]
fn who_waits_already_comes_before_who_is_moved() {
    let mut waiting = service("waiting", "", &json!({}));
    waiting["status"] = json!({});
    let services = [service("web", "192.0.2.8", &of_old()), waiting];
    assert_eq!(
        lines(&["198.51.100.0/31"], &services),
        ["shop/web  192.0.2.8 -> 198.51.100.1"]
    );
}

#[test]
fn who_asks_for_its_address_stays() {
    let mut asks = of_old();
    asks["metallb.io/loadBalancerIPs"] = json!("192.0.2.8");
    assert_eq!(
        lines(&["198.51.100.0/28"], &[service("web", "192.0.2.8", &asks)]),
        [
            "shop/web  192.0.2.8 stays: the Service asks for it (annotation metallb.io/loadBalancerIPs or \
             spec.loadBalancerIP)"
        ]
    );
}

#[test]
fn only_the_new_ones_of_two_addresses_are_named() {
    let mut service = service("web", "192.0.2.8", &of_old());
    service["spec"]["clusterIPs"] = json!(["10.96.0.7", "2001:db8:9::7"]);
    service["spec"]["ipFamilyPolicy"] = json!("PreferDualStack");
    service["status"]["loadBalancer"]["ingress"] = json!([{"ip": "192.0.2.8"}, {"ip": "2001:db8::1"}]);
    assert_eq!(
        lines(&["198.51.100.0/28", "2001:db8::/120"], &[service]),
        ["shop/web  192.0.2.8 -> 198.51.100.0"]
    );
}
