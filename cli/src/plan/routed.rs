//! What routers would be told by BGP: as the speakers decide, for every node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::api::{BFDProfile, IPAddressPool};
use ferrolb_crds::domain::{
    self, BfdProfile, BgpAdvert, BgpPeer, Invalid, NodeName, PeerName, Reason, aliases, all_aliases,
};
use ferrolb_speaker::may::View;
use ferrolb_speaker::routes::{Policy, Routes, Tellers, routes};
use kube::{Resource, ResourceExt};
use serde::Serialize;

use super::report;
use crate::objects::{BgpObjects, id, parse_all};
use crate::problem::Problem;

/// A prefix that a peer is told alike by these nodes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Route {
    pub(crate) prefix: String,
    pub(crate) peer: PeerName,
    pub(crate) nodes: Vec<NodeName>,
    /// For peers of our own AS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) local_pref: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) communities: Vec<String>,
    /// Ready endpoints behind it on each of these nodes, where that is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<u32>,
}

/// What becomes of one address by BGP.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Told {
    pub(crate) nodes: Vec<NodeName>,
    pub(crate) peers: Vec<PeerName>,
    pub(crate) refused: Option<report::Reason>,
}

/// What becomes of all addresses.
#[derive(Debug, Default)]
pub(crate) struct Routed {
    pub(crate) routes: Vec<Route>,
    policy: Policy,
    fates: BTreeMap<IpAddr, Result<Arc<Tellers>, Reason>>,
}

impl Routed {
    /// Decides as the speakers of all nodes would, and says what is wrong with the objects.
    pub(crate) fn of(
        objects: &BgpObjects,
        pools: &[IPAddressPool],
        view: &View,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let policy = policy(objects, pools, problems);
        let mut routed = Self::default();
        let mut nodes_by_route: BTreeMap<Route, Vec<NodeName>> = BTreeMap::new();
        for node in view.nodes.keys() {
            let Routes {
                tables,
                fates,
                conflicts,
            } = routes(view, &policy, node);
            for (peer, table) in tables {
                for (prefix, attributes) in table {
                    let standard = attributes.communities.standard.iter();
                    let standard = standard.map(|one| domain::Community::Standard(one.0, one.1));
                    let large = attributes.communities.large.iter();
                    let large = large.map(|one| domain::Community::Large(one.0, one.1, one.2));
                    let route = Route {
                        prefix: prefix.to_string(),
                        peer: peer.clone(),
                        nodes: Vec::new(),
                        local_pref: attributes.local_pref,
                        communities: standard.chain(large).map(|one| one.to_string()).collect(),
                        weight: attributes.communities.weight(),
                    };
                    nodes_by_route.entry(route).or_default().push(node.clone());
                }
            }
            let adverts = &objects.adverts;
            problems.extend(conflicts.iter().filter_map(|conflict| {
                let object = adverts
                    .iter()
                    .find(|one| one.name_any() == conflict.advert.as_str())?;
                Some(Problem::new(id(object), conflict))
            }));
            routed.fates = fates;
        }
        routed.policy = policy;
        let with_nodes = |(route, nodes)| Route { nodes, ..route };
        routed.routes = nodes_by_route.into_iter().map(with_nodes).collect();
        routed
    }

    /// The valid advertisements of BGP.
    pub(crate) fn adverts(&self) -> impl Iterator<Item = &BgpAdvert> {
        self.policy.adverts.values()
    }

    /// The nodes that tell an address, or why none does; none if no BGPAdvertisement asks for it.
    pub(crate) fn fate(&self, address: IpAddr) -> Option<&Result<Arc<Tellers>, Reason>> {
        self.fates.get(&address)
    }

    /// The same, to be shown.
    pub(crate) fn told(&self, address: IpAddr) -> Option<Told> {
        Some(match self.fate(address)? {
            Ok(tellers) => {
                let peers: BTreeSet<PeerName> = tellers.values().flatten().cloned().collect();
                Told {
                    nodes: tellers.keys().cloned().collect(),
                    peers: peers.into_iter().collect(),
                    refused: None,
                }
            }
            Err(why) => Told {
                refused: Some(why.into()),
                ..Told::default()
            },
        })
    }
}

/// What the speakers make of the objects; what they would report becomes problems.
fn policy(objects: &BgpObjects, pools: &[IPAddressPool], problems: &mut Vec<Problem>) -> Policy {
    let mut said = Vec::new();
    let peers = parse_all(&objects.peers, BgpPeer::parse, &mut said);
    let profiles = parse_all(&objects.profiles, BfdProfile::parse, &mut said);
    let adverts = parse_all(&objects.adverts, BgpAdvert::parse, &mut said);
    let read: Vec<_> = objects
        .communities
        .iter()
        .map(|one| (one, aliases(one)))
        .collect();
    let (names, twice) = all_aliases(read.iter().map(|(one, (names, _))| (*one, names)));
    for (object, (_, wrong)) in &read {
        let twice = twice.iter().filter(|(of, _)| *of == object.name_any());
        let wrong = wrong.iter().chain(twice.map(|(_, why)| why));
        said.extend(wrong.map(|why| Problem::new(id(*object), why)));
    }
    let is_pool = |name: &str| pools.iter().any(|one| one.name_any() == name);
    let is_peer = |name: &str| objects.peers.iter().any(|one| one.name_any() == name);
    for object in &objects.adverts {
        let unknown = BgpAdvert::unknown(object, is_pool, is_peer);
        said.extend(unknown.map(|why| Problem::new(id(object), why)));
    }
    for advert in &adverts {
        let (_, wrong) = advert.read_communities(&names);
        said.extend(doubts(&objects.adverts, advert.name.as_str(), &wrong));
    }
    for profile in &profiles {
        said.extend(doubts(&objects.profiles, profile.name.as_str(), &profile.unmet));
    }
    for peer in &peers {
        let missing = peer.unknown_profile(|name| is_there(&objects.profiles, name));
        said.extend(doubts(&objects.peers, peer.name.as_str(), missing.as_slice()));
    }
    problems.extend(said);
    Policy {
        peers: Arc::new(peers.into_iter().map(|one| (one.name.clone(), one)).collect()),
        profiles: Arc::new(profiles.into_iter().map(|one| (one.name.clone(), one)).collect()),
        adverts: Arc::new(adverts.into_iter().map(|one| (one.name.clone(), one)).collect()),
        aliases: Arc::new(names),
    }
}

fn is_there(profiles: &[BFDProfile], name: &str) -> bool {
    profiles.iter().any(|one| one.name_any() == name)
}

fn doubts<K: Resource<DynamicType = ()>>(objects: &[K], name: &str, doubts: &[Invalid]) -> Vec<Problem> {
    let object = objects.iter().find(|one| one.name_any() == name);
    let problems = object.map(|object| doubts.iter().map(|why| Problem::new(id(object), why)).collect());
    problems.unwrap_or_default()
}
