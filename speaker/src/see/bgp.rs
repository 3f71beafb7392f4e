//! What the cluster says of BGP, with what is wrong in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_crds::api::{BFDProfile, BGPAdvertisement, BGPPeer, Community, IPAddressPool};
use ferrolb_crds::domain::{
    Aliases, BfdProfile, BgpAdvert, BgpPeer, Invalid, PeerName, aliases, all_aliases,
};
use ferrolb_runtime::ready::Readiness;
use ferrolb_runtime::reflect::{Entry, ObjectKey, Parsed, Problem, Reflection, Reports, Watch};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Client, Resource, ResourceExt};

use crate::routes::Policy;

/// The objects of BGP.
pub(crate) struct BgpStores {
    pub(crate) peers: Reflection<BGPPeer>,
    pub(crate) profiles: Reflection<BFDProfile>,
    pub(crate) adverts: Reflection<BGPAdvertisement>,
    pub(crate) communities: Reflection<Community>,
}

impl BgpStores {
    /// Starts the watches, which `listed` waits for and nothing else: layer 2 does not depend on them, and in a cluster that
    /// does not know these kinds yet they never list anything.
    pub(crate) fn watch(client: &Client, namespace: &str, reports: &Reports, listed: &Readiness) -> Self {
        let reports = Reports {
            readiness: listed.clone(),
            ..reports.clone()
        };
        Self {
            peers: Watch::namespace(client.clone(), namespace).start(&reports),
            profiles: Watch::namespace(client.clone(), namespace).start(&reports),
            adverts: Watch::namespace(client.clone(), namespace).start(&reports),
            communities: Watch::namespace(client.clone(), namespace).start(&reports),
        }
    }
}

/// Reads the stores; of what did not change nothing is read again.
#[derive(Default)]
pub(super) struct BgpReader {
    peers: Parsed<BGPPeer, BgpPeer>,
    profiles: Parsed<BFDProfile, BfdProfile>,
    adverts: Parsed<BGPAdvertisement, BgpAdvert>,
    communities: Parsed<Community, (Aliases, Vec<Invalid>)>,
    versions: Option<[u64; 5]>,
    doubts: Vec<Problem>,
    pub(super) policy: Policy,
    /// The objects of the peers, for events about them.
    pub(super) references: Arc<BTreeMap<PeerName, ObjectReference>>,
}

impl BgpReader {
    pub(super) fn follow(&mut self, stores: &BgpStores, pools: &Reflection<IPAddressPool>) {
        let versions = [
            stores.peers.version(),
            stores.profiles.version(),
            stores.adverts.version(),
            stores.communities.version(),
            pools.version(),
        ];
        if self.versions.replace(versions) == Some(versions) {
            return;
        }
        if self.peers.read(&stores.peers, BgpPeer::parse) {
            let by_name = |peer: &BgpPeer| (peer.name.clone(), peer.clone());
            self.policy.peers = Arc::new(self.peers.values().map(by_name).collect());
        }
        let reference =
            |(object, peer): (&Arc<BGPPeer>, &BgpPeer)| (peer.name.clone(), object.object_ref(&()));
        self.references = Arc::new(self.peers.objects().map(reference).collect());
        if self.profiles.read(&stores.profiles, BfdProfile::parse) {
            let by_name = |profile: &BfdProfile| (profile.name.clone(), profile.clone());
            self.policy.profiles = Arc::new(self.profiles.values().map(by_name).collect());
        }
        if self.adverts.read(&stores.adverts, BgpAdvert::parse) {
            let by_name = |advert: &BgpAdvert| (advert.name.clone(), advert.clone());
            self.policy.adverts = Arc::new(self.adverts.values().map(by_name).collect());
        }
        self.doubts.clear();
        let renamed = self.communities.read_all(&stores.communities, aliases);
        let all = self.communities.objects();
        let (names, twice) = all_aliases(all.map(|(object, (aliases, _))| (&**object, aliases)));
        if renamed {
            self.policy.aliases = Arc::new(names);
        }
        for (object, (_, wrong)) in self.communities.objects() {
            self.doubts
                .extend(wrong.iter().map(|wrong| Problem::of(&**object, wrong)));
            let name = object.name_any();
            let twice = twice.iter().filter(|(of, _)| *of == name);
            self.doubts
                .extend(twice.map(|(_, why)| Problem::of(&**object, why)));
        }
        self.doubt_adverts(stores, pools);
        self.doubt_profiles(stores);
    }

    /// Fields without effect, and names of profiles that do not exist: the session is held without BFD.
    fn doubt_profiles(&mut self, stores: &BgpStores) {
        for (object, profile) in self.profiles.objects() {
            self.doubts
                .extend(profile.unmet.iter().map(|unmet| Problem::of(&**object, unmet)));
        }
        let profiles = stores.profiles.snapshot();
        for (object, peer) in self.peers.objects() {
            let namespace = object.namespace().unwrap_or_default();
            let is_there = |name: &str| profiles.contains_key(&ObjectKey::new(&*namespace, name));
            let unknown = peer.unknown_profile(is_there);
            self.doubts
                .extend(unknown.iter().map(|doubt| Problem::of(&**object, doubt)));
        }
    }

    /// Names in advertisements that name nothing. A pool or a peer that cannot be used is there all the same.
    fn doubt_adverts(&mut self, stores: &BgpStores, pools: &Reflection<IPAddressPool>) {
        let (pools, peers) = (pools.snapshot(), stores.peers.snapshot());
        for (object, advert) in self.adverts.objects() {
            let namespace = object.namespace().unwrap_or_default();
            let key = |name: &str| ObjectKey::new(&*namespace, name);
            let (is_pool, is_peer) = (
                |name: &str| pools.contains_key(&key(name)),
                |name: &str| peers.contains_key(&key(name)),
            );
            let unknown = BgpAdvert::unknown(object, is_pool, is_peer);
            self.doubts
                .extend(unknown.map(|doubt| Problem::of(&**object, doubt)));
            let (_, wrong) = advert.read_communities(&self.policy.aliases);
            self.doubts
                .extend(wrong.iter().map(|wrong| Problem::of(&**object, wrong)));
        }
    }

    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        let of_objects = self.peers.problems().chain(self.profiles.problems());
        let of_objects = of_objects.chain(self.adverts.problems());
        of_objects.chain(self.communities.problems()).chain(&self.doubts)
    }

    /// The problem of an advertisement that was found with others.
    pub(super) fn problem_of_advert(stores: &BgpStores, name: &str, message: String) -> Option<Problem> {
        let snapshot = stores.adverts.snapshot();
        let mut objects = snapshot.values().filter_map(Entry::object);
        let object = objects.find(|object| object.name_any() == name)?;
        Some(Problem::of(&**object, message))
    }
}
