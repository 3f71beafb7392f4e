//! The price of refusing: 4,000 Services wait, and each of 2,000 pools has one address, which is in use.
//!
//! Printed are the time of a decision and the bytes of all messages, next to what must not be exceeded.

#![allow(clippy::print_stdout, reason = "the result")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrolb_controller::alloc::{Decision, Outcome, World, decide};
use ferrolb_crds::domain::{Pool, Pools, ServiceView};
use serde_json::json;

const POOLS: u32 = 2_000;
const REFUSED: u32 = 4_000;
const ROUNDS: usize = 5;
/// At commit 12a3d90, which asked each pool for each Service and named all of them, on a machine with two cores.
const REFERENCE: Duration = Duration::from_millis(5_900);
/// The part of that which a decision may take.
const SHARE: f64 = 0.2;
const MESSAGES_MAX: usize = 20_000_000;

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0000 + number)
}

fn pool(number: u32) -> Pool {
    let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": format!("pool-{number:04}") },
        "spec": { "addresses": [format!("{}/32", address(number))] } });
    Pool::read(&serde_json::from_value(object).expect("a pool"))
}

/// The first Services have the addresses of the pools.
fn service(number: u32) -> Arc<ServiceView> {
    let held = (number < POOLS).then(|| json!({ "ip": address(number) }));
    let object = json!({
        "metadata": { "name": format!("service-{number:05}"), "namespace": "bench",
            "annotations": { "metallb.io/ip-allocated-from-pool": "pool" } },
        "spec": { "type": "LoadBalancer", "clusterIPs": ["10.96.0.9"], "ports": [{ "port": 80 }] },
        "status": { "loadBalancer": { "ingress": held.as_slice() } } });
    Arc::new(ServiceView::read(
        &serde_json::from_value(object).expect("a Service"),
    ))
}

fn messages(decision: &Decision) -> Vec<String> {
    let outcomes = decision.outcomes.values();
    let refused = outcomes.filter_map(|outcome| match outcome {
        Outcome::Refused(reason) => Some(reason.to_string()),
        _ => None,
    });
    refused.collect()
}

fn main() {
    let services = (0..POOLS + REFUSED).map(service);
    let world = World {
        services: services.map(|view| (view.key.clone(), view)).collect(),
        pools: Pools::new((0..POOLS).map(pool)).0,
        ..World::default()
    };
    let once = |_| {
        let start = Instant::now();
        std::hint::black_box(decide(std::hint::black_box(&world)));
        start.elapsed()
    };
    let took = (0..ROUNDS).map(once).min().unwrap_or_default();
    let messages = messages(&decide(&world));
    assert_eq!(messages.len(), REFUSED as usize, "Services that are refused");
    let bytes: usize = messages.iter().map(String::len).sum();
    println!(
        "{REFUSED} refused Services, {POOLS} full pools: {:.1} ms, {:.4} of the reference of {:.1} s (at most {SHARE})",
        took.as_secs_f64() * 1000.0,
        took.as_secs_f64() / REFERENCE.as_secs_f64(),
        REFERENCE.as_secs_f64(),
    );
    println!("{bytes} bytes of messages (at most {MESSAGES_MAX})");
}
