//! What each peer of this node is told, put together from many advertisements.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use ferrolb_crds::domain::{BgpAdvert, BgpAdvertName, BgpPeer, Community, Family, PeerName};
use ferrolb_peering::Prefix;
use ferrolb_peering::bgp::{self, Attributes, Communities, LargeCommunity};
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
struct Said<'a>(BTreeMap<(Age, &'a BgpAdvertName), &'a BgpAdvert>);

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

    /// Tells of the address by the advertisement.
    pub(super) fn tell(&mut self, advert: &'a BgpAdvert, address: IpAddr) {
        let Some(prefix) = prefix(advert, address) else {
            return;
        };
        let family = Family::of(address);
        for (peer, table) in self.by_peer.values_mut() {
            if advert.names_peer(&peer.name) && peer.carries(family) {
                let said = table.entry(prefix).or_default();
                said.0.insert((age(advert), &advert.name), advert);
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
        let mut communities = Communities::default();
        for advert in said.0.values() {
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
        self.0
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
