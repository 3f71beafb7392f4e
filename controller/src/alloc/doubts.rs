//! What is used as it is, and probably meant otherwise.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_crds::domain::{Invalid, NodeName, Pool, PoolName, listed};
use ferrolb_crds::names::ALLOW_NODE_ADDRESSES;

use super::World;

/// What the owners of pools should know: addresses of machines in a pool, prefixes with host bits, and annotations that say
/// nothing.
pub fn doubts(world: &World) -> Vec<(PoolName, Invalid)> {
    let mut found: BTreeMap<PoolName, Vec<String>> = BTreeMap::new();
    let of_node = |(address, node): (&IpAddr, &NodeName)| (*address, format!("{address} of node {node}"));
    let of_api_server = |address: &IpAddr| (*address, format!("{address} of the API server"));
    let mut machines: BTreeMap<IpAddr, String> = world.api_server.iter().map(of_api_server).collect();
    machines.extend(world.nodes.iter().map(of_node));
    for (address, which) in machines {
        let owner = world.pools.owner(address);
        if let Some(pool) = owner.filter(|pool| !pool.allows_node_addresses) {
            found.entry(pool.name.clone()).or_default().push(which);
        }
    }
    let of_pool = |pool: &Pool| {
        let holds = found.get(&pool.name).map(|all| {
            let which = listed(all);
            let reason = format!("holds {which}, which no Service gets (annotation {ALLOW_NODE_ADDRESSES})");
            Invalid::new("spec.addresses", reason)
        });
        let doubts = holds.into_iter().chain(pool.doubts.iter().cloned());
        doubts.map(|doubt| (pool.name.clone(), doubt)).collect::<Vec<_>>()
    };
    world.pools.iter().flat_map(of_pool).collect()
}
