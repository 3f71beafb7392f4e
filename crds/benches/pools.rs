//! What 50 pools of 1,024 entries each cost to parse and to put together: below 40 ms, apart or overlapping.

use std::net::Ipv4Addr;

use divan::Bencher;
use ferrolb_crds::api::IPAddressPool;
use ferrolb_crds::domain::{Pool, Pools};
use serde_json::json;

const POOLS: u32 = 50;
const ENTRIES: u32 = 1024;

fn main() {
    divan::main();
}

/// Pools whose entries are every second /28; `shared` pools in a row have the same ones.
fn resources(shared: u32) -> Vec<IPAddressPool> {
    let entry = |number: u32| format!("{}/28", Ipv4Addr::from_bits(0x0a00_0000 + number * 32));
    let resource = |number: u32| {
        let first = number / shared * ENTRIES;
        let addresses: Vec<String> = (first..first + ENTRIES).map(entry).collect();
        let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": { "name": format!("pool-{number:02}") }, "spec": { "addresses": addresses } });
        serde_json::from_value(object).expect("a pool")
    };
    (0..POOLS).map(resource).collect()
}

fn parse(resources: &[IPAddressPool]) -> Vec<Pool> {
    resources.iter().map(Pool::read).collect()
}

#[divan::bench]
fn parsing_50_pools_of_1024_entries(bencher: Bencher<'_, '_>) {
    let resources = resources(1);
    bencher.bench(|| parse(divan::black_box(&resources)));
}

/// 1: no two pools overlap. 50: all have the same entries.
#[divan::bench(args = [1, 2, 50])]
fn parsing_and_combining_50_pools_of_1024_entries(bencher: Bencher<'_, '_>, shared: u32) {
    let resources = resources(shared);
    bencher.bench(|| Pools::new(parse(divan::black_box(&resources))));
}
