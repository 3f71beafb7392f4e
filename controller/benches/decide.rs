//! How long a decision over everything takes: the target is 20 ms for 10,000 Services in 50 pools.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use divan::{AllocProfiler, Bencher};
use ferrolb_controller::alloc::{World, decide};
use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::{Pool, Pools, ServiceView};
use serde_json::json;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const SERVICES: u32 = 10_000;
const POOLS: u32 = 50;

fn main() {
    divan::main();
}

fn pools(count: u32) -> Pools {
    let pool = |number: u32| {
        let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": { "name": format!("pool-{number:02}") },
            "spec": { "addresses": [format!("10.{number}.0.0/16"), format!("2001:db8:{number:x}::/64")] } });
        Pool::read(&serde_json::from_value(object).expect("a pool"))
    };
    Pools::new((0..count).map(pool)).0
}

fn object(number: u32, address: Option<IpAddr>) -> Service {
    let ingress: Vec<_> = address.iter().map(|address| json!({ "ip": address })).collect();
    let object = json!({
        "metadata": { "name": format!("service-{number:05}"), "namespace": "bench",
            "annotations": { "metallb.io/ip-allocated-from-pool": "pool-00" } },
        "spec": { "type": "LoadBalancer", "clusterIPs": ["10.96.0.9"], "ports": [{ "port": 80 }] },
        "status": { "loadBalancer": { "ingress": ingress } } });
    serde_json::from_value(object).expect("a Service")
}

fn service(number: u32, address: Option<IpAddr>) -> Arc<ServiceView> {
    Arc::new(ServiceView::read(&object(number, address)))
}

/// `held` Services have the first addresses of the first pools, `waiting` have none.
fn world(pool_count: u32, held: u32, waiting: u32) -> World {
    let address = |number: u32| Some(Ipv4Addr::from_bits(0x0a00_0000 + number).into());
    let held_services = (0..held).map(|number| service(number, address(number)));
    let waiting_services = (held..held + waiting).map(|number| service(number, None));
    World {
        services: held_services
            .chain(waiting_services)
            .map(|view| (view.key.clone(), view))
            .collect(),
        pools: pools(pool_count),
        ..World::default()
    }
}

/// At rest: everybody has an address and keeps it.
#[divan::bench]
fn ten_thousand_services_that_keep_their_addresses(bencher: Bencher<'_, '_>) {
    let world = world(POOLS, SERVICES, 0);
    bencher.bench(|| decide(divan::black_box(&world)));
}

/// The worst start: nobody has an address.
#[divan::bench]
fn ten_thousand_services_that_wait(bencher: Bencher<'_, '_>) {
    let world = world(POOLS, 0, SERVICES);
    bencher.bench(|| decide(divan::black_box(&world)));
}

/// Nobody may share, though everybody has the same key: all serve the same port.
#[divan::bench(sample_count = 3)]
fn five_thousand_services_with_one_sharing_key_and_port(bencher: Bencher<'_, '_>) {
    let sharing = |number: u32| {
        let mut object = object(number, None);
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.insert("metallb.io/allow-shared-ip".to_owned(), "key".to_owned());
        let view = Arc::new(ServiceView::read(&object));
        (view.key.clone(), view)
    };
    let world = World {
        services: (0..5_000).map(sharing).collect(),
        ..world(1, 0, 0)
    };
    bencher.bench(|| decide(divan::black_box(&world)));
}

/// What 10,000 Services cost in memory, as objects of the watch and as what is read of them: column "max alloc".
#[divan::bench(sample_count = 1)]
fn memory_of_ten_thousand_services() -> BTreeMap<u32, (Service, Arc<ServiceView>)> {
    let seen = |number: u32| {
        let object = object(number, Some(Ipv4Addr::from_bits(0x0a00_0000 + number).into()));
        let view = Arc::new(ServiceView::read(&object));
        (number, (object, view))
    };
    (0..SERVICES).map(seen).collect()
}
