//! Stores → one view, with what is wrong in it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ferrolb_crds::api::IPAddressPool;
use ferrolb_crds::domain::{
    Advert, Endpoints, Invalid, Node, NodeName, Pool, PoolName, Pools, ServiceClass, ServiceKey, ServiceView,
};
use ferrolb_runtime::reflect::{Entry, ObjectKey, Reflection};
use k8s_openapi::api::core::v1::{ObjectReference, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Resource, ResourceExt};

use crate::condition::{self, Shown};
use crate::election::{Candidate, Liveness, Options, View};
use crate::exclude::{CONFIG_MAP, ExcludeList};
use crate::liveness::{Speaker, liveness};
use crate::report::Seen;
use crate::watch::{SERVICE_NAME, Stores};

/// The cluster at one moment.
pub(crate) struct Snapshot {
    pub(crate) view: View,
    /// The load balancers among the Services, for events about them.
    pub(crate) services: BTreeMap<ServiceKey, ObjectReference>,
    /// The load balancers among the Services, and those that were until their condition is gone.
    pub(crate) shown: BTreeMap<ServiceKey, Shown>,
    pub(crate) statuses: Vec<Seen>,
    pub(crate) exclude: ExcludeList,
    /// Uid of our own Pod, if we run in one.
    pub(crate) pod_uid: Option<String>,
    pub(crate) faults: Vec<Fault>,
    /// The Secret with the key of the speakers' protocol.
    pub(crate) secret: Option<Arc<Secret>>,
}

/// An object that is skipped in whole or in part, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) object: ObjectReference,
    pub(crate) message: String,
}

/// Reads snapshots; remembers what it read of objects that did not change since.
pub(crate) struct Reader {
    namespace: String,
    pod_name: Option<String>,
    options: Options,
    services: BTreeMap<ServiceKey, (Arc<Service>, Arc<ServiceView>)>,
    endpoints: BTreeMap<ServiceKey, (Vec<Arc<EndpointSlice>>, Arc<Endpoints>)>,
}

impl Reader {
    /// A reader for the speaker of this Pod.
    pub(crate) fn new(namespace: String, pod_name: Option<String>, options: Options) -> Self {
        Self {
            namespace,
            pod_name,
            options,
            services: BTreeMap::new(),
            endpoints: BTreeMap::new(),
        }
    }

    /// The cluster as the stores show it.
    pub(crate) fn read(&mut self, stores: &Stores) -> Snapshot {
        let mut faults = Vec::new();
        self.read_services(stores, &mut faults);
        self.read_endpoints(stores);
        let pools = read_pools(stores, &mut faults);
        let adverts = parse_all(&stores.adverts, Advert::parse, &mut faults);
        let exclude = read_exclude(stores, &mut faults);
        let nodes = read_nodes(stores, &mut faults);
        let view = View {
            services: self.candidates(),
            pools,
            adverts: adverts
                .into_iter()
                .map(|(_, advert)| (advert.name.clone(), advert))
                .collect(),
            liveness: read_liveness(stores, &nodes),
            nodes,
            options: self.options.clone(),
            ..View::default()
        };
        Snapshot {
            view,
            services: self.references(),
            shown: self.shown(),
            statuses: objects(&stores.statuses, &mut Vec::new())
                .iter()
                .map(|status| Seen::read(status))
                .collect(),
            exclude,
            pod_uid: self.pod_uid(stores),
            secret: stores
                .secrets
                .as_ref()
                .and_then(|secrets| objects(secrets, &mut faults).pop()),
            faults,
        }
    }

    fn read_services(&mut self, stores: &Stores, faults: &mut Vec<Fault>) {
        let known = std::mem::take(&mut self.services);
        let read = |object: Arc<Service>| {
            let key = ServiceKey::new(object.namespace().unwrap_or_default(), object.name_any());
            let view = match known.get(&key) {
                Some((same, view)) if Arc::ptr_eq(same, &object) => view.clone(),
                _ => Arc::new(ServiceView::read(&object)),
            };
            (key, (object, view))
        };
        self.services = objects(&stores.services, faults)
            .into_iter()
            .map(read)
            .filter(|(_, (object, view))| {
                view.class != ServiceClass::NotLoadBalancer || condition::is_shown(object)
            })
            .collect();
    }

    fn read_endpoints(&mut self, stores: &Stores) {
        let mut slices: BTreeMap<ServiceKey, Vec<Arc<EndpointSlice>>> = BTreeMap::new();
        for slice in objects(&stores.slices, &mut Vec::new()) {
            let Some(service) = slice.labels().get(SERVICE_NAME) else {
                continue;
            };
            let key = ServiceKey::new(slice.namespace().unwrap_or_default(), service.clone());
            if self.services.contains_key(&key) {
                slices.entry(key).or_default().push(slice);
            }
        }
        let known = std::mem::take(&mut self.endpoints);
        let read = |(key, slices): (ServiceKey, Vec<Arc<EndpointSlice>>)| {
            let endpoints = match known.get(&key) {
                Some((same, endpoints)) if all_same(same, &slices) => endpoints.clone(),
                _ => Arc::new(Endpoints::from_slices(slices.iter().map(|slice| &**slice))),
            };
            (key, (slices, endpoints))
        };
        self.endpoints = slices.into_iter().map(read).collect();
    }

    fn candidates(&self) -> BTreeMap<ServiceKey, Candidate> {
        let endpoints = |key: &ServiceKey| {
            let known = self.endpoints.get(key);
            known.map(|(_, endpoints)| endpoints.clone()).unwrap_or_default()
        };
        let candidate = |(key, (_, view)): (&ServiceKey, &(_, Arc<ServiceView>))| {
            let candidate = Candidate {
                service: view.clone(),
                endpoints: endpoints(key),
            };
            (key.clone(), candidate)
        };
        self.services.iter().map(candidate).collect()
    }

    fn references(&self) -> BTreeMap<ServiceKey, ObjectReference> {
        let reference =
            |(key, (object, _)): (&ServiceKey, &(Arc<Service>, _))| (key.clone(), object.object_ref(&()));
        self.services.iter().map(reference).collect()
    }

    fn shown(&self) -> BTreeMap<ServiceKey, Shown> {
        let shown = |(key, (object, view)): (&ServiceKey, &(Arc<Service>, Arc<ServiceView>))| {
            let shown = Shown {
                object: object.clone(),
                view: view.clone(),
            };
            (key.clone(), shown)
        };
        self.services.iter().map(shown).collect()
    }

    fn pod_uid(&self, stores: &Stores) -> Option<String> {
        let key = ObjectKey::new(self.namespace.clone(), self.pod_name.clone()?);
        stores.pods.snapshot().get(&key)?.object()?.uid()
    }
}

fn all_same<T>(one: &[Arc<T>], other: &[Arc<T>]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(one, other))
}

fn read_pools(stores: &Stores, faults: &mut Vec<Fault>) -> Pools {
    let valid = parse_all(&stores.pools, Pool::parse, faults);
    let references: BTreeMap<PoolName, Arc<IPAddressPool>> = valid
        .iter()
        .map(|(object, pool)| (pool.name.clone(), object.clone()))
        .collect();
    let (pools, problems) = Pools::new(valid.into_iter().map(|(_, pool)| pool));
    faults.extend(problems.into_iter().filter_map(|problem| {
        let pool = references.get(&PoolName::from(problem.object.name.as_str()))?;
        Some(Fault {
            object: pool.object_ref(&()),
            message: problem.message,
        })
    }));
    pools
}

fn read_nodes(stores: &Stores, faults: &mut Vec<Fault>) -> BTreeMap<NodeName, Node> {
    objects(&stores.nodes, faults)
        .iter()
        .map(|node| Node::read(node))
        .collect()
}

fn read_liveness(stores: &Stores, nodes: &BTreeMap<NodeName, Node>) -> Liveness {
    let pods = objects(&stores.pods, &mut Vec::new());
    let speakers: Vec<Speaker> = pods.iter().filter_map(|pod| Speaker::read(pod)).collect();
    liveness(nodes, &speakers)
}

fn read_exclude(stores: &Stores, faults: &mut Vec<Fault>) -> ExcludeList {
    let config_maps = objects(&stores.config_maps, faults);
    let Some(config) = config_maps.iter().find(|one| one.name_any() == CONFIG_MAP) else {
        return ExcludeList::default();
    };
    let (list, messages) = ExcludeList::read(config);
    faults.extend(messages.into_iter().map(|message| Fault {
        object: config.object_ref(&()),
        message,
    }));
    list
}

/// Parses every object of a store; one that cannot be decoded or parsed becomes a fault.
fn parse_all<K, T>(
    store: &Reflection<K>,
    parse: impl Fn(&K) -> Result<T, Invalid>,
    faults: &mut Vec<Fault>,
) -> Vec<(Arc<K>, T)>
where
    K: Resource<DynamicType = ()>,
{
    let mut valid = Vec::new();
    for object in objects(store, faults) {
        match parse(&object) {
            Ok(value) => valid.push((object, value)),
            Err(invalid) => faults.push(Fault {
                object: object.object_ref(&()),
                message: invalid.to_string(),
            }),
        }
    }
    valid
}

/// Every object of a store that could be decoded; the others become faults.
fn objects<K>(store: &Reflection<K>, faults: &mut Vec<Fault>) -> Vec<Arc<K>> {
    let mut decoded = Vec::new();
    for entry in store.snapshot().values() {
        match entry {
            Entry::Object(object) => decoded.push(object.clone()),
            Entry::Problem(problem) => faults.push(Fault {
                object: problem.object.clone(),
                message: problem.message.clone(),
            }),
        }
    }
    decoded
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let (kind, name) = (part(&self.object.kind), part(&self.object.name));
        write!(f, "{kind} {name}: {}", self.message)
    }
}

#[cfg(test)]
mod tests;
