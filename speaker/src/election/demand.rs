//! What an address asks of the node that announces it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{Advert, AdvertName, Labels, PoolName, ServiceKey, ServiceView, TrafficPolicy};

use super::view::{Candidate, View};
use super::{Interfaces, Why};

/// What an address asks of a node. Addresses that ask the same are judged once.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Demand<'a> {
    /// Any of these must select the node.
    pub(super) adverts: BTreeSet<&'a AdvertName>,
    /// Each of these must have an endpoint on the node.
    pub(super) local: BTreeSet<&'a ServiceKey>,
    /// Interfaces of the node must suit this address; none where no link is known.
    pub(super) address: Option<IpAddr>,
}

/// What of a demand does not depend on endpoints.
pub(super) type Terms<'a> = (&'a BTreeSet<&'a AdvertName>, Option<IpAddr>);

/// Our Services by their addresses, each in order of their names.
type Users<'a> = BTreeMap<IpAddr, Vec<User<'a>>>;

/// One of our Services.
pub(super) type User<'a> = (&'a ServiceKey, &'a Candidate);

/// What each address asks for, and for which of its Services.
pub(super) type Asked<'a> = BTreeMap<IpAddr, Petition<'a>>;

/// An address before its election.
#[derive(Debug)]
pub(super) struct Petition<'a> {
    /// The Services that have the address, in order of their names.
    pub(super) users: Vec<User<'a>>,
    /// What it asks of a node; or, if nobody may announce it for any of its Services, the reason of the first of them,
    /// in order of their names.
    pub(super) demand: Result<Demand<'a>, Why>,
    /// The Services that it is not announced for.
    pub(super) refused: BTreeMap<ServiceKey, Why>,
}

/// What each address of our Services asks for.
pub(super) fn asked(view: &View) -> Asked<'_> {
    users(view)
        .into_iter()
        .map(|(address, users)| (address, Petition::of(view, address, users)))
        .collect()
}

/// Which of our Services have which addresses.
fn users(view: &View) -> Users<'_> {
    let ours = view.options.class.as_deref();
    let mut users = Users::new();
    for (key, candidate) in &view.services {
        if candidate.service.class.is_ours(ours) {
            for address in candidate.service.ingress.iter() {
                users.entry(address).or_default().push((key, candidate));
            }
        }
    }
    users
}

impl<'a> Petition<'a> {
    fn of(view: &'a View, address: IpAddr, users: Vec<User<'a>>) -> Self {
        let mut demand = Demand {
            address: (!view.links.is_empty()).then_some(address),
            ..Demand::default()
        };
        let mut refused = BTreeMap::new();
        for (key, candidate) in &users {
            match adverts(view, address, candidate) {
                Ok(adverts) => demand.add(key, candidate, adverts),
                Err(why) => drop(refused.insert((*key).clone(), why)),
            }
        }
        let demand = match refused.values().next() {
            Some(why) if demand.adverts.is_empty() => Err(why.clone()),
            _ => Ok(demand),
        };
        Self {
            users,
            demand,
            refused,
        }
    }

    /// Whether the address is a group by itself: one Service has it, and no other address.
    pub(super) fn alone(&self) -> bool {
        match self.users.as_slice() {
            [(_, candidate)] => candidate.service.ingress.iter().count() == 1,
            _ => false,
        }
    }
}

impl<'a> Demand<'a> {
    fn add(&mut self, key: &'a ServiceKey, candidate: &'a Candidate, adverts: Vec<&'a Advert>) {
        self.adverts.extend(adverts.iter().map(|advert| &advert.name));
        if candidate.service.policy == TrafficPolicy::Local {
            self.local.insert(key);
        }
    }

    /// What does not depend on endpoints.
    pub(super) fn terms(&'a self) -> Terms<'a> {
        (&self.adverts, self.address)
    }

    /// The advertisements that select a node with these labels.
    pub(super) fn selecting<'n>(
        &self,
        view: &'a View,
        node: &'n Labels,
    ) -> impl Iterator<Item = &'a Advert> + use<'_, 'a, 'n> {
        self.adverts
            .iter()
            .filter_map(|name| view.adverts.get(name))
            .filter(move |advert| advert.selects_node(node))
    }

    /// The interfaces a node with these labels may use.
    pub(super) fn interfaces(&self, view: &'a View, node: &Labels) -> Interfaces {
        self.selecting(view, node)
            .map(Interfaces::of)
            .reduce(Interfaces::union)
            .unwrap_or(Interfaces::Any)
    }
}

/// The advertisements by which this address of this Service is announced.
fn adverts<'a>(view: &'a View, address: IpAddr, candidate: &'a Candidate) -> Result<Vec<&'a Advert>, Why> {
    let service = &*candidate.service;
    let (pool, labels) = pool(view, address, service).ok_or(Why::OutsidePools)?;
    let of_pool = || view.adverts.values().filter(|one| one.selects_pool(pool, labels));
    if of_pool().next().is_none() {
        return Err(Why::NotAdvertised { pool: pool.clone() });
    }
    let selected: Vec<&Advert> = of_pool()
        .filter(|advert| advert.selects_service(&service.labels))
        .collect();
    if selected.is_empty() {
        return Err(Why::ServiceNotSelected { pool: pool.clone() });
    }
    if let Some(advert) = selected.iter().find(|advert| advert.restricts_services())
        && service.sharing_annotated
    {
        let advert = advert.name.clone();
        return Err(Why::SharedWithServiceSelectors { advert });
    }
    if !candidate.endpoints.any_serving() {
        return Err(Why::NoEndpoints);
    }
    Ok(selected)
}

/// The pool that owns the address, else the pool it came from: an address in use is announced also when its pool was
/// shrunk or deleted. A deleted pool has no labels.
fn pool<'a>(view: &'a View, address: IpAddr, service: &'a ServiceView) -> Option<(&'a PoolName, &'a Labels)> {
    static NONE: Labels = Labels::new();
    let owner = view.pools.owner(address);
    let came_from = || {
        let name = service.allocated_from.as_ref()?;
        let labels = view.pools.named(name).map(|pool| &pool.labels);
        Some((name, labels.unwrap_or(&NONE)))
    };
    owner.map(|pool| (&pool.name, &pool.labels)).or_else(came_from)
}
