//! Groups: addresses that go to one node because a Service has several or several Services share one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::ServiceView;

/// The addresses of a group, lowest first, IPv4 before IPv6.
pub(super) type Group = BTreeSet<IpAddr>;

/// Groups by their first address. What decides is which Services have which addresses and nothing else, so that a group
/// keeps its first address, and with it its order of nodes, while endpoints, nodes and advertisements come and go.
pub(super) fn groups<'a>(services: impl IntoIterator<Item = &'a ServiceView>) -> BTreeMap<IpAddr, Group> {
    let mut first_of: BTreeMap<IpAddr, IpAddr> = BTreeMap::new();
    let mut groups: BTreeMap<IpAddr, Group> = BTreeMap::new();
    for service in services {
        let own: Group = service.ingress.iter().collect();
        if let Some(first) = own.first().copied()
            && own.iter().all(|address| !first_of.contains_key(address))
        {
            first_of.extend(own.iter().map(|address| (*address, first)));
            groups.insert(first, own);
            continue;
        }
        let firsts: BTreeSet<IpAddr> = own
            .iter()
            .map(|address| first_of.get(address).copied().unwrap_or(*address))
            .collect();
        let joined: Group = firsts
            .iter()
            .filter_map(|first| groups.remove(first))
            .flatten()
            .chain(own)
            .collect();
        let Some(first) = joined.first().copied() else {
            continue;
        };
        first_of.extend(joined.iter().map(|address| (*address, first)));
        groups.insert(first, joined);
    }
    groups
}
