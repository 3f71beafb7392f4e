//! Which nodes may tell what advertisements select, local endpoints aside: the same for many addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::domain::{BgpAdvert, BgpAdvertName, BgpPeer, Family, Node, NodeName, PeerName, Reason};

use super::{Policy, Tellers};
use crate::may::{Exclusion, View};

/// What was found so far, by advertisements and family.
pub(super) struct Offers<'a> {
    view: &'a View,
    policy: &'a Policy,
    exclusion: Exclusion,
    known: BTreeMap<Asked<'a>, Result<Arc<Tellers>, Reason>>,
}

/// By which advertisements addresses of which family are told.
type Asked<'a> = (Vec<&'a BgpAdvertName>, Family);

impl<'a> Offers<'a> {
    pub(super) fn new(view: &'a View, policy: &'a Policy) -> Self {
        Self {
            view,
            policy,
            exclusion: view.exclusion(),
            known: BTreeMap::new(),
        }
    }

    /// The nodes that may tell addresses of this family by these advertisements, and whom; or why none may.
    pub(super) fn of(&mut self, adverts: &[&'a BgpAdvert], family: Family) -> Result<Arc<Tellers>, Reason> {
        let names = adverts.iter().map(|advert| &advert.name).collect();
        if let Some(known) = self.known.get(&(names, family)) {
            return known.clone();
        }
        let names = adverts.iter().map(|advert| &advert.name).collect();
        let found = self.find(adverts, family);
        self.known.insert((names, family), found.clone());
        found
    }

    /// Whether the advertisement speaks of the node.
    pub(super) fn selects(&self, advert: &BgpAdvert, node: &NodeName) -> bool {
        let node = self.view.nodes.get(node);
        node.is_some_and(|node| advert.selection.selects_node(&node.labels))
    }

    fn find(&self, adverts: &[&BgpAdvert], family: Family) -> Result<Arc<Tellers>, Reason> {
        let named = |peer: &&BgpPeer| adverts.iter().any(|advert| advert.names_peer(&peer.name));
        let (carrying, others): (Vec<&BgpPeer>, Vec<&BgpPeer>) = self
            .policy
            .peers
            .values()
            .filter(named)
            .partition(|peer| peer.carries(family));
        if carrying.is_empty() {
            return Err(match others.is_empty() {
                true => Reason::NoPeer,
                false => Reason::FamilyNotCarried {
                    family: family.to_string(),
                    peers: others.iter().map(|peer| peer.name.clone()).collect(),
                },
            });
        }
        let mut refused = BTreeMap::new();
        let mut tellers = Tellers::new();
        for (name, node) in &*self.view.nodes {
            match self.peers_of(node, adverts, &carrying) {
                Ok(peers) => drop(tellers.insert(name.clone(), peers)),
                Err(why) => drop(refused.insert(name.clone(), why)),
            }
        }
        match (tellers.is_empty(), refused.is_empty()) {
            (false, _) => Ok(Arc::new(tellers)),
            (true, true) => Err(Reason::NoNodes),
            (true, false) => Err(Reason::NoEligibleNode(Arc::new(refused))),
        }
    }

    fn peers_of(
        &self,
        node: &Node,
        adverts: &[&BgpAdvert],
        peers: &[&BgpPeer],
    ) -> Result<BTreeSet<PeerName>, Reason> {
        let selecting = adverts
            .iter()
            .filter(|advert| advert.selection.selects_node(&node.labels));
        let selecting: Vec<&&BgpAdvert> = selecting.collect();
        if selecting.is_empty() {
            return Err(Reason::NotSelectedForBgp);
        }
        if self.exclusion == Exclusion::Applies && node.excluded() {
            return Err(Reason::Excluded);
        }
        if node.network_unavailable {
            return Err(Reason::NetworkUnavailable);
        }
        let told = peers.iter().filter(|peer| {
            peer.selects_node(&node.labels) && selecting.iter().any(|advert| advert.names_peer(&peer.name))
        });
        let told: BTreeSet<PeerName> = told.map(|peer| peer.name.clone()).collect();
        match told.is_empty() {
            true => Err(Reason::NoPeerHere),
            false => Ok(told),
        }
    }
}
