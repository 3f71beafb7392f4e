//! Stores → one world, with what is wrong in it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ferrolb_crds::api::{IPAddressPool, IPAddressPoolStatus};
use ferrolb_crds::domain::{
    Advert, Invalid, Node, NodeName, Pool, PoolName, Pools, ServiceClass, ServiceKey, ServiceView,
};
use ferrolb_runtime::reflect::{Entry, Reflection};
use k8s_openapi::api::core::v1::{ObjectReference, Service};
use kube::{Resource, ResourceExt};

use crate::alloc::World;
use crate::observed::Observed;
use crate::pending::Pending;
use crate::watch::Stores;

/// The cluster at one moment.
pub(crate) struct Snapshot {
    pub(crate) world: World,
    pub(crate) services: BTreeMap<ServiceKey, Seen>,
    pub(crate) pools: BTreeMap<PoolName, SeenPool>,
    pub(crate) faults: Vec<Fault>,
}

impl Snapshot {
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

/// An object that is skipped in whole or in part, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) object: ObjectReference,
    pub(crate) message: String,
}

/// Reads snapshots; remembers what it read of objects that did not change since.
pub(crate) struct Reader {
    class: Option<String>,
    views: BTreeMap<ServiceKey, Cached>,
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
        }
    }

    /// The world as the stores show it, with writes that they do not show yet.
    pub(crate) fn read(&mut self, stores: &Stores, pending: &Pending) -> Snapshot {
        self.views = self.cached(&stores.services);
        let (pools, seen_pools, mut faults) = read_pools(&stores.pools);
        faults.extend(advert_faults(stores));
        let nodes = read_nodes(stores);
        faults.extend(node_addresses_in_pools(&nodes, &pools, &seen_pools));
        let world = World {
            services: self
                .views
                .iter()
                .map(|(key, cached)| (key.clone(), overlaid(cached, pending)))
                .collect(),
            pools,
            namespaces: read_namespaces(stores),
            reserved: nodes
                .values()
                .flat_map(|node| node.addresses.iter().copied())
                .collect(),
            class: self.class.clone(),
            ..World::default()
        };
        let services = self
            .views
            .iter()
            .map(|(key, cached)| (key.clone(), cached.seen.clone()))
            .collect();
        Snapshot {
            world,
            services,
            pools: seen_pools,
            faults,
        }
    }

    /// Load balancers, and Services that carry what we left on them when they were.
    fn cached(&self, services: &Reflection<Service>) -> BTreeMap<ServiceKey, Cached> {
        let snapshot = services.snapshot();
        let objects = snapshot.values().filter_map(Entry::object);
        let relevant = |cached: &Cached| {
            cached.view.class != ServiceClass::NotLoadBalancer || cached.seen.observed.has_traces()
        };
        let cache = objects.map(|object| {
            let key = ServiceKey::new(object.namespace().unwrap_or_default(), object.name_any());
            match self.views.get(&key) {
                Some(known) if Arc::ptr_eq(&known.seen.object, object) => (key, known.clone()),
                _ => (key, Cached::read(object)),
            }
        });
        cache.filter(|(_, cached)| relevant(cached)).collect()
    }
}

impl Cached {
    fn read(object: &Arc<Service>) -> Self {
        let observed = Arc::new(Observed::read(object));
        Self {
            seen: Seen {
                object: object.clone(),
                observed,
            },
            view: Arc::new(ServiceView::read(object)),
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
            ..(*cached.view).clone()
        }),
    }
}

fn read_namespaces(stores: &Stores) -> ferrolb_crds::domain::Namespaces {
    let snapshot = stores.namespaces.snapshot();
    let objects = snapshot.values().filter_map(Entry::object);
    objects
        .map(|namespace| (namespace.name_any(), namespace.labels().clone()))
        .collect()
}

fn read_nodes(stores: &Stores) -> BTreeMap<NodeName, Node> {
    stores
        .nodes
        .snapshot()
        .values()
        .filter_map(Entry::object)
        .map(|node| Node::read(node))
        .collect()
}

fn read_pools(store: &Reflection<IPAddressPool>) -> (Pools, BTreeMap<PoolName, SeenPool>, Vec<Fault>) {
    let (valid, mut faults) = parse_all(store, Pool::parse);
    let seen: BTreeMap<PoolName, SeenPool> = valid
        .iter()
        .map(|(object, pool)| {
            let reference = object.object_ref(&());
            (
                pool.name.clone(),
                SeenPool {
                    reference,
                    status: object.status.clone(),
                },
            )
        })
        .collect();
    let (pools, problems) = Pools::new(valid.into_iter().map(|(_, pool)| pool));
    faults.extend(problems.into_iter().filter_map(|problem| {
        let pool = seen.get(&PoolName::from(problem.object.name.as_str()))?;
        Some(Fault {
            object: pool.reference.clone(),
            message: problem.message,
        })
    }));
    (pools, seen, faults)
}

fn advert_faults(stores: &Stores) -> Vec<Fault> {
    parse_all(&stores.adverts, Advert::parse).1
}

/// Parses every object of a store; one that cannot be decoded or parsed becomes a fault.
fn parse_all<K, T>(
    store: &Reflection<K>,
    parse: impl Fn(&K) -> Result<T, Invalid>,
) -> (Vec<(Arc<K>, T)>, Vec<Fault>)
where
    K: Resource<DynamicType = ()>,
{
    let (mut valid, mut faults) = (Vec::new(), Vec::new());
    for entry in store.snapshot().values() {
        match entry {
            Entry::Problem(problem) => {
                faults.push(Fault {
                    object: problem.object.clone(),
                    message: problem.message.clone(),
                });
            }
            Entry::Object(object) => match parse(object) {
                Ok(value) => valid.push((object.clone(), value)),
                Err(invalid) => {
                    faults.push(Fault {
                        object: object.object_ref(&()),
                        message: invalid.to_string(),
                    });
                }
            },
        }
    }
    (valid, faults)
}

fn node_addresses_in_pools(
    nodes: &BTreeMap<NodeName, Node>,
    pools: &Pools,
    seen: &BTreeMap<PoolName, SeenPool>,
) -> Vec<Fault> {
    let mut found: BTreeMap<&PoolName, Vec<String>> = BTreeMap::new();
    for (name, node) in nodes {
        for address in &node.addresses {
            if let Some(pool) = pools.owner(*address) {
                found
                    .entry(&pool.name)
                    .or_default()
                    .push(format!("{address} of node {name}"));
            }
        }
    }
    let fault = |(pool, addresses): (&PoolName, Vec<String>)| {
        let which = addresses.join(", ");
        let message = format!("spec.addresses: holds {which}; node addresses are given out only on request");
        seen.get(pool).map(|pool| Fault {
            object: pool.reference.clone(),
            message,
        })
    };
    found.into_iter().filter_map(fault).collect()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        write!(
            f,
            "{} {}: {}",
            part(&self.object.kind),
            part(&self.object.name),
            self.message
        )
    }
}
