//! What each peer of this node is told, put together from many advertisements.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use ferrolb_crds::domain::{BgpAdvert, BgpAdvertName, BgpPeer, Community, Family, PeerName};
use ferrolb_peering::Prefix;
use ferrolb_peering::bgp::{self, Attributes, Bandwidth, Communities, LargeCommunity};
use k8s_openapi::jiff::Timestamp;

use super::{Policy, Table};

/// An advertisement whose `localPref` does not count for a prefix.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Conflict {
    /// The advertisement.
    pub advert: BgpAdvertName,
    /// What it says.
    pub local_pref: u32,
    /// The older one, which counts.
    pub other: BgpAdvertName,
    /// What that says.
    pub counts: u32,
    /// The first prefix that both tell.
    pub prefix: Prefix,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "spec.localPref: {} does not count for {}: BGPAdvertisement {}, which is older, says {}",
            self.local_pref, self.prefix, self.other, self.counts
        )
    }
}

/// The tables in the making.
pub(super) struct Tables<'a> {
    policy: &'a Policy,
    by_peer: BTreeMap<&'a PeerName, (&'a BgpPeer, BTreeMap<Prefix, Said<'a>>)>,
    communities: BTreeMap<&'a BgpAdvertName, Communities>,
}

/// What the advertisements say of a prefix.
#[derive(Default)]
struct Said<'a> {
    by: BTreeMap<(Age, &'a BgpAdvertName), &'a BgpAdvert>,
    /// Ready endpoints of this node behind it, if one of them asks for that to be said.
    weight: Option<usize>,
}

/// Older is less; an object that was not made yet is the youngest.
type Age = (bool, Option<Timestamp>);

impl<'a> Tables<'a> {
    pub(super) fn new(policy: &'a Policy, peers: impl Iterator<Item = &'a BgpPeer>) -> Self {
        Self {
            policy,
            by_peer: peers.map(|peer| (&peer.name, (peer, BTreeMap::new()))).collect(),
            communities: BTreeMap::new(),
        }
    }

    /// Tells of the address by these advertisements, with so many endpoints of this node behind it.
    pub(super) fn tell(&mut self, adverts: &[&'a BgpAdvert], address: IpAddr, endpoints: Option<usize>) {
        let family = Family::of(address);
        for (peer, table) in self.by_peer.values_mut() {
            let of_peer = |advert: &&&BgpAdvert| advert.names_peer(&peer.name) && peer.carries(family);
            let mut weighed = BTreeSet::new();
            for advert in adverts.iter().filter(of_peer) {
                let Some(prefix) = prefix(advert, address) else {
                    continue;
                };
                let said = table.entry(prefix).or_default();
                said.by.insert((age(advert), &advert.name), advert);
                // Each address counts once, however many advertisements tell of it.
                if let (true, Some(endpoints)) = (advert.weighs && weighed.insert(prefix), endpoints) {
                    *said.weight.get_or_insert_default() += endpoints;
                }
            }
        }
    }

    /// The tables, and what of the advertisements does not count.
    pub(super) fn told(mut self) -> (BTreeMap<PeerName, Table>, BTreeSet<Conflict>) {
        let mut conflicts = BTreeMap::new();
        let by_peer = std::mem::take(&mut self.by_peer);
        let table = |(name, (_, said)): (&PeerName, (_, BTreeMap<Prefix, Said<'a>>))| {
            let attributes = |(prefix, said): (Prefix, Said<'a>)| {
                for conflict in said.conflicts(prefix) {
                    let key = (conflict.advert.clone(), conflict.other.clone());
                    conflicts.entry(key).or_insert(conflict);
                }
                (prefix, self.attributes(&said))
            };
            (name.clone(), said.into_iter().map(attributes).collect())
        };
        let tables = by_peer.into_iter().map(table).collect();
        (tables, conflicts.into_values().collect())
    }

    fn attributes(&mut self, said: &Said<'a>) -> Attributes {
        let mut communities = Communities {
            bandwidth: said
                .weight
                .map(|weight| Bandwidth::of_weight(u32::try_from(weight).unwrap_or(u32::MAX))),
            ..Communities::default()
        };
        for advert in said.by.values() {
            let aliases = &self.policy.aliases;
            let of_advert = self.communities.entry(&advert.name);
            let more = of_advert.or_insert_with(|| as_told(advert.read_communities(aliases).0));
            communities.standard.extend(&more.standard);
            communities.large.extend(&more.large);
        }
        Attributes {
            local_pref: said.local_pref().map(|(_, counts)| counts),
            communities,
        }
    }
}

impl<'a> Said<'a> {
    fn prefs(&self) -> impl Iterator<Item = (&'a BgpAdvertName, u32)> {
        self.by
            .values()
            .filter_map(|advert| Some((&advert.name, advert.local_pref?)))
    }

    fn local_pref(&self) -> Option<(&'a BgpAdvertName, u32)> {
        self.prefs().next()
    }

    fn conflicts(&self, prefix: Prefix) -> impl Iterator<Item = Conflict> {
        let first = self.local_pref();
        let others = self
            .prefs()
            .filter(move |(_, pref)| first.is_some_and(|(_, counts)| *pref != counts));
        others.filter_map(move |(name, pref)| {
            let (other, counts) = first?;
            Some(Conflict {
                advert: name.clone(),
                local_pref: pref,
                other: other.clone(),
                counts,
                prefix,
            })
        })
    }
}

fn age(advert: &BgpAdvert) -> Age {
    (advert.created.is_none(), advert.created)
}

/// None is impossible: the advertisement has a length that fits the family.
fn prefix(advert: &BgpAdvert, address: IpAddr) -> Option<Prefix> {
    let network = advert.prefix(address);
    Prefix::new(network.network(), network.prefix()).ok()
}

fn as_told(communities: BTreeSet<Community>) -> Communities {
    let mut told = Communities::default();
    for community in communities {
        match community {
            Community::Standard(high, low) => drop(told.standard.insert(bgp::Community(high, low))),
            Community::Large(global, one, two) => drop(told.large.insert(LargeCommunity(global, one, two))),
        }
    }
    told
}
