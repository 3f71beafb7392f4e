//! What is used as it is, and probably meant otherwise.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_crds::domain::{Pool, PoolName, Problem};
use ferrolb_crds::names::ALLOW_NODE_ADDRESSES;

use super::World;

/// How many addresses a message lists before it says "and 7 more".
const NAMED: usize = 10;

/// What the owners of pools should know: addresses of machines in a pool, prefixes with host bits, and annotations that say
/// nothing.
pub fn doubts(world: &World) -> Vec<Problem> {
    let mut found: BTreeMap<PoolName, Vec<String>> = BTreeMap::new();
    let of_nodes = world
        .nodes
        .iter()
        .map(|(address, node)| (*address, format!("{address} of node {node}")));
    let of_api_server = world
        .api_server
        .iter()
        .map(|address| (*address, format!("{address} of the API server")));
    let machines: BTreeMap<IpAddr, String> = of_api_server.chain(of_nodes).collect();
    for (address, which) in machines {
        let owner = world.pools.owner(address);
        if let Some(pool) = owner.filter(|pool| !pool.allows_node_addresses) {
            found.entry(pool.name.clone()).or_default().push(which);
        }
    }
    let of_pool = |pool: &Pool| {
        let holds = found.get(&pool.name).map(|all| {
            let which = listed(all);
            format!(
                "spec.addresses: holds {which}, which no Service gets (annotation {ALLOW_NODE_ADDRESSES})"
            )
        });
        let own = pool.doubts.iter().map(ToString::to_string);
        let messages = holds.into_iter().chain(own);
        messages
            .map(|message| Problem::new(pool.id(), message))
            .collect::<Vec<_>>()
    };
    world.pools.iter().flat_map(of_pool).collect()
}

fn listed(all: &[String]) -> String {
    let shown = all[..all.len().min(NAMED)].join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
