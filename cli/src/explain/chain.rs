//! The chain from the Service to the wire, link by link.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_controller::alloc::Outcome;
use ferrolb_crds::api::Condition;
use ferrolb_crds::domain::{
    Advert, AdvertName, Asked, Labels, NodeName, PoolName, Reason, ServiceClass, ServiceKey, TrafficPolicy,
};
use ferrolb_crds::names::{CONDITION_ANNOUNCED, CONDITION_ASSIGNED};
use serde::Serialize;

use super::case::{Case, Judgement};
use super::live::{Live, Told};
use crate::conditions;
use crate::holding::Holder;
use crate::plan;
use crate::speakers::State;

/// The chain of one Service.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Chain {
    pub(super) service: Asking,
    /// Why it gets no address: the pools tried, and why not.
    pub(super) refused: Option<Reason>,
    pub(super) endpoints: Option<Reached>,
    pub(super) addresses: Vec<Link>,
    pub(super) assigned: Option<Condition>,
    pub(super) announced: Option<Condition>,
    pub(super) events: Vec<Told>,
}

/// What the Service asks for.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Asking {
    pub(super) is_load_balancer: bool,
    pub(super) class: Option<String>,
    /// Whether it is of the class that is ours.
    pub(super) is_ours: bool,
    pub(super) policy: TrafficPolicy,
    /// The pool or the addresses it asks for, or what is wrong with that.
    pub(super) asks: Option<String>,
}

/// Where its endpoints are.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Reached {
    /// Whether any can serve.
    pub(super) can_serve: bool,
    /// The ready ones on each node, where Kubernetes names it.
    pub(super) ready: BTreeMap<NodeName, usize>,
}

/// From an address to the wire.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Link {
    pub(super) address: IpAddr,
    pub(super) pool: Option<PoolName>,
    /// The other Services that have it.
    pub(super) shared_with: Vec<ServiceKey>,
    /// The advertisements that select its pool and the Service.
    pub(super) advertisements: Vec<AdvertName>,
    /// Why nobody may announce it.
    pub(super) refused: Option<Reason>,
    /// Which nodes may, and why the others may not; empty if no node was asked for.
    pub(super) nodes: Vec<Candidate>,
    /// The nodes that say that they announce it.
    pub(super) holders: Vec<Holder>,
    /// The node that would hold it, without a cluster.
    pub(super) would_hold: Option<NodeName>,
    /// What BGP would do for it; none if no BGPAdvertisement asks for it, or none was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bgp: Option<plan::Told>,
    /// The condition says that it is told by BGP.
    #[serde(skip)]
    pub(super) by_bgp: bool,
    /// What the speakers found on the wire, if they say so.
    pub(super) wire: Option<String>,
}

/// A node that could announce.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Candidate {
    pub(super) node: NodeName,
    pub(super) may: bool,
    /// Why it may not, or why others are preferred.
    pub(super) reason: Option<Reason>,
    /// None without a cluster.
    pub(super) speaker: Option<State>,
}

impl Chain {
    pub(super) fn of(case: &Case<'_>) -> Self {
        let judgement = case.judgement;
        let refused = match case.outcome() {
            Some(Outcome::Refused(why)) => Some(why.clone()),
            _ => None,
        };
        let live = case.evidence.live.as_ref();
        Self {
            service: Asking::of(case),
            refused,
            endpoints: judgement.and_then(|judgement| Reached::of(judgement, &case.view.key)),
            addresses: case
                .addresses()
                .into_iter()
                .map(|address| Link::of(case, address))
                .collect(),
            assigned: case.condition(CONDITION_ASSIGNED).cloned(),
            announced: case.condition(CONDITION_ANNOUNCED).cloned(),
            events: live.map(Live::told).unwrap_or_default(),
        }
    }
}

impl Asking {
    fn of(case: &Case<'_>) -> Self {
        let asks = match &case.view.asked {
            Ok(Asked::Anything) => None,
            Ok(Asked::Pool(pool)) => Some(format!("any address of pool {pool}")),
            Ok(Asked::Addresses(addresses, None)) => Some(addresses.to_string()),
            Ok(Asked::Addresses(addresses, Some(pool))) => Some(format!("{addresses} of pool {pool}")),
            Err(invalid) => Some(invalid.to_string()),
        };
        Self {
            is_load_balancer: case.view.class != ServiceClass::NotLoadBalancer,
            class: match &case.view.class {
                ServiceClass::LoadBalancer(class) => class.clone(),
                ServiceClass::NotLoadBalancer => None,
            },
            is_ours: case.view.class.is_ours(case.class()),
            policy: case.view.policy,
            asks,
        }
    }
}

impl Reached {
    fn of(judgement: &Judgement, service: &ServiceKey) -> Option<Self> {
        let endpoints = &judgement.view.services.get(service)?.endpoints;
        let ready = endpoints.ready_nodes().map(|(node, count)| (node.clone(), count));
        Some(Self {
            can_serve: endpoints.any_serving(),
            ready: ready.collect(),
        })
    }
}

impl Link {
    fn of(case: &Case<'_>, address: IpAddr) -> Self {
        let pool = pool(case, address);
        let foreseen = case.foreseen(address);
        let key = &case.view.key;
        let others = foreseen.into_iter().flat_map(|one| one.judged.services());
        let winner = foreseen.and_then(|one| one.outcome.as_ref().ok());
        Self {
            address,
            shared_with: others.filter(|other| *other != key).cloned().collect(),
            advertisements: advertisements(case, pool.as_ref()),
            pool,
            refused: case.why_not(address).cloned(),
            nodes: candidates(case, address),
            holders: case.holders(address),
            would_hold: winner
                .filter(|_| !case.is_live())
                .map(|winner| winner.node.clone()),
            bgp: case.judgement.and_then(|one| one.routed.told(address)),
            by_bgp: case
                .condition(CONDITION_ANNOUNCED)
                .is_some_and(conditions::tells_of_bgp),
            wire: conditions::wire(case.condition(CONDITION_ANNOUNCED)),
        }
    }
}

/// The pool that the address is from.
fn pool(case: &Case<'_>, address: IpAddr) -> Option<PoolName> {
    let decided = match case.outcome() {
        Some(Outcome::Assigned(assignment)) => {
            let at = assignment.addresses.iter().position(|one| one == address);
            at.and_then(|at| assignment.pools.get(at))
        }
        _ => None,
    };
    decided.or_else(|| case.view.origin(address)).cloned()
}

fn advertisements(case: &Case<'_>, pool: Option<&PoolName>) -> Vec<AdvertName> {
    let (Some(judgement), Some(pool)) = (case.judgement, pool) else {
        return Vec::new();
    };
    let none = Labels::new();
    let labels = judgement
        .view
        .pools
        .named(pool)
        .map_or(&none, |pool| &pool.labels);
    let selects = |advert: &&Advert| {
        advert.selection.selects_pool(pool, labels) && advert.selection.selects_service(&case.view.labels)
    };
    let all = judgement.view.adverts.values().filter(selects);
    all.map(|advert| advert.name.clone()).collect()
}

fn candidates(case: &Case<'_>, address: IpAddr) -> Vec<Candidate> {
    let Some(foreseen) = case.foreseen(address) else {
        return Vec::new();
    };
    let mut reasons: BTreeMap<NodeName, Option<Reason>> = BTreeMap::new();
    let mut eligible: BTreeSet<NodeName> = BTreeSet::new();
    match &foreseen.judged.eligible {
        Ok(all) => {
            let barred = all.ineligible().iter();
            reasons.extend(barred.map(|(node, why)| (node.clone(), Some(why.clone()))));
            for node in all.nodes() {
                reasons.insert(node.clone(), all.soft(node));
                eligible.insert(node.clone());
            }
        }
        Err(why) => {
            if let Reason::NoEligibleNode(nodes) = &**why {
                let barred = nodes.iter();
                reasons.extend(barred.map(|(node, why)| (node.clone(), Some(why.clone()))));
            }
        }
    }
    let candidate = |(node, reason): (NodeName, Option<Reason>)| Candidate {
        may: eligible.contains(&node),
        reason,
        speaker: case
            .speaker(&node)
            .filter(|_| case.is_live())
            .map(|one| one.state.clone()),
        node,
    };
    reasons.into_iter().map(candidate).collect()
}
