//! How long it takes to judge 100 nodes for 10,000 addresses: at first, and when little or nothing has changed.
//!
//! The reference is `the_hashes_of_all_alone`, which a forecast cannot do without.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use divan::Bencher;
use ferrolb_crds::domain::{Advert, Endpoint, Node, NodeName, Pool, Pools, ServiceKey, ServiceView};
use ferrolb_segment::order::hash::hash_of;
use ferrolb_speaker::forecast::{Known, forecast};
use ferrolb_speaker::may::{Memory, Service, View, may};
use serde_json::{Value, json};

const ADDRESSES: u32 = 10_000;
const NODES: u32 = 100;

fn main() {
    divan::main();
}

fn node_name(number: u32) -> NodeName {
    format!("node-{number:03}.example").into()
}

fn nodes() -> BTreeMap<NodeName, Node> {
    let node = |number| {
        let object = json!({ "metadata": { "name": node_name(number).as_str(),
            "labels": { "kubernetes.io/hostname": format!("node-{number:03}"), "zone": format!("z{}", number % 3) } } });
        Node::read(&serde_json::from_value(object).expect("a node"))
    };
    (0..NODES).map(node).collect()
}

fn pools() -> Pools {
    let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": "pool" }, "spec": { "addresses": ["10.0.0.0/16"] } });
    let pool = Pool::read(&serde_json::from_value(object).expect("a pool"));
    Pools::new([pool]).0
}

fn advert() -> Advert {
    let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
        "metadata": { "name": "everywhere" }, "spec": { "ipAddressPools": ["pool"] } });
    Advert::parse(&serde_json::from_value(object).expect("an advertisement")).expect("a valid advertisement")
}

/// A Service with an address and an endpoint on three of the nodes.
fn service(number: u32, policy: &str) -> Service {
    let address = Ipv4Addr::from_bits(0x0a00_0000 + number);
    let object: Value = json!({
        "metadata": { "name": format!("service-{number:05}"), "namespace": "bench" },
        "spec": { "type": "LoadBalancer", "externalTrafficPolicy": policy },
        "status": { "loadBalancer": { "ingress": [{ "ip": address }] } } });
    let endpoint = |offset| Endpoint {
        node: Some(node_name((number + offset) % NODES)),
        ready: true,
        serving: true,
    };
    Service {
        view: Arc::new(ServiceView::read(&serde_json::from_value(object).expect("a Service")).into()),
        endpoints: [0, 31, 62].map(endpoint).into_iter().collect(),
    }
}

fn view(policy: &str) -> View {
    let name = |number| ServiceKey::new("bench", format!("service-{number:05}"));
    let services = (0..ADDRESSES).map(|number| (name(number), service(number, policy)));
    View {
        services: Arc::new(services.collect()),
        pools: Arc::new(pools()),
        adverts: Arc::new(BTreeMap::from([(advert().name, advert())])),
        nodes: Arc::new(nodes()),
        ..View::default()
    }
}

/// A first pass.
#[divan::bench(args = ["Cluster", "Local"], max_time = 5)]
fn from_nothing(bencher: Bencher<'_, '_>, policy: &str) {
    let view = view(policy);
    bencher.bench(|| may(divan::black_box(&view)));
}

/// Which node would hold which address: `ferrolb plan`.
#[divan::bench(args = ["Cluster", "Local"], max_time = 5)]
fn a_forecast(bencher: Bencher<'_, '_>, policy: &str) {
    let view = view(policy);
    let known = Known {
        alive: view.nodes.keys().cloned().collect(),
        ..Known::default()
    };
    let may = may(&view);
    bencher.bench(|| forecast(&view, &may, divan::black_box(&known)));
}

/// The hash of each node and address and nothing else.
#[divan::bench(max_time = 5)]
fn the_hashes_of_all_alone(bencher: Bencher<'_, '_>) {
    let nodes: Vec<NodeName> = (0..NODES).map(node_name).collect();
    let address = |number| Ipv4Addr::from_bits(0x0a00_0000 + number).to_string();
    let least = |number| nodes.iter().map(|node| hash_of(node, &address(number))).min();
    bencher.bench(|| (0..ADDRESSES).filter_map(least).min());
}

/// A pass in which nothing has changed.
#[divan::bench(args = ["Cluster", "Local"], max_time = 5)]
fn nothing_changed(bencher: Bencher<'_, '_>, policy: &str) {
    let (view, mut memory) = (view(policy), Memory::default());
    memory.judge(&view);
    bencher.bench_local(|| memory.judge(divan::black_box(&view)));
}

/// A pass in which the endpoints of one Service have changed.
#[divan::bench(args = ["Cluster", "Local"], max_time = 5)]
fn one_endpoint_changed(bencher: Bencher<'_, '_>, policy: &str) {
    let (one, mut memory) = (view(policy), Memory::default());
    let mut other = one.clone();
    let services = Arc::make_mut(&mut other.services);
    let changed = services.values_mut().nth(4711).expect("there are so many");
    let node = Some(node_name(1));
    let endpoint = Endpoint {
        node,
        ready: true,
        serving: true,
    };
    changed.endpoints = [endpoint].into_iter().collect();
    let mut views = [&one, &other].into_iter().cycle();
    bencher.bench_local(|| memory.judge(views.next().expect("one of two")));
}
