//! From which nodes may announce to what each segment of this node is told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{InterfaceName, Node, NodeName};
use ferrolb_segment::SegmentView;
use ferrolb_segment::message::NodeId;
use itertools::EitherOrBoth::{Both, Left, Right};
use itertools::Itertools;

use crate::layer2::announce::Views;
use crate::may::{Eligibility, May, View};
use crate::see::interfaces::{Interface, choose, segments};

/// This node, as far as announcing depends on it.
#[derive(Clone, Copy)]
pub(crate) struct Here<'a> {
    pub(crate) node: &'a NodeName,
    pub(crate) interfaces: &'a [Interface],
}

/// What each segment is told. Interfaces that could announce are there even if nothing is to be announced on them, so
/// that the speakers know each other before they have to agree.
#[derive(Default)]
pub(crate) struct Told {
    views: BTreeMap<InterfaceName, Arc<SegmentView>>,
    segments: BTreeSet<InterfaceName>,
    /// What the views were made of.
    may: Arc<May>,
    nodes: Arc<BTreeMap<NodeName, Node>>,
    interfaces: Vec<Interface>,
}

impl Told {
    /// Tells them something else where something changed.
    pub(crate) fn renew(&mut self, view: &View, may: &Arc<May>, odd: &Odd, here: Here<'_>) -> Views {
        if !Arc::ptr_eq(&self.nodes, &view.nodes) || self.interfaces != here.interfaces {
            *self = Self::of_no_address(view, here);
        }
        for segment in self.views.values_mut() {
            if segment.electors != may.selected || segment.moves != odd.moves || segment.fresh != odd.fresh {
                let segment = Arc::make_mut(segment);
                segment.electors = may.selected.clone();
                segment.moves = odd.moves.clone();
                segment.fresh = odd.fresh.clone();
            }
        }
        let before = std::mem::replace(&mut self.may, may.clone());
        let both = before
            .by_address
            .iter()
            .merge_join_by(&may.by_address, |(one, _), (other, _)| one.cmp(other));
        for pair in both {
            match pair {
                Both((_, one), (_, other)) if Arc::ptr_eq(one, other) => {}
                Both((address, _), (_, judged)) | Right((address, judged)) => {
                    self.offer(view, here, *address, judged.eligible.as_ref().ok());
                }
                Left((address, _)) => self.offer(view, here, *address, None),
            }
        }
        if before.by_address.is_empty() {
            // A map that grew in order is half empty.
            for segment in self.views.values_mut() {
                let groups = &mut Arc::make_mut(segment).groups;
                *groups = std::mem::take(groups).into_iter().collect();
            }
        }
        self.views
            .retain(|name, segment| self.segments.contains(name) || !segment.groups.is_empty());
        Arc::new(self.views.clone())
    }

    fn of_no_address(view: &View, here: Here<'_>) -> Self {
        let segments = segments(here.interfaces);
        let named = |name: &InterfaceName| (name.clone(), Arc::new(of_no_address(view, here, name)));
        Self {
            views: segments.iter().map(named).collect(),
            segments,
            may: Arc::default(),
            nodes: view.nodes.clone(),
            interfaces: here.interfaces.to_vec(),
        }
    }

    /// Tells of the address where it may be announced, and nowhere else.
    fn offer(
        &mut self,
        view: &View,
        here: Here<'_>,
        address: IpAddr,
        eligibility: Option<&Arc<Eligibility>>,
    ) {
        let interfaces = eligibility.map(|one| interfaces_of(one, here, address));
        let interfaces = interfaces.unwrap_or_default();
        for name in &interfaces {
            let other = || Arc::new(of_no_address(view, here, name));
            self.views.entry(name.clone()).or_insert_with(other);
        }
        for (name, segment) in &mut self.views {
            let group = eligibility
                .filter(|_| interfaces.contains(name))
                .map(|one| &one.group);
            if segment.groups.get(&address) == group {
                continue;
            }
            let groups = &mut Arc::make_mut(segment).groups;
            match group {
                Some(group) => drop(groups.insert(address, group.clone())),
                None => drop(groups.remove(&address)),
            }
        }
    }
}

fn of_no_address(view: &View, here: Here<'_>, interface: &InterfaceName) -> SegmentView {
    let names = view.nodes.keys().map(|name| (NodeId::of(name), name.clone()));
    SegmentView {
        nodes: Arc::new(names.collect()),
        draining: view.nodes.get(here.node).is_some_and(|node| node.soft.is_some()),
        stations: Arc::new(stations(view, here, interface)),
        ..SegmentView::default()
    }
}

/// The few addresses of which there is more to say than which nodes may hold them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Odd {
    /// Those that are to be handed over, and the node that is to have each.
    pub(crate) moves: Arc<BTreeMap<IpAddr, NodeId>>,
    /// Those that no node announced yet.
    pub(crate) fresh: Arc<BTreeSet<IpAddr>>,
}

/// Where the address could be announced here, whether this node may hold it or not.
fn interfaces_of(eligibility: &Eligibility, here: Here<'_>, address: IpAddr) -> BTreeSet<InterfaceName> {
    match eligibility.interfaces(here.node) {
        Some(allowed) if !eligibility.is_off_link(here.node) => choose(here.interfaces, allowed, address),
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
    use crate::may::fixture::{advert, cluster, endpoints, ip, link, local_service, service};
    use crate::may::{Memory, may};

    fn web() -> View {
        let mut view = cluster(&["n1", "n2", "n3"]);
        advert(&mut view, "everywhere", json!({}));
        service(&mut view, "web", &["192.0.2.2"]);
        view
    }

    fn interface(name: &str, subnet: &str) -> Interface {
        Interface {
            name: name.into(),
            carrier: true,
            subnets: vec![subnet.parse().unwrap()],
        }
    }

    fn told(view: &View, node: &str, interfaces: &[Interface]) -> Views {
        let here = Here {
            node: &node.into(),
            interfaces,
        };
        Told::default().renew(view, &may(view), &Odd::default(), here)
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

    type Change = dyn Fn(&mut View, &mut Vec<Interface>);

    #[test]
    fn what_is_told_after_a_change_is_what_would_be_told_at_first() {
        let both = [
            interface("eth0", "192.0.2.0/24"),
            interface("eth1", "198.51.100.0/24"),
        ];
        let node = NodeName::from("n1");
        let (mut view, mut told, mut memory) = (web(), Told::default(), Memory::default());
        advert(&mut view, "everywhere", json!({"interfaces": ["eth0", "eth7"]}));
        let changes: [&Change; 8] = [
            &|_, _| {},
            &|view, _| service(view, "mail", &["198.51.100.2", "2001:db8::2"]),
            &|view, _| endpoints(view, "mail", &[]),
            &|view, _| endpoints(view, "mail", &["n2"]),
            &|_, interfaces| drop(interfaces.pop()),
            &|view, _| advert(view, "everywhere", json!({})),
            &|_, interfaces| interfaces.push(interface("eth7", "192.0.2.0/24")),
            &|view, _| view.services = Arc::default(),
        ];
        let mut interfaces = both.to_vec();
        for (number, change) in changes.into_iter().enumerate() {
            change(&mut view, &mut interfaces);
            let here = Here {
                node: &node,
                interfaces: &interfaces,
            };
            let may = memory.judge(&view);
            let odd = Odd {
                moves: Arc::new([(ip("192.0.2.2"), NodeId([number as u8; 16]))].into()),
                fresh: Arc::new([ip(&format!("192.0.2.{number}"))].into()),
            };
            let now = told.renew(&view, &may, &odd, here);
            assert_eq!(
                now,
                Told::default().renew(&view, &may, &odd, here),
                "change {number}"
            );
        }
    }

    #[test]
    fn a_segment_about_which_nothing_changed_is_told_nothing() {
        let (mut view, mut told, mut memory) = (web(), Told::default(), Memory::default());
        let interfaces = [
            interface("eth0", "192.0.2.0/24"),
            interface("eth1", "198.51.100.0/24"),
        ];
        let here = Here {
            node: &"n1".into(),
            interfaces: &interfaces,
        };
        let before = told.renew(&view, &memory.judge(&view), &Odd::default(), here);
        endpoints(&mut view, "web", &["n2"]);
        let after = told.renew(&view, &memory.judge(&view), &Odd::default(), here);
        let is_same = |name: &str| Arc::ptr_eq(&before[&name.into()], &after[&name.into()]);
        assert_eq!([is_same("eth0"), is_same("eth1")], [false, true]);
    }
}
