//! What an address asks of the node that announces it.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{
    Advert, AdvertName, Labels, NodeName, PoolName, Reason, ServiceKey, TrafficPolicy,
};

use super::group::User;
use super::view::{Exposure, Service, View};

/// An address and its Services.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) address: IpAddr,
    /// The Services that have the address, in order of their names.
    pub(super) users: Vec<User<'a>>,
    /// What it asks of a node; or, if nobody may announce it for any of its Services, the reason of the first of them,
    /// in order of their names.
    pub(super) demand: Result<Demand<'a>, Reason>,
    /// The Services that it is not announced for.
    pub(super) refused: BTreeMap<ServiceKey, Reason>,
}

/// What an address asks of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Demand<'a> {
    /// What does not depend on endpoints. Addresses that ask the same are judged once.
    pub(super) terms: Terms,
    /// Each of these must have an endpoint on the node.
    pub(super) local: BTreeMap<&'a ServiceKey, &'a Service>,
    /// These have an endpoint anywhere.
    pub(super) cluster: BTreeMap<&'a ServiceKey, &'a Service>,
}

/// What an address asks of a node that does not depend on endpoints.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Terms {
    /// Any of these must select the node.
    pub(super) adverts: BTreeSet<AdvertName>,
    /// The nodes with the address on a subnet; a node that is known not to have it there must have an interface that an
    /// advertisement names.
    pub(super) on_link: BTreeSet<NodeName>,
}

static NONE: Labels = Labels::new();

impl<'a> Request<'a> {
    pub(super) fn of(view: &'a View, address: IpAddr, users: Vec<User<'a>>) -> Self {
        let mut demand = Demand::default();
        let mut refused = BTreeMap::new();
        for (key, service) in &users {
            match adverts(view, address, service) {
                Ok(adverts) => demand.add(key, service, adverts),
                Err(why) => drop(refused.insert((*key).clone(), why)),
            }
        }
        let demand = match refused.values().next() {
            Some(why) if demand.terms.adverts.is_empty() => Err(why.clone()),
            _ => {
                demand.terms.on_link = on_link(view, address);
                Ok(demand)
            }
        };
        Self {
            address,
            users,
            demand,
            refused,
        }
    }
}

/// The nodes that have the address on a subnet, as far as is known.
fn on_link(view: &View, address: IpAddr) -> BTreeSet<NodeName> {
    let near = view.links.iter().filter(|(_, links)| links.have_on_link(address));
    near.map(|(name, _)| name.clone()).collect()
}

impl<'a> Demand<'a> {
    fn add(&mut self, key: &'a ServiceKey, service: &'a Service, adverts: Vec<&'a Advert>) {
        let names = adverts.iter().map(|advert| advert.name.clone());
        self.terms.adverts.extend(names);
        match service.view.policy {
            TrafficPolicy::Local => self.local.insert(key, service),
            TrafficPolicy::Cluster => self.cluster.insert(key, service),
        };
    }
}

impl Terms {
    /// The advertisements that select a node with these labels.
    pub(super) fn selecting<'v>(&self, view: &'v View, node: &Labels) -> impl Iterator<Item = &'v Advert> {
        self.adverts
            .iter()
            .filter_map(|name| view.adverts.get(name))
            .filter(move |advert| advert.selection.selects_node(node))
    }
}

/// The advertisements by which this address of this Service is announced.
fn adverts<'a>(view: &'a View, address: IpAddr, service: &'a Service) -> Result<Vec<&'a Advert>, Reason> {
    let endpoints = &service.endpoints;
    let service = &*service.view;
    let (pool, labels) = pool(view, address, service).ok_or(Reason::OutsidePools)?;
    let of_pool = || {
        view.adverts
            .values()
            .filter(|one| one.selection.selects_pool(pool, labels))
    };
    if of_pool().next().is_none() {
        return Err(Reason::NotAdvertised { pool: pool.clone() });
    }
    let labels = LazyCell::new(|| service.labels.unpack());
    let selected: Vec<&Advert> = of_pool()
        .filter(|advert| !advert.selection.restricts_services() || advert.selection.selects_service(&labels))
        .collect();
    if selected.is_empty() {
        return Err(Reason::ServiceNotSelected { pool: pool.clone() });
    }
    if let Some(advert) = selected
        .iter()
        .find(|advert| advert.selection.restricts_services())
        && service.sharing_annotated
    {
        let advert = advert.name.clone();
        return Err(Reason::SharedWithServiceSelectors { advert });
    }
    if !endpoints.any_serving() {
        return Err(Reason::NoEndpoints);
    }
    Ok(selected)
}

/// The pool that owns the address, else the pool it came from: an address in use is announced also when its pool was
/// shrunk or deleted. A deleted pool has no labels.
pub(crate) fn pool<'a>(
    view: &'a View,
    address: IpAddr,
    service: &'a Exposure,
) -> Option<(&'a PoolName, &'a Labels)> {
    let owner = view.pools.owner(address);
    let came_from = || {
        let name = service.allocated_from.of_address(&service.ingress, address)?;
        let labels = view.pools.named(name).map(|pool| &pool.labels);
        Some((name, labels.unwrap_or(&NONE)))
    };
    owner.map(|pool| (&pool.name, &pool.labels)).or_else(came_from)
}
