//! Stores → one view, with what is wrong in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_crds::api::{ConfigurationState, IPAddressPool, L2Advertisement, core};
use ferrolb_crds::domain::{
    Advert, AdvertName, Node, NodeLinks, NodeName, PeerName, Pool, Pools, ServiceKey, Sessions,
    sessions_of_state,
};
use ferrolb_runtime::reflect::{Entry, Parsed, Problem};
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference, Secret};
use kube::ResourceExt;
use tokio::time::Instant;

use super::bgp::BgpReader;
use super::exclude::{CONFIG_MAP, ExcludeList};
use super::services::Services;
use super::watch::Stores;
use crate::layer2::keys;
use crate::may::{Options, View};
use crate::routes::{Conflict, Policy, SessionsByNode};
use crate::tell::condition::Shown;
use crate::tell::l2_status::{Seen, in_order};

/// The cluster at one moment. What did not change since the last one is the same [`Arc`].
pub(crate) struct Snapshot {
    pub(crate) view: View,
    /// The load balancers among the Services, and those that were until their condition is gone.
    pub(crate) shown: Arc<BTreeMap<ServiceKey, Arc<Shown>>>,
    /// In order of their Services.
    pub(crate) statuses: Arc<Vec<Arc<Seen>>>,
    pub(crate) exclude: Arc<ExcludeList>,
    /// Objects that are skipped in whole or in part, and why.
    pub(crate) problems: Vec<Problem>,
    /// What the cluster says of BGP.
    pub(crate) policy: Policy,
    /// The objects of the peers.
    pub(crate) peers: Arc<BTreeMap<PeerName, ObjectReference>>,
    /// The BGP sessions that are up, as speakers tell.
    pub(crate) sessions: Arc<SessionsByNode>,
    /// The Secret with the key of the speakers' protocol.
    pub(crate) secret: Option<Arc<Secret>>,
}

impl Snapshot {
    /// Whether both show the same, the Secret aside.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.view.is(&other.view)
            && Arc::ptr_eq(&self.shown, &other.shown)
            && Arc::ptr_eq(&self.statuses, &other.statuses)
            && Arc::ptr_eq(&self.exclude, &other.exclude)
            && self.problems == other.problems
            && self.policy.is(&other.policy)
            && Arc::ptr_eq(&self.sessions, &other.sessions)
    }
}

/// What the state of a speaker tells: of its links, and of its sessions.
type Told = (Option<(NodeName, NodeLinks)>, Option<(NodeName, Sessions)>);

/// Reads snapshots; remembers what it read of what did not change since.
#[derive(Default)]
pub(crate) struct Reader {
    services: Services,
    pools: Parsed<IPAddressPool, Pool>,
    overlaps: Vec<Problem>,
    adverts: Parsed<L2Advertisement, Advert>,
    nodes: Parsed<core::Node, (NodeName, Node)>,
    states: Parsed<ConfigurationState, Told>,
    sessions: Arc<SessionsByNode>,
    bgp: BgpReader,
    /// The version of the statuses that were seen.
    statuses: Option<u64>,
    config_maps: Parsed<ConfigMap, (ExcludeList, Vec<String>)>,
    secrets: Parsed<Secret, ()>,
    view: View,
    seen: Arc<Vec<Arc<Seen>>>,
    exclude: Arc<ExcludeList>,
}

impl Reader {
    /// A reader for a speaker with these options.
    pub(crate) fn new(options: Options) -> Self {
        Self {
            view: View {
                options,
                ..View::default()
            },
            ..Self::default()
        }
    }

    /// The cluster as the stores show it at this time.
    pub(crate) fn read(&mut self, stores: &Stores, now: Instant) -> Snapshot {
        self.services.follow(&stores.services, &stores.slices, now);
        self.view.services = self.services.services.clone();
        self.read_pools(stores);
        if self.adverts.read(&stores.adverts, Advert::parse) {
            let by_name = |advert: &Advert| -> (AdvertName, Advert) { (advert.name.clone(), advert.clone()) };
            self.view.adverts = Arc::new(self.adverts.values().map(by_name).collect());
        }
        self.read_nodes(stores);
        self.bgp.follow(&stores.bgp, &stores.pools);
        let (version, statuses) = stores.statuses.versioned();
        if self.statuses.replace(version) != Some(version) {
            let seen = statuses.values().filter_map(Entry::object).cloned();
            self.seen = Arc::new(in_order(seen));
        }
        if self.config_maps.read_all(&stores.config_maps, ExcludeList::read) {
            self.exclude = Arc::new(self.exclude_list().cloned().unwrap_or_default());
        }
        self.secrets.read_all(&stores.secrets, |_| ());
        Snapshot {
            view: self.view.clone(),
            shown: self.services.shown.clone(),
            statuses: self.seen.clone(),
            exclude: self.exclude.clone(),
            problems: self.problems(),
            policy: self.bgp.policy.clone(),
            peers: self.bgp.references.clone(),
            sessions: self.sessions.clone(),
            secret: self.secret().cloned(),
        }
    }

    /// When the cluster looks different although nothing changes.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.services.next()
    }

    /// Conflicts between advertisements, as problems of theirs.
    pub(crate) fn conflicts<'a>(
        stores: &'a Stores,
        conflicts: impl IntoIterator<Item = &'a Conflict>,
    ) -> Vec<Problem> {
        let problem =
            |one: &Conflict| BgpReader::problem_of_advert(&stores.bgp, one.advert.as_str(), one.to_string());
        conflicts.into_iter().filter_map(problem).collect()
    }

    fn read_pools(&mut self, stores: &Stores) {
        if !self.pools.read_all(&stores.pools, Pool::read) {
            return;
        }
        let (pools, problems) = Pools::new(self.pools.values().cloned());
        self.overlaps = self.pools.problems_of(problems, |pool| &pool.name);
        self.view.pools = Arc::new(pools);
    }

    /// The state of a speaker goes with its Pod; what it told of its node stays true for as long as there is the node.
    fn read_nodes(&mut self, stores: &Stores) {
        let nodes = self.nodes.read_all(&stores.nodes, Node::read);
        let states = self.states.read_all(&stores.states, |state| {
            (NodeLinks::of_state(state), sessions_of_state(state))
        });
        if nodes {
            self.view.nodes = Arc::new(self.nodes.values().cloned().collect());
        }
        if nodes || states {
            let mut links = (*self.view.links).clone();
            links.extend(self.states.values().filter_map(|(links, _)| links.clone()));
            links.retain(|node, _| self.view.nodes.contains_key(node));
            if *self.view.links != links {
                self.view.links = Arc::new(links);
            }
        }
        if states {
            let sessions = self.states.values().filter_map(|(_, sessions)| sessions.clone());
            let sessions: SessionsByNode = sessions.collect();
            if *self.sessions != sessions {
                self.sessions = Arc::new(sessions);
            }
        }
    }

    fn secret(&self) -> Option<&Arc<Secret>> {
        self.secrets.objects().next().map(|(secret, ())| secret)
    }

    fn exclude_list(&self) -> Option<&ExcludeList> {
        let mut lists = self.config_maps.objects();
        let (_, (list, _)) = lists.find(|(object, _)| object.name_any() == CONFIG_MAP)?;
        Some(list)
    }

    fn problems(&self) -> Vec<Problem> {
        let patterns = self.config_maps.objects().flat_map(|(object, (_, messages))| {
            messages.iter().map(|message| Problem::of(&**object, message))
        });
        let of_objects = self.pools.problems().chain(&self.overlaps);
        let of_objects = of_objects.chain(self.services.problems());
        let of_objects = of_objects.chain(self.adverts.problems());
        let of_objects = of_objects.chain(self.nodes.problems());
        let of_objects = of_objects.chain(self.config_maps.problems());
        let of_objects = of_objects.chain(self.secrets.problems());
        let of_objects = of_objects.chain(self.bgp.problems());
        let key = keys::problem(self.secret().map(|secret| &**secret));
        of_objects.cloned().chain(patterns).chain(key).collect()
    }
}

#[cfg(test)]
mod tests;
