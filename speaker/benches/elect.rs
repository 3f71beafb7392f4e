//! How long a pass of the election takes: the target is 50 ms for 10,000 addresses and 100 nodes.
//!
//! The reference is `the_hashes_of_all_alone`, which a first pass of policy Cluster cannot do without.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use divan::Bencher;
use ferrolb_crds::domain::{Advert, Endpoint, Endpoints, Node, NodeName, Pool, Pools, ServiceView};
use ferrolb_speaker::election::{Candidate, Liveness, Precedents, View, elect, elect_with, hash};
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
    let pool = Pool::parse(&serde_json::from_value(object).expect("a pool")).expect("a valid pool");
    Pools::new([pool]).0
}

fn advert() -> Advert {
    let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
        "metadata": { "name": "everywhere" }, "spec": { "ipAddressPools": ["pool"] } });
    Advert::parse(&serde_json::from_value(object).expect("an advertisement")).expect("a valid advertisement")
}

/// A Service with an address and an endpoint on three of the nodes.
fn candidate(number: u32, policy: &str) -> Candidate {
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
    Candidate {
        service: Arc::new(ServiceView::read(
            &serde_json::from_value(object).expect("a Service"),
        )),
        endpoints: Arc::new([0, 31, 62].map(endpoint).into_iter().collect::<Endpoints>()),
    }
}

fn view(policy: &str) -> View {
    let candidates = (0..ADDRESSES).map(|number| candidate(number, policy));
    let nodes = nodes();
    let alive: BTreeSet<NodeName> = nodes.keys().cloned().collect();
    View {
        services: candidates.map(|one| (one.service.key.clone(), one)).collect(),
        pools: pools(),
        adverts: BTreeMap::from([(advert().name, advert())]),
        nodes,
        liveness: Liveness::Known(alive),
        ..View::default()
    }
}

/// A first pass.
#[divan::bench(args = ["Cluster", "Local"], max_time = 5)]
fn from_nothing(bencher: Bencher<'_, '_>, policy: &str) {
    let view = view(policy);
    bencher.bench(|| elect(divan::black_box(&view)));
}

/// The hash of each node and address and nothing else.
#[divan::bench(max_time = 5)]
fn the_hashes_of_all_alone(bencher: Bencher<'_, '_>) {
    let nodes: Vec<NodeName> = (0..NODES).map(node_name).collect();
    let address = |number| Ipv4Addr::from_bits(0x0a00_0000 + number).into();
    let least = |number| nodes.iter().map(|node| hash(node, address(number))).min();
    bencher.bench(|| (0..ADDRESSES).filter_map(least).min());
}

/// Every later pass.
#[divan::bench(args = ["Cluster", "Local"], max_time = 5)]
fn again(bencher: Bencher<'_, '_>, policy: &str) {
    let (view, mut precedents) = (view(policy), Precedents::default());
    elect_with(&view, &mut precedents);
    bencher.bench_local(|| elect_with(divan::black_box(&view), &mut precedents));
}

/// A node dies and comes back, in turn.
#[divan::bench(max_time = 5)]
fn with_one_node_less_or_more(bencher: Bencher<'_, '_>) {
    let (full, mut precedents) = (view("Cluster"), Precedents::default());
    let mut less = full.clone();
    let dead = node_name(17);
    less.liveness = Liveness::Known(full.nodes.keys().filter(|node| **node != dead).cloned().collect());
    let mut views = [&less, &full].into_iter().cycle();
    bencher.bench_local(|| elect_with(views.next().expect("one of two"), &mut precedents));
}
