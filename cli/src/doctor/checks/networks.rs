//! Pools that hold addresses of pods or of Services inside the cluster.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_crds::domain::Pool;
use ipnetwork::IpNetwork;
use serde_json::Value;

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;
use crate::objects::id;

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let networks = networks(seen);
    let mut findings = Vec::new();
    for pool in &seen.evidence.objects.pools {
        for range in Pool::read(pool).ranges {
            let overlaps = |network: &IpNetwork| overlap(*network, range.first(), range.last());
            let found = networks.iter().filter(|(network, _)| overlaps(network));
            findings.extend(found.map(|(network, what)| {
                Finding::error(id(pool), format!("overlaps {network}, {what}"))
                    .at("spec.addresses", range.to_string())
                    .remedy("Use addresses of the nodes' LAN that nothing else uses.")
            }));
        }
    }
    findings
}

/// The networks of the cluster, and whose they are.
fn networks(seen: &Seen<'_>) -> BTreeMap<IpNetwork, String> {
    let mut networks = BTreeMap::new();
    for node in &seen.evidence.objects.nodes {
        let cidrs = node.spec.iter().flat_map(|spec| spec.pod_cidrs.iter().flatten());
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let parsed = cidrs.filter_map(|cidr| cidr.parse::<IpNetwork>().ok());
        networks.extend(parsed.map(|network| (network, format!("the network of the pods of node {name}"))));
    }
    for cidr in &seen.beside.service_cidrs {
        let ranges = cidr["spec"]["cidrs"].as_array().into_iter().flatten();
        let parsed = ranges
            .filter_map(Value::as_str)
            .filter_map(|range| range.parse::<IpNetwork>().ok());
        networks.extend(parsed.map(|network| {
            (
                network,
                "the network of the Services inside the cluster".to_owned(),
            )
        }));
    }
    networks
}

fn overlap(network: IpNetwork, first: IpAddr, last: IpAddr) -> bool {
    first.is_ipv4() == network.is_ipv4() && first <= network.broadcast() && last >= network.network()
}
