//! Stores → one world, with what is wrong in it.

use std::collections::{BTreeMap, BTreeSet};
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
    /// What is skipped in whole or in part, each in a line.
    pub(crate) fn invalid(&self) -> BTreeSet<String> {
        let invalid = self.faults.iter().filter(|fault| fault.weight == Weight::Invalid);
        invalid.map(ToString::to_string).collect()
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

/// What is wrong with an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) object: ObjectReference,
    pub(crate) message: String,
    pub(crate) weight: Weight,
}

/// What a fault leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Weight {
    /// The object is skipped in whole or in part.
    Invalid,
    /// It is used as it is, and probably meant otherwise.
    Doubtful,
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
        let relevant = || self.views.iter().filter(|(_, cached)| cached.is_relevant());
        let world = World {
            services: relevant()
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
        let services = relevant()
            .map(|(key, cached)| (key.clone(), cached.seen.clone()))
            .collect();
        Snapshot {
            world,
            services,
            pools: seen_pools,
            faults,
        }
    }

    /// All Services. What is known is in the order of names, as the objects are.
    fn cached(&mut self, services: &Reflection<Service>) -> BTreeMap<ServiceKey, Cached> {
        let mut known = std::mem::take(&mut self.views).into_iter().peekable();
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
            let same = known.next_if(|(_, cached)| Arc::ptr_eq(&cached.seen.object, object));
            same.unwrap_or_else(|| {
                let key = ServiceKey::new(place.0, place.1);
                (key, Cached::read(object))
            })
        });
        cached.collect()
    }
}

impl Cached {
    /// Whether it is a load balancer, or carries what we left on it when it was.
    fn is_relevant(&self) -> bool {
        self.view.class != ServiceClass::NotLoadBalancer || self.seen.observed.has_traces()
    }

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
            weight: Weight::Invalid,
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
                    weight: Weight::Invalid,
                });
            }
            Entry::Object(object) => match parse(object) {
                Ok(value) => valid.push((object.clone(), value)),
                Err(invalid) => {
                    faults.push(Fault {
                        object: object.object_ref(&()),
                        message: invalid.to_string(),
                        weight: Weight::Invalid,
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
            weight: Weight::Doubtful,
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
