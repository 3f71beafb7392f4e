//! Stores → one world, with what is wrong in it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::api::core::Service;
use ferrolb_crds::api::{IPAddressPoolStatus, L2Advertisement};
use ferrolb_crds::domain::{Advert, Node, NodeName, PoolName, ServiceClass, ServiceKey, ServiceView};
use ferrolb_runtime::reflect::{Entry, Parsed, Problem, Reflection};
use k8s_openapi::api::core::v1::ObjectReference;

use crate::alloc::{
    World, addresses_of, addresses_of_odd, api_server_of, doubts, held_by_odd, labels_of, subnets_of,
};
use crate::observed::Observed;
use crate::pending::Pending;
use crate::watch::Stores;
use adverts::NamingNoPool;
use pools::ReadPools;
use unreadable::Unreadable;

mod adverts;
mod pools;
mod unreadable;

/// The cluster at one moment.
pub(crate) struct Snapshot {
    pub(crate) world: World,
    pub(crate) services: BTreeMap<ServiceKey, Seen>,
    pub(crate) pools: BTreeMap<PoolName, SeenPool>,
    /// Services of other classes that still bear what we wrote when they were ours.
    pub(crate) left: BTreeSet<ServiceKey>,
    /// What is skipped in whole or in part.
    pub(crate) invalid: Vec<Problem>,
    /// What is used as it is, and probably meant otherwise.
    pub(crate) doubtful: Vec<Problem>,
}

impl Snapshot {
    /// What is skipped in whole or in part, each in a line.
    pub(crate) fn invalid_in_words(&self) -> BTreeSet<String> {
        self.invalid.iter().map(ToString::to_string).collect()
    }

    /// The resource version of a Service.
    pub(crate) fn version(&self, service: &ServiceKey) -> Option<&str> {
        let seen = self.services.get(service)?;
        Some(seen.observed.resource_version.as_str())
    }
}

/// A Service as the watch shows it.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) object: Arc<Service>,
    pub(crate) observed: Arc<Observed>,
}

/// A valid pool as the watch shows it.
pub(crate) struct SeenPool {
    pub(crate) reference: ObjectReference,
    pub(crate) status: Option<IPAddressPoolStatus>,
}

/// Reads snapshots; remembers what it read of objects that did not change since.
pub(crate) struct Reader {
    class: Option<String>,
    views: BTreeMap<ServiceKey, Cached>,
    pools: ReadPools,
    adverts: Parsed<L2Advertisement, Advert>,
    naming_no_pool: NamingNoPool,
    odd_services: Unreadable,
    odd_nodes: Unreadable,
    odd_namespaces: Unreadable,
}

#[derive(Clone)]
struct Cached {
    seen: Seen,
    view: Arc<ServiceView>,
}

impl Reader {
    pub(crate) fn new(class: Option<String>) -> Self {
        Self {
            class,
            views: BTreeMap::new(),
            pools: ReadPools::default(),
            adverts: Parsed::default(),
            naming_no_pool: NamingNoPool::default(),
            odd_services: Unreadable::default(),
            odd_nodes: Unreadable::default(),
            odd_namespaces: Unreadable::default(),
        }
    }

    /// The world as the stores show it, with writes that they do not show yet.
    pub(crate) fn read(&mut self, stores: &Stores, pending: &Pending) -> Snapshot {
        self.views = self.cached(&stores.services);
        self.pools.read(&stores.pools);
        self.adverts.read(&stores.adverts, Advert::parse);
        self.naming_no_pool.read(&stores.adverts, &stores.pools);
        self.odd_services.read(&stores.services);
        self.odd_nodes.read(&stores.nodes);
        self.odd_namespaces.read(&stores.namespaces);
        let relevant = || self.views.iter().filter(|(_, cached)| cached.is_relevant());
        let world = World {
            services: relevant()
                .map(|(key, cached)| (key.clone(), overlaid(cached, pending)))
                .collect(),
            pools: self.pools.together().clone(),
            namespaces: labels_of(stores.namespaces.snapshot().values().filter_map(object)),
            nodes: self.addresses_of_nodes(stores),
            api_server: api_server_of(stores.api_server.snapshot().values().filter_map(object)),
            subnets: subnets_of(stores.states.snapshot().values().filter_map(object)),
            unreadable: self.odd_services.raw().flat_map(held_by_odd).collect(),
            class: self.class.clone(),
            ..World::default()
        };
        let services = relevant()
            .map(|(key, cached)| (key.clone(), cached.seen.clone()))
            .collect();
        let mut doubtful = self.pools.problems_of(doubts(&world));
        doubtful.extend_from_slice(&self.naming_no_pool.problems);
        Snapshot {
            world,
            services,
            pools: self.pools.seen(),
            left: BTreeSet::new(),
            invalid: self
                .pools
                .problems()
                .chain(self.adverts.problems())
                .chain(self.odd_services.problems())
                .chain(self.odd_nodes.problems())
                .chain(self.odd_namespaces.problems())
                .cloned()
                .collect(),
            doubtful,
        }
    }

    /// The addresses of all nodes, also of those that cannot be read otherwise.
    fn addresses_of_nodes(&self, stores: &Stores) -> BTreeMap<IpAddr, NodeName> {
        let odd = self.odd_nodes.raw().flat_map(addresses_of_odd);
        odd.chain(addresses_of(&read_nodes(stores))).collect()
    }

    /// All Services. What is known is in the order of names, as the objects are. Keys share their namespace, which makes them
    /// cheap to compare.
    fn cached(&mut self, services: &Reflection<Service>) -> BTreeMap<ServiceKey, Cached> {
        let mut known = std::mem::take(&mut self.views).into_iter().peekable();
        let mut namespace = Arc::<str>::default();
        let snapshot = services.snapshot();
        let objects = snapshot
            .iter()
            .filter_map(|(name, entry)| Some((name, entry.object()?)));
        let cached = objects.map(|(name, object)| {
            let place = (&*name.namespace, &*name.name);
            while known
                .next_if(|(key, _)| (&*key.namespace, &*key.name) < place)
                .is_some()
            {}
            let before = known.next_if(|(key, _)| (&*key.namespace, &*key.name) == place);
            let (key, cached) = match before {
                Some((key, cached)) if Arc::ptr_eq(&cached.seen.object, object) => (key, cached),
                Some((key, _)) => (key.clone(), Cached::read(key, object)),
                None => {
                    if namespace != name.namespace {
                        namespace = name.namespace.clone();
                    }
                    let key = ServiceKey::new(namespace.clone(), name.name.clone());
                    (key.clone(), Cached::read(key, object))
                }
            };
            namespace = key.namespace.clone();
            (key, cached)
        });
        cached.collect()
    }
}

impl Cached {
    /// Whether it is a load balancer, carries what we left on it when it was, or uses addresses.
    fn is_relevant(&self) -> bool {
        self.view.class != ServiceClass::NotLoadBalancer
            || self.seen.observed.has_traces()
            || !self.view.external_ips.is_empty()
    }

    fn read(key: ServiceKey, object: &Arc<Service>) -> Self {
        let observed = Arc::new(Observed::read(object));
        let view = ServiceView {
            key,
            ..ServiceView::read(object)
        };
        Self {
            seen: Seen {
                object: object.clone(),
                observed,
            },
            view: Arc::new(view),
        }
    }
}

/// The Service with the status that a write gave it which the watch does not show yet.
fn overlaid(cached: &Cached, pending: &Pending) -> Arc<ServiceView> {
    let version = &cached.seen.observed.resource_version;
    match pending.assumed(&cached.view.key, version) {
        None => cached.view.clone(),
        Some(assumed) => Arc::new(ServiceView {
            ingress: assumed.addresses,
            allocated_from: assumed.allocated_from.clone(),
            assigned_since_unix_seconds: cached
                .view
                .assigned_since_unix_seconds
                .filter(|_| !assumed.allocated_from.is_empty()),
            ..(*cached.view).clone()
        }),
    }
}

fn object<K>(entry: &Entry<K>) -> Option<&K> {
    entry.object().map(|object| &**object)
}

fn read_nodes(stores: &Stores) -> BTreeMap<NodeName, Node> {
    let snapshot = stores.nodes.snapshot();
    snapshot.values().filter_map(object).map(Node::read).collect()
}

#[cfg(test)]
mod tests;
