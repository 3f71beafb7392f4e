use serde_json::{Value, json};

use super::*;
use crate::alloc::{Outcome, decide};

fn stores(services: Vec<Value>) -> Stores {
    let pool = json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": {"name": "p", "namespace": "lb"}, "spec": {"addresses": ["192.0.2.0/30"]}});
    Stores {
        services: Reflection::of(services),
        namespaces: Reflection::of([]),
        nodes: Reflection::of([]),
        pools: Reflection::of([pool]),
        adverts: Reflection::of([]),
        states: Reflection::of([]),
        api_server: Reflection::of([]),
    }
}

/// A Service with these ports, which has these addresses of ours.
fn service(name: &str, ports: Value, addresses: &[&str]) -> Value {
    let ingress: Vec<Value> = addresses.iter().map(|address| json!({"ip": address})).collect();
    json!({"metadata": {"name": name, "namespace": "shop", "uid": format!("uid-of-{name}"), "annotations": {
            "metallb.io/ip-allocated-from-pool": "p", "metallb.io/allow-shared-ip": "k"}},
        "spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.9"], "ports": ports},
        "status": {"loadBalancer": {"ingress": ingress}}})
}

fn addresses(snapshot: &Snapshot) -> Vec<(String, String)> {
    let words = |(key, outcome): (&ServiceKey, &Outcome)| {
        let address = match outcome {
            Outcome::Assigned(assignment) => assignment.addresses.to_string(),
            Outcome::Refused(refusal) => refusal.to_string(),
            Outcome::NotOurs => String::new(),
        };
        (key.name.to_string(), address)
    };
    decide(&snapshot.world).outcomes.iter().map(words).collect()
}

fn read(services: Vec<Value>) -> Snapshot {
    Reader::new(None).read(&stores(services), &Pending::default())
}

#[test]
fn the_address_of_a_service_that_cannot_be_read_is_given_to_nobody() {
    let unreadable = json!([{"port": "x"}]);
    let asking = json!({"metallb.io/loadBalancerIPs": "192.0.2.0"});
    let mut asks = service("asks", json!([{"port": 82}]), &[]);
    asks["metadata"]["annotations"] = asking;
    let snapshot = read(vec![
        asks,
        service("new", json!([{"port": 81}]), &[]),
        service("odd", unreadable, &["192.0.2.0"]),
    ]);
    let in_use = "192.0.2.0 is in use by shop/odd: that Service cannot be read";
    assert_eq!(
        addresses(&snapshot),
        [
            ("asks".to_owned(), in_use.to_owned()),
            ("new".to_owned(), "192.0.2.1".to_owned())
        ]
    );
}

#[test]
fn who_shares_an_address_with_a_service_that_cannot_be_read_keeps_it() {
    let snapshot = read(vec![
        service("mate", json!([{"port": 81}]), &["192.0.2.0"]),
        service("odd", json!("none"), &["192.0.2.0"]),
    ]);
    assert_eq!(
        addresses(&snapshot),
        [("mate".to_owned(), "192.0.2.0".to_owned())]
    );
}

#[test]
fn an_object_that_cannot_be_read_is_said() {
    let mut stores = stores(vec![service("odd", json!([{"port": "x"}]), &[])]);
    stores.nodes = Reflection::of([json!({"metadata": {"name": "n1", "labels": 7}, "status": {
        "addresses": [{"type": "InternalIP", "address": "192.0.2.0"}]}})]);
    stores.namespaces = Reflection::of([json!({"metadata": {"name": "shop", "labels": 7}})]);
    let snapshot = Reader::new(None).read(&stores, &Pending::default());
    let said: Vec<String> = snapshot.invalid_in_words().into_iter().collect();
    assert_eq!(
        said,
        [
            "Namespace shop: metadata.labels: invalid type: integer `7`, expected a map",
            "Node n1: metadata.labels: invalid type: integer `7`, expected a map",
            "Service odd: spec.ports[0].port: invalid type: string \"x\", expected i32",
        ]
    );
    assert!(snapshot.world.nodes.contains_key(&"192.0.2.0".parse().unwrap()));
    let service = snapshot
        .invalid
        .iter()
        .find(|problem| problem.object.kind.as_deref() == Some("Service"));
    assert_eq!(
        service.unwrap().object.uid.as_deref(),
        Some("uid-of-odd"),
        "an event finds it"
    );
}

#[test]
fn what_is_hardly_meant_is_said_and_stops_nothing() {
    let object = |kind: &str, name: &str, spec: Value| {
        let metadata = json!({"name": name, "namespace": "lb"});
        json!({"apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": metadata, "spec": spec})
    };
    let mut stores = stores(vec![service("web", json!([{"port": 80}]), &[])]);
    stores.pools = Reflection::of([
        object("IPAddressPool", "p", json!({"addresses": ["192.0.2.9/30"]})),
        object("IPAddressPool", "bad", json!({"addresses": 7})),
    ]);
    let advert = object(
        "L2Advertisement",
        "a",
        json!({"ipAddressPools": ["p", "bad", "gone"]}),
    );
    stores.adverts = Reflection::of([advert]);
    let snapshot = Reader::new(None).read(&stores, &Pending::default());
    let said: Vec<String> = snapshot.doubtful.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "IPAddressPool p: spec.addresses[0]: 192.0.2.9/30 has host bits: it gives out 192.0.2.8 to 192.0.2.11",
            "L2Advertisement a: spec.ipAddressPools[2]: there is no IPAddressPool gone",
        ]
    );
    assert_eq!(addresses(&snapshot), [("web".to_owned(), "192.0.2.8".to_owned())]);
}

#[test]
fn a_service_whose_conditions_are_odd_waits_and_holds_like_any_other() {
    let odd = json!([{"type": "example.com/A", "status": "True", "lastTransitionTime": null},
        {"type": "ferrolb.io/Assigned", "status": "True", "lastTransitionTime": null}]);
    let mut services = vec![
        service("holds", json!([{"port": 80}]), &["192.0.2.0"]),
        service("waits", json!([{"port": 80}]), &[]),
    ];
    services
        .iter_mut()
        .for_each(|service| service["status"]["conditions"] = odd.clone());
    let expected = [("holds", "192.0.2.0"), ("waits", "192.0.2.1")];
    assert_eq!(
        addresses(&read(services)),
        expected.map(|(name, address)| (name.to_owned(), address.to_owned()))
    );
}
