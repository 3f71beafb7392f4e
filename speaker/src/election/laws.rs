//! What holds for every view.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_crds::domain::{Endpoint, NodeName};
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{
    advert, alive, cluster, excluded, full, node, only, pools, service_with, set_endpoints,
};
use super::{Election, Elections, Precedents, Ranking, Verdict, View, elect, elect_with};

const NODES: [&str; 5] = ["n1", "n2", "n3", "n4", "n5"];

#[derive(Clone, Debug)]
struct Draw {
    nodes: Vec<DrawnNode>,
    adverts: Vec<DrawnAdvert>,
    services: Vec<DrawnService>,
}

#[derive(Clone, Debug)]
struct DrawnNode {
    alive: bool,
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
    (prop::bool::weighted(0.85), rarely(), rarely(), rarely(), rarely()).prop_map(
        |(alive, network_unavailable, excluded, cordoned, out_of_service)| DrawnNode {
            alive,
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
        let living = NODES.iter().zip(&self.nodes).filter(|(_, node)| node.alive);
        alive(&mut view, &living.map(|(name, _)| *name).collect::<Vec<_>>());
        for (number, advert) in self.adverts.iter().enumerate() {
            advert.add(&mut view, &format!("a{number}"));
        }
        for (number, service) in self.services.iter().enumerate() {
            service.add(&mut view, &format!("s{number}"));
        }
        view
    }
}

fn winners(elections: &Elections) -> BTreeMap<IpAddr, Option<NodeName>> {
    let of = |outcome: &Result<super::Winner, _>| outcome.as_ref().ok().map(|winner| winner.node.clone());
    elections
        .by_address
        .iter()
        .map(|(address, election)| (*address, of(&election.outcome)))
        .collect()
}

/// The view after this result was acted upon.
fn holding(view: &View, elections: &Elections) -> View {
    let holders = winners(elections)
        .into_iter()
        .filter_map(|(address, node)| Some((address, node?)));
    let mut later = view.clone();
    full(&mut later, &[]);
    later.holders = holders.collect();
    later
}

fn without(view: &View, name: &str) -> View {
    let mut fewer = view.clone();
    fewer.nodes.remove(&name.into());
    fewer
}

/// The addresses whose group stands undivided in both.
fn undivided<'a>(one: &'a Elections, other: &'a Elections) -> impl Iterator<Item = &'a IpAddr> {
    let contest = |elections: &Elections, address: &IpAddr| {
        let contest = elections.by_address[address].contest.as_ref();
        contest.map(|contest| contest.addresses.clone())
    };
    one.by_address
        .keys()
        .filter(move |address| contest(one, address) == contest(other, address))
}

/// The very same Services, nodes and advertisements of one view or the other.
fn mixed(one: &View, other: &View, [services, nodes, adverts, alive]: [bool; 4]) -> View {
    let of = |choice: bool| if choice { one } else { other };
    View {
        services: of(services).services.clone(),
        nodes: of(nodes).nodes.clone(),
        adverts: of(adverts).adverts.clone(),
        liveness: of(alive).liveness.clone(),
        ..one.clone()
    }
}

/// Everything that an election says of each address.
fn all_of(elections: &Elections) -> Vec<String> {
    let all = elections.by_address.iter().map(|(address, election)| {
        let field = election
            .field()
            .map(|field| (&field.eligible, field.ineligible(), field.suitable()));
        let Election {
            services,
            refused,
            outcome,
            ..
        } = election;
        format!(
            "{address}: {services:?} {refused:?} {outcome:?} {:?} {field:?}",
            election.group()
        )
    });
    all.collect()
}

proptest! {
    #[test]
    fn what_earlier_elections_remember_changes_nothing(one in draw(), other in draw(), order in prop::collection::vec(any::<[bool; 4]>(), 1..8)) {
        let (one, other) = (one.view(), other.view());
        let mut precedents = Precedents::default();
        for choice in order {
            let view = mixed(&one, &other, choice);
            let (remembered, afresh) = (elect_with(&view, &mut precedents), elect(&view));
            prop_assert_eq!(all_of(&remembered), all_of(&afresh));
        }
    }

    #[test]
    fn where_holders_are_seated_there_is_somebody_for_the_same_addresses(draw in draw()) {
        let mut view = draw.view();
        let hashed: Vec<bool> = winners(&elect(&view)).values().map(Option::is_some).collect();
        view.options.ranking = Ranking::Seated;
        let seated: Vec<bool> = winners(&elect(&view)).values().map(Option::is_some).collect();
        prop_assert_eq!(hashed, seated);
    }

    #[test]
    fn an_address_with_an_eligible_node_has_one_announcer_and_others_have_none(draw in draw(), ranked in any::<bool>()) {
        let mut view = draw.view();
        if ranked {
            full(&mut view, &[]);
        }
        for election in elect(&view).by_address.values() {
            let eligible = election.field().map(|field| field.eligible.clone()).unwrap_or_default();
            let verdicts: BTreeMap<&NodeName, Verdict> =
                view.nodes.keys().map(|node| (node, election.verdict(node))).collect();
            let announcers: Vec<&NodeName> = verdicts
                .iter()
                .filter(|(_, verdict)| matches!(verdict, Verdict::Announce { .. }))
                .map(|(node, _)| *node)
                .collect();
            prop_assert_eq!(announcers.len(), usize::from(!eligible.is_empty()));
            prop_assert!(announcers.iter().all(|node| eligible.contains_key(*node)));
            for (node, verdict) in &verdicts {
                match verdict {
                    Verdict::Announce { .. } => {}
                    Verdict::Standby { holder } => prop_assert_eq!(&vec![holder], &announcers),
                    Verdict::Silent(_) => prop_assert!(announcers.is_empty(), "{} is silent", node),
                }
            }
        }
    }

    #[test]
    fn a_node_that_comes_or_goes_moves_only_its_own_addresses(draw in draw(), which in 0..NODES.len()) {
        let view = draw.view();
        let fewer = without(&view, NODES[which]);
        let (with, without) = (elect(&view), elect(&fewer));
        // The label says something else once every node carries it.
        prop_assume!(with.notes == without.notes);
        let after = winners(&without);
        for (address, winner) in winners(&with) {
            if winner != Some(NODES[which].into()) {
                prop_assert_eq!(&after[&address], &winner, "{}", address);
            }
        }
    }

    #[test]
    fn deciding_again_after_acting_moves_nothing(draw in draw()) {
        let mut view = draw.view();
        full(&mut view, &[]);
        let first = elect(&view);
        prop_assert_eq!(winners(&elect(&holding(&view, &first))), winners(&first));
    }

    #[test]
    fn a_node_that_goes_moves_nothing_that_others_hold(draw in draw(), which in 0..NODES.len()) {
        let mut view = draw.view();
        full(&mut view, &[]);
        let first = elect(&view);
        let second = elect(&without(&holding(&view, &first), NODES[which]));
        prop_assume!(first.notes == second.notes);
        let after = winners(&second);
        for (address, winner) in winners(&first) {
            if winner != Some(NODES[which].into()) {
                prop_assert_eq!(&after[&address], &winner, "{}", address);
            }
        }
    }

    /// But for a higher preference, a lesser soft reason, or a group that can be whole again.
    #[test]
    fn a_node_that_comes_moves_nothing_that_is_held(draw in draw(), which in 0..NODES.len()) {
        let mut draw = draw;
        for advert in &mut draw.adverts {
            advert.preferred = None;
        }
        for node in &mut draw.nodes {
            (node.cordoned, node.out_of_service) = (false, false);
        }
        for (_, ready, serving) in draw.services.iter_mut().flat_map(|service| &mut service.endpoints) {
            *ready |= *serving;
        }
        let mut more = draw.view();
        full(&mut more, &[]);
        let first = elect(&without(&more, NODES[which]));
        let second = elect(&holding(&more, &first));
        prop_assume!(first.notes == second.notes);
        let (before, after) = (winners(&first), winners(&second));
        for address in undivided(&first, &second).filter(|address| before[*address].is_some()) {
            prop_assert_eq!(&after[address], &before[address], "{}", address);
        }
    }

    #[test]
    fn without_holders_no_node_gets_more_than_the_bound(draw in draw()) {
        let mut draw = draw;
        for service in &mut draw.services {
            // A group of several addresses may not fit anywhere.
            service.v6 = if service.v4.is_some() { None } else { service.v6 };
        }
        let mut view = draw.view();
        full(&mut view, &[]);
        let elections = elect(&view);
        let contested = elections.by_address.values().filter(|one| one.field().is_some()).count();
        let mut load: BTreeMap<NodeName, usize> = BTreeMap::new();
        let mut bound: BTreeMap<NodeName, usize> = BTreeMap::new();
        for election in elections.by_address.values() {
            if let (Ok(winner), Some(field)) = (&election.outcome, election.field()) {
                *load.entry(winner.node.clone()).or_default() += 1;
                let own = (5 * contested).div_ceil(4 * field.contenders().count());
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
        let result = |draw: &Draw| {
            let mut view = draw.view();
            full(&mut view, &[]);
            let all = elect(&view).by_address;
            all.into_iter()
                .map(|(address, election)| (address, (election.ranking(), election.outcome)))
                .collect::<BTreeMap<_, _>>()
        };
        prop_assert_eq!(result(&draw), result(&turned));
    }
}
