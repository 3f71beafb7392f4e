//! Elections → what each segment of this node is told: who may hold which address there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{InterfaceName, NodeName};

use crate::announce::{Reports, Views};
use crate::election::{Election, Elections, Field, Liveness, View, Winner};
use crate::interfaces::{choose, segments};
use crate::plan::{Announced, Announcement, Place as Here, Plan, served};
use ferrolb_segment::message::NodeId;
use ferrolb_segment::{Fitness, Place, SegmentView};

type Names = Arc<BTreeMap<NodeId, NodeName>>;
type Fit = Arc<BTreeMap<NodeId, Fitness>>;

/// What each segment is told. Interfaces that could announce are there even if nothing is to be announced on them, so
/// that the speakers know each other before they have to agree.
pub(crate) fn views(view: &View, elections: &Elections, here: &Here<'_>) -> Views {
    let names: Names = Arc::new(
        view.nodes
            .keys()
            .map(|name| (NodeId::of(name), name.clone()))
            .collect(),
    );
    let draining = view.nodes.get(here.node).is_some_and(|node| node.soft.is_some());
    let empty = SegmentView {
        places: BTreeMap::new(),
        nodes: names,
        electors: electors(elections),
        draining,
        stations: Arc::default(),
    };
    let interfaces = segments(here.interfaces, here.exclude);
    let mut views: BTreeMap<InterfaceName, SegmentView> =
        interfaces.into_iter().map(|name| (name, empty.clone())).collect();
    let mut fits: BTreeMap<*const Field, Fit> = BTreeMap::new();
    let mut groups: BTreeMap<IpAddr, Arc<BTreeSet<IpAddr>>> = BTreeMap::new();
    for (address, election) in &elections.by_address {
        let (Some(field), Some((first, group))) = (election.field(), election.group()) else {
            continue;
        };
        let fit = fits.entry(Arc::as_ptr(field)).or_insert_with(|| fit(field));
        let lowest = group.first().copied().unwrap_or(first);
        let group = groups.entry(lowest).or_insert_with(|| Arc::new(group.clone()));
        for interface in interfaces_of(view, here, field, *address) {
            let place = Arc::new(Place {
                first,
                group: group.clone(),
                fit: fit.clone(),
                near: Arc::default(),
            });
            let told = views.entry(interface).or_insert_with(|| empty.clone());
            told.places.insert(*address, place);
        }
    }
    let located = |(name, mut told): (InterfaceName, SegmentView)| {
        told.stations = Arc::new(stations(view, here, &name));
        (name, Arc::new(told))
    };
    Arc::new(views.into_iter().map(located).collect())
}

/// The addresses of nodes that are on a subnet of the interface.
fn stations(view: &View, here: &Here<'_>, interface: &InterfaceName) -> BTreeMap<NodeId, BTreeSet<IpAddr>> {
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

/// The nodes that an advertisement of any address selects, whatever else speaks against them now.
fn electors(elections: &Elections) -> Arc<BTreeSet<NodeId>> {
    let fields = elections.by_address.values().filter_map(Election::field);
    let selections: BTreeMap<_, &Arc<BTreeSet<NodeName>>> = fields
        .map(|field| (Arc::as_ptr(field.selected()), field.selected()))
        .collect();
    let names = selections.values().flat_map(|selected| selected.iter());
    Arc::new(names.map(NodeId::of).collect())
}

fn interfaces_of(view: &View, here: &Here<'_>, field: &Field, address: IpAddr) -> BTreeSet<InterfaceName> {
    let Some(node) = view.nodes.get(here.node) else {
        return BTreeSet::new();
    };
    choose(
        here.interfaces,
        here.exclude,
        &field.interfaces(view, &node.labels),
        address,
    )
}

fn fit(field: &Field) -> Fit {
    let suitable = field.suitable().into_iter().map(|(name, suitable)| {
        let fitness = Fitness {
            against: suitable.against,
            preference: suitable.preference,
        };
        (NodeId::of(name), fitness)
    });
    Arc::new(suitable.collect())
}

/// The nodes that are up on some segment; before anything is known only this one.
pub(crate) fn liveness(reports: &Reports, view: &View, here: &NodeName) -> Liveness {
    let up: BTreeSet<&NodeId> = reports.values().flat_map(|report| &report.up).collect();
    let alive = view
        .nodes
        .keys()
        .filter(|name| *name == here || up.contains(&NodeId::of(name)));
    Liveness::Known(alive.cloned().collect())
}

/// Who holds what on any segment; where several do, this node first.
pub(crate) fn holders(reports: &Reports, view: &View, here: &NodeName) -> BTreeMap<IpAddr, NodeName> {
    let names: BTreeMap<NodeId, &NodeName> = view.nodes.keys().map(|name| (NodeId::of(name), name)).collect();
    let mut holders = BTreeMap::new();
    for (address, node) in reports.values().flat_map(|report| report.holders.iter()) {
        if let Some(name) = names.get(&node)
            && (*name == here || !holders.contains_key(&address))
        {
            holders.insert(address, (*name).clone());
        }
    }
    holders
}

/// What this node announces, because it holds it; and what it would hold if it had an interface for it.
pub(crate) fn plan(elections: &Elections, reports: &Reports, view: &View, here: &Here<'_>) -> Plan {
    let mut plan = Plan::default();
    for (interface, report) in reports {
        for address in report.held.iter() {
            let Some(election) = elections.by_address.get(address) else {
                continue;
            };
            let announcement = plan
                .announced
                .0
                .entry(*address)
                .or_insert_with(|| announcement(view, here, election));
            announcement.interfaces.insert(interface.clone());
        }
    }
    plan.unplaced = unplaced(elections, view, here);
    plan
}

fn unplaced(elections: &Elections, view: &View, here: &Here<'_>) -> Announced {
    let won = |(address, election): (&IpAddr, &Election)| {
        let Ok(Winner { node, .. }) = &election.outcome else {
            return None;
        };
        let nowhere = || {
            interfaces_of(view, here, election.field()?, *address)
                .is_empty()
                .then_some(())
        };
        (node == here.node).then(nowhere)??;
        Some((*address, announcement(view, here, election)))
    };
    Announced(elections.by_address.iter().filter_map(won).collect())
}

fn announcement(view: &View, here: &Here<'_>, election: &Election) -> Announcement {
    let node = view.nodes.get(here.node);
    let allowed = election
        .field()
        .zip(node)
        .map(|(field, node)| field.interfaces(view, &node.labels));
    Announcement {
        services: served(election),
        interfaces: BTreeSet::new(),
        allowed: allowed.unwrap_or(crate::election::Interfaces::Any),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::announce::SegmentReport;
    use crate::election::elect;
    use crate::election::fixture::{advert, cluster, ip, service};
    use crate::exclude::ExcludeList;
    use crate::interfaces::Interface;

    fn id(node: &str) -> NodeId {
        NodeId::of(&node.into())
    }

    /// n1 is first by hash for 192.0.2.2.
    fn web() -> View {
        let mut view = cluster(&["n1", "n2", "n3"]);
        advert(&mut view, "everywhere", json!({}));
        service(&mut view, "web", &["192.0.2.2"]);
        view
    }

    fn eth0() -> [Interface; 1] {
        [Interface {
            name: "eth0".into(),
            up: true,
            carrier: true,
            loopback: false,
            has_master: false,
            noarp: false,
            subnets: vec!["192.0.2.0/24".parse().unwrap()],
        }]
    }

    fn told(view: &View, node: &str) -> SegmentView {
        let interfaces = eth0();
        let here = Here {
            node: &node.into(),
            interfaces: &interfaces,
            exclude: &ExcludeList::default(),
        };
        (*views(view, &elect(view), &here)[&"eth0".into()]).clone()
    }

    fn report(held: &[&str], holders: &[(&str, &str)]) -> Reports {
        let report = SegmentReport {
            held: Arc::new(held.iter().map(|one| ip(one)).collect()),
            holders: holders
                .iter()
                .map(|(address, node)| (ip(address), id(node)))
                .collect(),
            ..SegmentReport::default()
        };
        Reports::from([("eth0".into(), report)])
    }

    #[test]
    fn every_node_that_may_hold_an_address_is_named_whether_it_is_alive_or_not() {
        let mut view = web();
        view.liveness = Liveness::Known(BTreeSet::from(["n2".into()]));
        let place = told(&view, "n2").places[&ip("192.0.2.2")].clone();
        let named: BTreeSet<NodeId> = place.fit.keys().copied().collect();
        assert_eq!(named, ["n1", "n2", "n3"].map(id).into());
    }

    #[test]
    fn an_interface_without_addresses_is_told_that_there_are_none() {
        let mut view = web();
        view.services.clear();
        assert!(told(&view, "n1").places.is_empty());
    }

    #[rstest]
    #[case::another_holds_it(&[("192.0.2.2", "n3")], Some("n3"))]
    #[case::nobody_holds_it(&[], None)]
    fn who_holds_an_address_announces_it_whoever_would_be_elected(
        #[case] holders: &[(&str, &str)],
        #[case] expected: Option<&str>,
    ) {
        let view = web();
        let mut elections = elect(&view);
        elections.seat(&super::holders(&report(&[], holders), &view, &"n1".into()));
        let winner = elections.by_address[&ip("192.0.2.2")].outcome.as_ref().ok();
        assert_eq!(winner.map(|winner| winner.node.as_str()), expected);
    }

    #[test]
    fn what_is_held_is_announced_on_its_interface() {
        let view = web();
        let interfaces = eth0();
        let here = Here {
            node: &"n3".into(),
            interfaces: &interfaces,
            exclude: &ExcludeList::default(),
        };
        let plan = plan(&elect(&view), &report(&["192.0.2.2"], &[]), &view, &here);
        assert_eq!(
            plan.announced.0[&ip("192.0.2.2")].interfaces,
            ["eth0".into()].into()
        );
    }
}
