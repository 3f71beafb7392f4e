//! Which prefixes this node tells to which BGP peers, and why an address is told to none: a function of one [`View`] and one
//! [`Policy`].
//!
//! 1. **Asked for.** An address is told by BGP if an advertisement selects its pool and one of its Services. Else nothing is
//!    said of it here.
//! 2. **Who tells.** Every node that an advertisement selects and that has one of its peers, unless the node is
//!    `NetworkUnavailable` or labelled `exclude-from-external-load-balancers` (as in layer 2, and so with the exception for a
//!    cluster in which every node carries the label). Of policy Cluster an endpoint anywhere can serve; of policy Local a
//!    *ready* one is on the node. Nodes with none but terminating ones tell it only while no other node has a ready one:
//!    their traffic would be lost with the last of these pods.
//! 3. **What is told.** The prefix of the advertisement's length, without host bits. By peer and prefix communities are
//!    united; of different `localPref` that of the older advertisement counts, and the other one is said.
//!    An advertisement may ask for the link bandwidth: as many units as ready endpoints of the Services of policy Local are on the
//!    node, of all addresses within the prefix.
//! 4. A peer gets the families that its session carries: that of its address, or both if it says so.
//!
//! Cordoned nodes tell too; what they [give up](given_up) because others tell it is another question.

mod offer;
mod parting;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{
    Aliases, BfdProfile, BfdProfileName, BgpAdvert, BgpAdvertName, BgpPeer, Family, NodeName, PeerName,
    PoolName, Reason, TrafficPolicy,
};
use ferrolb_peering::Prefix;
use ferrolb_peering::bgp::Attributes;

use crate::may::{Exposure, Service, View, pool_of};
use offer::Offers;
pub use parting::{GivenUp, SessionsByNode, above, given_up, stays, telling};
pub use table::Conflict;
use table::Tables;

/// What is said of BGP in the cluster. Parts that did not change are the same [`Arc`].
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// All valid peers.
    pub peers: Arc<BTreeMap<PeerName, BgpPeer>>,
    /// All valid BFD profiles.
    pub profiles: Arc<BTreeMap<BfdProfileName, BfdProfile>>,
    /// All valid advertisements.
    pub adverts: Arc<BTreeMap<BgpAdvertName, BgpAdvert>>,
    /// Names of communities.
    pub aliases: Arc<Aliases>,
}

/// What one peer is told.
pub type Table = BTreeMap<Prefix, Attributes>;

/// The nodes that tell an address, and the peers that each tells.
pub type Tellers = BTreeMap<NodeName, BTreeSet<PeerName>>;

/// What becomes of all addresses by BGP.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routes {
    /// What this node tells each of its peers; also those that it has nothing to tell.
    pub tables: BTreeMap<PeerName, Table>,
    /// Who tells each address that is asked for, the same seen from every node; or why nobody does.
    pub fates: BTreeMap<IpAddr, Result<Arc<Tellers>, Reason>>,
    /// Advertisements of which a part does not count.
    pub conflicts: BTreeSet<Conflict>,
}

impl Policy {
    /// Whether all is the very same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.peers, &other.peers)
            && Arc::ptr_eq(&self.profiles, &other.profiles)
            && Arc::ptr_eq(&self.adverts, &other.adverts)
            && Arc::ptr_eq(&self.aliases, &other.aliases)
    }
}

/// Decides for every address of our Services, as seen from this node.
pub fn routes(view: &View, policy: &Policy, node: &NodeName) -> Routes {
    let mut deciding = Deciding {
        view,
        policy,
        node,
        by_pool: BTreeMap::new(),
        offers: Offers::new(view, policy),
        tables: Tables::new(policy, policy_peers(view, policy, node)),
        fates: BTreeMap::new(),
    };
    if !policy.adverts.is_empty() {
        for service in view.services.values() {
            for address in service.view.ingress.iter() {
                deciding.decide(address, service);
            }
        }
    }
    let (tables, conflicts) = deciding.tables.told();
    Routes {
        tables,
        fates: deciding.fates,
        conflicts,
    }
}

/// The peers that this node holds sessions with.
fn policy_peers<'a>(view: &View, policy: &'a Policy, node: &NodeName) -> impl Iterator<Item = &'a BgpPeer> {
    let labels = view.nodes.get(node).map(|node| &node.labels);
    let ours = move |peer: &&BgpPeer| labels.is_some_and(|labels| peer.selects_node(labels));
    policy.peers.values().filter(ours)
}

struct Deciding<'a> {
    view: &'a View,
    policy: &'a Policy,
    node: &'a NodeName,
    /// The advertisements of each pool.
    by_pool: BTreeMap<&'a PoolName, Vec<&'a BgpAdvert>>,
    offers: Offers<'a>,
    tables: Tables<'a>,
    fates: BTreeMap<IpAddr, Result<Arc<Tellers>, Reason>>,
}

impl<'a> Deciding<'a> {
    fn decide(&mut self, address: IpAddr, service: &'a Service) {
        let adverts = self.adverts(address, &service.view);
        if adverts.is_empty() {
            return;
        }
        let fate = self.tellers(address, service, &adverts);
        if fate.as_ref().is_ok_and(|tellers| tellers.contains_key(self.node)) {
            let selects = |advert: &&BgpAdvert| self.offers.selects(advert, self.node);
            let here: Vec<&BgpAdvert> = adverts.iter().copied().filter(selects).collect();
            // With policy Cluster every node forwards to all endpoints alike.
            let is_local = service.view.policy == TrafficPolicy::Local;
            let endpoints = is_local.then(|| service.endpoints.ready_on(self.node));
            self.tables.tell(&here, address, endpoints);
        }
        match (self.fates.get_mut(&address), fate) {
            (None, fate) => drop(self.fates.insert(address, fate)),
            (Some(known), Ok(tellers)) => match known {
                Ok(known) => unite(known, &tellers),
                Err(_) => *known = Ok(tellers),
            },
            (Some(_), Err(_)) => {}
        }
    }

    /// The advertisements by which the address of this Service is told.
    fn adverts(&mut self, address: IpAddr, service: &'a Exposure) -> Vec<&'a BgpAdvert> {
        let Some((pool, labels)) = pool_of(self.view, address, service) else {
            return Vec::new();
        };
        let all = &self.policy.adverts;
        let of_pool = self.by_pool.entry(pool).or_insert_with(|| {
            let selects = |advert: &&BgpAdvert| advert.selection.selects_pool(pool, labels);
            all.values().filter(selects).collect()
        });
        let any_restricts = of_pool.iter().any(|advert| advert.selection.restricts_services());
        if !any_restricts {
            return of_pool.clone();
        }
        let labels = service.labels.unpack();
        let selects = |advert: &&&BgpAdvert| advert.selection.selects_service(&labels);
        of_pool.iter().filter(selects).copied().collect()
    }

    fn tellers(
        &mut self,
        address: IpAddr,
        service: &Service,
        adverts: &[&'a BgpAdvert],
    ) -> Result<Arc<Tellers>, Reason> {
        if !service.endpoints.any_serving() {
            return Err(Reason::NoEndpoints);
        }
        let offer = self.offers.of(adverts, Family::of(address))?;
        if service.view.policy == TrafficPolicy::Cluster {
            return Ok(offer.clone());
        }
        let has_ready = |node: &NodeName| service.endpoints.ready_on(node) > 0;
        let any_ready = offer.keys().any(has_ready);
        let tells = |node: &&NodeName| match any_ready {
            true => has_ready(node),
            false => service.endpoints.serving_on(node),
        };
        let local = offer.keys().filter(tells);
        let local: Tellers = local.map(|node| (node.clone(), offer[node].clone())).collect();
        match local.is_empty() {
            true => Err(Reason::NoEndpointBehindPeers),
            false => Ok(Arc::new(local)),
        }
    }
}

fn unite(known: &mut Arc<Tellers>, more: &Arc<Tellers>) {
    if Arc::ptr_eq(known, more) {
        return;
    }
    let known = Arc::make_mut(known);
    for (node, peers) in &**more {
        known
            .entry(node.clone())
            .or_default()
            .extend(peers.iter().cloned());
    }
}

#[cfg(test)]
mod tests;
