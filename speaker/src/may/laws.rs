//! What holds for every view.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Endpoint, NodeName};
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{
    advert, cluster, excluded, foreseen, held, link, node, only, pools, service_with, set_endpoints,
};
use super::{May, Memory, View, may};
use crate::forecast::{Foreseen, Known, forecast};

const NODES: [&str; 5] = ["n1", "n2", "n3", "n4", "n5"];

#[derive(Clone, Debug)]
struct Draw {
    nodes: Vec<DrawnNode>,
    adverts: Vec<DrawnAdvert>,
    services: Vec<DrawnService>,
}

#[derive(Clone, Debug)]
struct DrawnNode {
    link: Option<bool>,
    network_unavailable: bool,
    excluded: bool,
    cordoned: bool,
    out_of_service: bool,
}

#[derive(Clone, Debug)]
struct DrawnAdvert {
    pool: Option<usize>,
    nodes: Option<Vec<usize>>,
    preferred: Option<(usize, u32)>,
}

#[derive(Clone, Debug)]
struct DrawnService {
    v4: Option<u8>,
    v6: Option<u8>,
    local: bool,
    endpoints: Vec<(usize, bool, bool)>,
}

fn drawn_node() -> impl Strategy<Value = DrawnNode> {
    let rarely = || prop::bool::weighted(0.15);
    let link = prop::option::weighted(0.5, prop::bool::weighted(0.7));
    (link, rarely(), rarely(), rarely(), rarely()).prop_map(
        |(link, network_unavailable, excluded, cordoned, out_of_service)| DrawnNode {
            link,
            network_unavailable,
            excluded,
            cordoned,
            out_of_service,
        },
    )
}

fn drawn_advert() -> impl Strategy<Value = DrawnAdvert> {
    let index = 0..NODES.len();
    let nodes = prop::option::of(prop::collection::vec(index.clone(), 1..4));
    let preferred = prop::option::of((index, 1u32..5));
    (prop::option::of(0..2usize), nodes, preferred).prop_map(|(pool, nodes, preferred)| DrawnAdvert {
        pool,
        nodes,
        preferred,
    })
}

fn drawn_service() -> impl Strategy<Value = DrawnService> {
    let address = || prop::option::of(1u8..9);
    let endpoint = (0..NODES.len() + 1, any::<bool>(), any::<bool>());
    (
        address(),
        address(),
        prop::bool::weighted(0.4),
        prop::collection::vec(endpoint, 0..6),
    )
        .prop_map(|(v4, v6, local, endpoints)| DrawnService {
            v4,
            v6,
            local,
            endpoints,
        })
}

fn draw() -> impl Strategy<Value = Draw> {
    (
        prop::collection::vec(drawn_node(), NODES.len()),
        prop::collection::vec(drawn_advert(), 0..4),
        prop::collection::vec(drawn_service(), 0..8),
    )
        .prop_map(|(nodes, adverts, services)| Draw {
            nodes,
            adverts,
            services,
        })
}

impl DrawnNode {
    fn add(&self, view: &mut View, name: &str) {
        let conditions = json!([{"type": "NetworkUnavailable",
            "status": if self.network_unavailable { "True" } else { "False" }}]);
        let taints = if self.out_of_service {
            json!([{"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}])
        } else {
            json!([])
        };
        let mut wire = json!({"spec": {"unschedulable": self.cordoned, "taints": taints},
            "status": {"conditions": conditions}});
        if self.excluded {
            wire["metadata"] = excluded()["metadata"].clone();
        }
        node(view, name, wire);
        if let Some(near) = self.link {
            let subnet = if near { "192.0.2.0/24" } else { "198.51.100.0/24" };
            link(view, name, "eth0", &[subnet]);
        }
    }
}

impl DrawnAdvert {
    fn add(&self, view: &mut View, name: &str) {
        let pool = self.pool.map(|pool| ["four", "six"][pool]);
        let nodes = self.nodes.iter().flatten().map(|node| only(NODES[*node]));
        let preferred = self
            .preferred
            .map(|(node, weight)| json!({"weight": weight, "preference": only(NODES[node])}));
        let spec = json!({"ipAddressPools": pool.into_iter().collect::<Vec<_>>(),
            "nodeSelectors": nodes.collect::<Vec<_>>(),
            "preferredNodeSelectors": preferred.into_iter().collect::<Vec<_>>()});
        advert(view, name, spec);
    }
}

impl DrawnService {
    fn add(&self, view: &mut View, name: &str) {
        let v4 = self.v4.map(|last| format!("192.0.2.{last}"));
        let v6 = self.v6.map(|last| format!("2001:db8::{last}"));
        let addresses: Vec<&str> = v4.iter().chain(&v6).map(String::as_str).collect();
        let policy = if self.local { "Local" } else { "Cluster" };
        service_with(
            view,
            name,
            &addresses,
            json!({"spec": {"externalTrafficPolicy": policy}}),
        );
        let endpoints = self.endpoints.iter().map(|(node, ready, serving)| Endpoint {
            node: NODES.get(*node).map(|name| NodeName::from(*name)),
            ready: *ready,
            serving: *ready || *serving,
        });
        set_endpoints(view, name, endpoints);
    }
}

impl Draw {
    fn view(&self) -> View {
        let mut view = cluster(&[]);
        pools(
            &mut view,
            &[("four", &["192.0.2.0/24"]), ("six", &["2001:db8::/120"])],
        );
        for (name, node) in NODES.iter().zip(&self.nodes) {
            node.add(&mut view, name);
        }
        for (number, advert) in self.adverts.iter().enumerate() {
            advert.add(&mut view, &format!("a{number}"));
        }
        for (number, service) in self.services.iter().enumerate() {
            service.add(&mut view, &format!("s{number}"));
        }
        view
    }
}

/// Which node would hold which address.
fn winners(foreseen: &BTreeMap<IpAddr, Foreseen>) -> BTreeMap<IpAddr, Option<NodeName>> {
    let winner = |one: &Foreseen| one.outcome.as_ref().ok().map(|winner| winner.node.clone());
    foreseen
        .iter()
        .map(|(address, one)| (*address, winner(one)))
        .collect()
}

/// What is known after this forecast came true.
fn holding(view: &View, foreseen: &BTreeMap<IpAddr, Foreseen>) -> Known {
    let holders = winners(foreseen)
        .into_iter()
        .filter_map(|(address, node)| Some((address, node?)));
    Known {
        holders: holders.collect(),
        ..held(view, &[])
    }
}

fn without(view: &View, name: &str) -> View {
    let mut fewer = view.clone();
    Arc::make_mut(&mut fewer.nodes).remove(&name.into());
    Arc::make_mut(&mut fewer.links).remove(&name.into());
    fewer
}

/// The very same Services, nodes, links and advertisements of one view or the other.
fn mixed(one: &View, other: &View, [services, nodes, links, adverts]: [bool; 4]) -> View {
    let of = |choice: bool| if choice { one } else { other };
    View {
        services: of(services).services.clone(),
        nodes: of(nodes).nodes.clone(),
        links: of(links).links.clone(),
        adverts: of(adverts).adverts.clone(),
        ..one.clone()
    }
}

/// Everything that is said of each address.
fn all_of(may: &May) -> Vec<String> {
    let all = may.by_address.iter().map(|(address, judged)| {
        let eligible = judged.eligible.as_ref().map(|eligible| {
            (
                &eligible.group,
                eligible.ineligible(),
                eligible.nodes().collect::<Vec<_>>(),
            )
        });
        format!(
            "{address}: {:?} {:?} {eligible:?}",
            judged.services, judged.refused
        )
    });
    all.chain([format!("{:?} {:?}", may.selected, may.all_excluded)])
        .collect()
}

proptest! {
    #[test]
    fn what_is_remembered_changes_nothing(one in draw(), other in draw(), order in prop::collection::vec(any::<[bool; 4]>(), 1..8)) {
        let (one, other) = (one.view(), other.view());
        let mut memory = Memory::default();
        for choice in order {
            let view = mixed(&one, &other, choice);
            prop_assert_eq!(all_of(&memory.judge(&view)), all_of(&may(&view)));
        }
    }

    #[test]
    fn an_address_that_somebody_may_hold_has_a_holder_among_them(draw in draw()) {
        let view = draw.view();
        for one in foreseen(&view).values() {
            match (&one.judged.eligible, &one.outcome) {
                (Ok(eligible), Ok(winner)) => prop_assert!(eligible.includes(&winner.node)),
                (Err(one), Err(other)) => prop_assert_eq!(&**one, other),
                (eligible, outcome) => prop_assert!(false, "{eligible:?} {outcome:?}"),
            }
        }
    }

    #[test]
    fn every_node_may_announce_or_has_a_reason(draw in draw()) {
        let view = draw.view();
        for judged in may(&view).by_address.values() {
            if let Ok(eligible) = &judged.eligible {
                for node in view.nodes.keys() {
                    prop_assert_ne!(eligible.includes(node), eligible.ineligible().contains_key(node));
                }
            }
        }
    }

    #[test]
    fn deciding_again_after_acting_moves_nothing(draw in draw()) {
        let view = draw.view();
        let first = foreseen(&view);
        let again = forecast(&view, &may(&view), &holding(&view, &first));
        prop_assert_eq!(winners(&again), winners(&first));
    }

    #[test]
    fn a_node_that_dies_moves_nothing_that_others_hold(draw in draw(), which in 0..NODES.len()) {
        let view = draw.view();
        let first = foreseen(&view);
        let mut known = holding(&view, &first);
        known.alive.remove(&NODES[which].into());
        let after = winners(&forecast(&view, &may(&view), &known));
        for (address, winner) in winners(&first) {
            if winner != Some(NODES[which].into()) {
                prop_assert_eq!(&after[&address], &winner, "{}", address);
            }
        }
    }

    /// But for a higher preference or a lesser soft reason.
    #[test]
    fn a_node_that_comes_moves_nothing_that_is_held(draw in draw(), which in 0..NODES.len()) {
        let mut draw = draw;
        for advert in &mut draw.adverts {
            advert.preferred = None;
        }
        for node in &mut draw.nodes {
            (node.cordoned, node.out_of_service, node.link) = (false, false, None);
        }
        for (_, ready, serving) in draw.services.iter_mut().flat_map(|service| &mut service.endpoints) {
            *ready |= *serving;
        }
        let more = draw.view();
        let fewer = without(&more, NODES[which]);
        let first = foreseen(&fewer);
        // The label says something else once every node carries it.
        prop_assume!(may(&fewer).all_excluded == may(&more).all_excluded);
        let known = Known { alive: held(&more, &[]).alive, ..holding(&more, &first) };
        let after = forecast(&more, &may(&more), &known);
        // A group that can be whole again comes together.
        let whole = |all: &BTreeMap<IpAddr, Foreseen>, address: &IpAddr| {
            let eligible = all[address].judged.eligible.as_ref().ok();
            eligible.map(|eligible| eligible.group.addresses.clone())
        };
        for (address, winner) in winners(&first).iter().filter(|(_, winner)| winner.is_some()) {
            if whole(&first, address) == whole(&after, address) {
                prop_assert_eq!(&winners(&after)[address], winner, "{}", address);
            }
        }
    }

    #[test]
    fn no_node_gets_more_than_the_bound_of_what_nobody_held(draw in draw()) {
        let mut draw = draw;
        for service in &mut draw.services {
            // A group of several addresses may not fit anywhere.
            service.v6 = if service.v4.is_some() { None } else { service.v6 };
        }
        let view = draw.view();
        let foreseen = foreseen(&view);
        let contested = foreseen.values().filter(|one| one.judged.eligible.is_ok()).count();
        let mut load: BTreeMap<NodeName, usize> = BTreeMap::new();
        let mut bound: BTreeMap<NodeName, usize> = BTreeMap::new();
        for one in foreseen.values() {
            if let Ok(winner) = &one.outcome {
                *load.entry(winner.node.clone()).or_default() += 1;
                let best = one.order.iter().take_while(|other| {
                    let first = &one.order[0].contender;
                    (other.contender.fitness, other.contender.last_resort) == (first.fitness, first.last_resort)
                });
                let own = (5 * contested).div_ceil(4 * best.count());
                let bound = bound.entry(winner.node.clone()).or_default();
                *bound = (*bound).max(own);
            }
        }
        for (node, load) in &load {
            prop_assert!(*load <= bound[node], "{} has {}", node, load);
        }
    }

    #[test]
    fn the_order_of_endpoints_is_irrelevant(draw in draw()) {
        let mut turned = draw.clone();
        for service in &mut turned.services {
            service.endpoints.reverse();
        }
        prop_assert_eq!(winners(&foreseen(&draw.view())), winners(&foreseen(&turned.view())));
    }
}
