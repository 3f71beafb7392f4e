//! From which nodes may announce to what each segment of this node is told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{InterfaceName, NodeName};
use ferrolb_segment::message::NodeId;
use ferrolb_segment::{GroupView, SegmentView};

use crate::layer2::announce::Views;
use crate::may::{Eligibility, May, View};
use crate::see::exclude::ExcludeList;
use crate::see::interfaces::{Interface, choose, segments};

/// This node, as far as announcing depends on it.
#[derive(Clone, Copy)]
pub(crate) struct Here<'a> {
    pub(crate) node: &'a NodeName,
    pub(crate) interfaces: &'a [Interface],
    pub(crate) exclude: &'a ExcludeList,
}

/// What each segment is told. Interfaces that could announce are there even if nothing is to be announced on them, so
/// that the speakers know each other before they have to agree.
pub(crate) fn views(view: &View, may: &May, moves: &Moves, here: Here<'_>) -> Views {
    let names = view.nodes.keys().map(|name| (NodeId::of(name), name.clone()));
    let empty = SegmentView {
        groups: BTreeMap::new(),
        nodes: Arc::new(names.collect()),
        electors: may.selected.clone(),
        draining: view.nodes.get(here.node).is_some_and(|node| node.soft.is_some()),
        stations: Arc::default(),
        moves: moves.clone(),
    };
    let mut groups: BTreeMap<InterfaceName, Vec<(IpAddr, Arc<GroupView>)>> =
        segments(here.interfaces, here.exclude)
            .into_iter()
            .map(|name| (name, Vec::new()))
            .collect();
    for (address, judged) in &may.by_address {
        if let Ok(eligibility) = &judged.eligible {
            for interface in interfaces_of(eligibility, here, *address) {
                let told = groups.entry(interface).or_default();
                told.push((*address, eligibility.group.clone()));
            }
        }
    }
    let told = |(name, groups): (InterfaceName, Vec<_>)| {
        let told = SegmentView {
            groups: groups.into_iter().collect(),
            stations: Arc::new(stations(view, here, &name)),
            ..empty.clone()
        };
        (name, Arc::new(told))
    };
    Arc::new(groups.into_iter().map(told).collect())
}

/// The addresses that are to be handed over, and the node that is to have each.
pub(crate) type Moves = Arc<BTreeMap<IpAddr, NodeId>>;

/// Where the address could be announced here, whether this node may hold it or not.
fn interfaces_of(eligibility: &Eligibility, here: Here<'_>, address: IpAddr) -> BTreeSet<InterfaceName> {
    match eligibility.interfaces(here.node) {
        Some(allowed) if !eligibility.is_off_link(here.node) => {
            choose(here.interfaces, here.exclude, allowed, address)
        }
        _ => BTreeSet::new(),
    }
}

/// The addresses of nodes that are on a subnet of the interface.
fn stations(view: &View, here: Here<'_>, interface: &InterfaceName) -> BTreeMap<NodeId, BTreeSet<IpAddr>> {
    let own = here.interfaces.iter().find(|one| one.name == *interface);
    let subnets = own.map(|one| one.subnets.as_slice()).unwrap_or_default();
    let on_link = |address: &&IpAddr| subnets.iter().any(|subnet| subnet.contains(**address));
    view.nodes
        .iter()
        .map(|(name, node)| {
            let addresses = node.addresses.iter().filter(on_link).copied().collect();
            (NodeId::of(name), addresses)
        })
        .filter(|(_, addresses): &(_, BTreeSet<IpAddr>)| !addresses.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::may::fixture::{advert, cluster, ip, link, local_service, service};
    use crate::may::may;

    fn web() -> View {
        let mut view = cluster(&["n1", "n2", "n3"]);
        advert(&mut view, "everywhere", json!({}));
        service(&mut view, "web", &["192.0.2.2"]);
        view
    }

    fn interface(name: &str, subnet: &str) -> Interface {
        Interface {
            name: name.into(),
            up: true,
            carrier: true,
            loopback: false,
            has_master: false,
            noarp: false,
            subnets: vec![subnet.parse().unwrap()],
        }
    }

    fn told(view: &View, node: &str, interfaces: &[Interface]) -> Views {
        let here = Here {
            node: &node.into(),
            interfaces,
            exclude: &ExcludeList::default(),
        };
        views(view, &may(view), &Moves::default(), here)
    }

    #[test]
    fn every_node_that_may_hold_an_address_is_named_and_how_near_it_is() {
        let mut view = web();
        local_service(&mut view, "mail", &["192.0.2.3"], &["n1", "n3", "n3"]);
        let views = told(&view, "n2", &[interface("eth0", "192.0.2.0/24")]);
        let segment = &views[&"eth0".into()];
        let named = |address: &str| -> BTreeSet<NodeId> {
            segment.groups[&ip(address)].fit.keys().copied().collect()
        };
        let id = |node: &str| NodeId::of(&node.into());
        assert_eq!(named("192.0.2.2"), ["n1", "n2", "n3"].map(id).into());
        assert_eq!(named("192.0.2.3"), ["n1", "n3"].map(id).into());
        assert_eq!(segment.groups[&ip("192.0.2.3")].nearness(id("n3")).local, 2);
    }

    #[test]
    fn an_interface_without_addresses_is_told_that_there_are_none() {
        let mut view = web();
        view.services = Arc::default();
        let views = told(&view, "n1", &[interface("eth0", "192.0.2.0/24")]);
        assert!(views[&"eth0".into()].groups.is_empty());
    }

    #[test]
    fn an_address_on_the_subnet_of_another_node_is_not_announced_off_it() {
        let mut view = web();
        let own = [interface("eth0", "198.51.100.0/24")];
        link(&mut view, "n1", "eth0", &["198.51.100.0/24"]);
        assert_eq!(
            told(&view, "n1", &own)[&"eth0".into()].groups.len(),
            1,
            "on nobody's"
        );
        link(&mut view, "n2", "eth0", &["192.0.2.0/24"]);
        assert!(told(&view, "n1", &own)[&"eth0".into()].groups.is_empty());
    }
}
