use ferrolb_runtime::reflect::Reflection;
use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::bgp::BgpStores;
use super::super::watch::Slice;
use super::*;
use crate::may::may;

fn store<K>(objects: &[Value]) -> Reflection<K>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone,
{
    Reflection::of(objects.iter().cloned())
}

fn services(objects: &[Value]) -> Reflection<Shown> {
    Reflection::kept(objects.iter().cloned(), Shown::reader(None, Default::default()))
}

fn slices(objects: &[Value]) -> Reflection<Slice> {
    Reflection::kept(objects.iter().cloned(), Slice::reader(Default::default()))
}

fn node(name: &str) -> Value {
    json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
}

fn service(name: &str, kind: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "uid": format!("uid-of-{name}")},
        "spec": {"type": kind}, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})
}

fn slice(name: &str, service: &str, node: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "endpoints": [{"addresses": [format!("10.244.0.{}", name.len())], "nodeName": node}]})
}

fn pool(name: &str, addresses: &str) -> Value {
    json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": {"name": name, "namespace": "metallb-system"}, "spec": {"addresses": [addresses]}})
}

fn stores() -> Stores {
    let advert = json!({"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
        "metadata": {"name": "all", "namespace": "metallb-system"}, "spec": {}});
    Stores {
        services: services(&[service("web", "LoadBalancer"), service("db", "ClusterIP")]),
        slices: slices(&[
            slice("web-a", "web", "n1"),
            slice("web-bb", "web", "n2"),
            slice("db-a", "db", "n1"),
        ]),
        nodes: store(&[node("n1"), node("n2")]),
        pools: store(&[pool("p", "192.0.2.0/24")]),
        adverts: store(&[advert]),
        states: store(&[state("n1", "192.0.2.0/24")]),
        config_maps: store(&[]),
        statuses: Reflection::kept([], Seen::reader(Default::default())),
        secrets: store(&[json!({"metadata": {"name": "memberlist"},
            "data": {"secretkey": "YSBrZXkgb2YgZW5vdWdoIGJ5dGVz"}})]),
        bgp: BgpStores {
            peers: store(&[]),
            profiles: store(&[]),
            adverts: store(&[]),
            communities: store(&[]),
        },
    }
}

#[test]
fn a_secret_that_is_gone_is_a_problem() {
    let mut stores = stores();
    stores.secrets = store(&[]);
    let snapshot = reader().read(&stores, Instant::now());
    assert!(
        snapshot.problems[0]
            .to_string()
            .starts_with("Secret memberlist: does not exist")
    );
}

fn reader() -> Reader {
    Reader::new(Options::default())
}

fn state(node: &str, subnet: &str) -> Value {
    json!({"apiVersion": "metallb.io/v1beta1", "kind": "ConfigurationState",
        "metadata": {"name": format!("speaker-{node}"), "namespace": "metallb-system",
            "labels": {"metallb.io/node-name": node},
            "annotations": {"ferrolb.io/links": format!("{{\"eth0\":[\"{subnet}\"]}}")}},
        "spec": {}})
}

#[test]
fn the_view_holds_what_is_judged() {
    let snapshot = reader().read(&stores(), Instant::now());
    let may = may(&snapshot.view);
    let judged = &may.by_address[&"192.0.2.1".parse().unwrap()];
    assert!(judged.eligible.as_ref().unwrap().includes(&"n1".into()));
    assert!(snapshot.problems.is_empty(), "{:?}", snapshot.problems);
}

#[test]
fn what_a_speaker_told_of_its_node_outlives_the_speaker() {
    let (mut reader, mut stores) = (reader(), stores());
    let first = reader.read(&stores, Instant::now()).view.links;
    assert!(first[&"n1".into()].have_on_link("192.0.2.1".parse().unwrap()));
    stores.states = store(&[]);
    assert!(Arc::ptr_eq(
        &reader.read(&stores, Instant::now()).view.links,
        &first
    ));
    stores.nodes = store(&[node("n2")]);
    assert!(reader.read(&stores, Instant::now()).view.links.is_empty());
}

#[test]
fn only_load_balancers_are_kept() {
    let snapshot = reader().read(&stores(), Instant::now());
    let keys: Vec<String> = snapshot.view.services.keys().map(ToString::to_string).collect();
    assert_eq!(keys, ["shop/web"]);
    let web = ServiceKey::new("shop", "web");
    let reference = snapshot.shown[&web].reference(&web);
    assert_eq!(reference.uid.as_deref(), Some("uid-of-web"));
}

#[test]
fn the_endpoints_of_a_service_come_from_all_its_slices() {
    let snapshot = reader().read(&stores(), Instant::now());
    let endpoints = &snapshot.view.services[&ServiceKey::new("shop", "web")].endpoints;
    let nodes: Vec<String> = endpoints.serving_nodes().map(ToString::to_string).collect();
    assert_eq!(nodes, ["n1", "n2"]);
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let (mut reader, mut stores) = (reader(), stores());
    let key = ServiceKey::new("shop", "web");
    let first = reader.read(&stores, Instant::now()).view.services[&key].clone();
    let second = reader.read(&stores, Instant::now()).view.services[&key].clone();
    assert!(first.is(&second));
    stores.slices = slices(&[slice("web-a", "web", "n1")]);
    let third = reader.read(&stores, Instant::now()).view.services[&key].clone();
    assert!(Arc::ptr_eq(&first.view, &third.view));
    assert!(!third.endpoints.serving_on(&"n2".into()));
}

#[test]
fn of_policy_local_a_pod_that_moves_counts_where_it_was_until_the_reader_is_due() {
    for (policy, at_once) in [("Local", "n1 n2"), ("Cluster", "n2")] {
        let (mut reader, mut stores, began) = (reader(), stores(), Instant::now());
        let mut web = service("web", "LoadBalancer");
        web["spec"]["externalTrafficPolicy"] = json!(policy);
        stores.services = services(&[web]);
        stores.slices = slices(&[slice("web-a", "web", "n1")]);
        reader.read(&stores, began);
        let mut leaving = slice("web-a", "web", "n1");
        leaving["endpoints"][0]["conditions"] = json!({"ready": false, "serving": true, "terminating": true});
        stores.slices = slices(&[leaving, slice("web-bb", "web", "n2")]);
        let mut ready = |now| {
            let view = reader.read(&stores, now).view;
            let endpoints = &view.services[&ServiceKey::new("shop", "web")].endpoints;
            let nodes = endpoints.ready_nodes().map(|(node, _)| node.as_str());
            (nodes.collect::<Vec<_>>().join(" "), reader.next())
        };
        let (nodes, due) = ready(began);
        assert_eq!(nodes, at_once);
        assert_eq!(ready(due.unwrap_or(began)), ("n2".to_owned(), None));
    }
}

#[test]
fn an_invalid_object_is_a_problem_and_the_others_work() {
    let mut stores = stores();
    stores.pools = store(&[
        pool("bad", "192.0.2.9-192.0.2.1"),
        pool("p", "192.0.2.0/24"),
        pool("q", "192.0.2.8/32"),
    ]);
    let snapshot = reader().read(&stores, Instant::now());
    let problems: Vec<String> = snapshot.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "IPAddressPool bad: spec.addresses[0]: \"192.0.2.9-192.0.2.1\": the start of a range must not be above its end",
            "IPAddressPool q: spec.addresses: 192.0.2.8-192.0.2.8 overlaps pool p, which keeps the common addresses",
        ]
    );
    assert!(snapshot.view.pools.named(&"p".into()).is_some());
}

#[test]
fn an_object_that_cannot_be_decoded_is_a_problem() {
    let mut stores = stores();
    let metadata = json!({"name": "all", "namespace": "metallb-system"});
    stores.adverts = store(&[json!({"metadata": metadata, "spec": {"interfaces": 7}})]);
    let snapshot = reader().read(&stores, Instant::now());
    assert_eq!(
        snapshot
            .problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["L2Advertisement all: spec.interfaces: invalid type: integer `7`, expected a sequence"]
    );
    assert!(snapshot.view.adverts.is_empty());
}

#[test]
fn the_config_map_says_which_interfaces_never_announce() {
    let mut stores = stores();
    let config = |patterns: &str| {
        json!({"metadata": {"name": "metallb-excludel2", "namespace": "metallb-system"},
            "data": {"excludel2.yaml": format!("announcedInterfacesToExclude: [{patterns}]")}})
    };
    assert!(
        reader()
            .read(&stores, Instant::now())
            .exclude
            .excludes(&"docker0".into())
    );
    stores.config_maps = store(&[config("'^eth9$', '('")]);
    let snapshot = reader().read(&stores, Instant::now());
    assert!(snapshot.exclude.excludes(&"eth9".into()) && !snapshot.exclude.excludes(&"docker0".into()));
    assert_eq!(snapshot.problems.len(), 1);
}

#[test]
fn what_cannot_be_read_any_more_is_announced_as_before_and_said() {
    let (mut reader, mut stores) = (reader(), stores());
    let key = ServiceKey::new("shop", "web");
    let before = reader.read(&stores, Instant::now()).view.services[&key].clone();
    let (mut odd_service, mut odd_slice) = (service("web", "LoadBalancer"), slice("web-bb", "web", "n2"));
    odd_service["spec"] = json!("none");
    odd_slice["endpoints"] = json!("none");
    stores.services = services(&[odd_service]);
    stores.slices = slices(&[slice("web-a", "web", "n1"), odd_slice]);
    let snapshot = reader.read(&stores, Instant::now());
    assert!(snapshot.view.services[&key].is(&before));
    let problems: Vec<String> = snapshot.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "Service web: spec: invalid type: string \"none\", expected struct ServiceSpec",
            "EndpointSlice web-bb: endpoints: invalid type: string \"none\", expected a sequence",
        ]
    );
    stores.services = services(&[]);
    let snapshot = reader.read(&stores, Instant::now());
    assert!(
        snapshot.view.services.is_empty(),
        "what is gone is announced no longer"
    );
}

#[test]
fn a_service_with_odd_conditions_of_others_is_read_like_any_other() {
    let mut stores = stores();
    let mut odd = service("web", "LoadBalancer");
    odd["status"]["conditions"] =
        json!([{"type": "example.com/A", "status": "True", "lastTransitionTime": null}]);
    stores.services = services(&[odd]);
    let snapshot = reader().read(&stores, Instant::now());
    assert!(snapshot.problems.is_empty(), "{:?}", snapshot.problems);
    assert!(
        snapshot
            .view
            .services
            .contains_key(&ServiceKey::new("shop", "web"))
    );
}
