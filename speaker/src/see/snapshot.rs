//! Stores → one view, with what is wrong in it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ferrolb_crds::api::{ConfigurationState, IPAddressPool};
use ferrolb_crds::domain::{
    Advert, AdvertName, Node, NodeLinks, NodeName, Pool, PoolName, Pools, ServiceKey,
};
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference, Secret};
use kube::{Resource, ResourceExt};

use super::exclude::{CONFIG_MAP, ExcludeList};
use super::parsed::{Parsed, objects, parse_all};
use super::services::Services;
use super::watch::Stores;
use crate::condition::Shown;
use crate::may::{Options, View};
use crate::report::Seen;

/// The cluster at one moment. What did not change since the last one is the same [`Arc`].
pub(crate) struct Snapshot {
    pub(crate) view: View,
    /// The load balancers among the Services, and those that were until their condition is gone.
    pub(crate) shown: Arc<BTreeMap<ServiceKey, Shown>>,
    pub(crate) statuses: Arc<Vec<Seen>>,
    pub(crate) exclude: Arc<ExcludeList>,
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

/// Reads snapshots; remembers what it read of what did not change since.
#[derive(Default)]
pub(crate) struct Reader {
    options: Options,
    services: Services,
    pools: Parsed<Pools>,
    adverts: Parsed<BTreeMap<AdvertName, Advert>>,
    nodes: Parsed<BTreeMap<NodeName, Node>>,
    states: Parsed<BTreeMap<NodeName, NodeLinks>>,
    links: Arc<BTreeMap<NodeName, NodeLinks>>,
    statuses: Parsed<Vec<Seen>>,
    exclude: Parsed<ExcludeList>,
}

impl Reader {
    /// A reader for a speaker with these options.
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// The cluster as the stores show it.
    pub(crate) fn read(&mut self, stores: &Stores) -> Snapshot {
        let mut faults = Vec::new();
        self.services
            .follow(&stores.services, &stores.slices, &mut faults);
        let pools = self.pools.read(&stores.pools, &mut faults, pools);
        let adverts = self.adverts.read(&stores.adverts, &mut faults, |all, faults| {
            let adverts = parse_all(all, Advert::parse, faults).into_iter();
            adverts.map(|(_, advert)| (advert.name.clone(), advert)).collect()
        });
        let exclude = self.exclude.read(&stores.config_maps, &mut faults, exclude);
        let nodes = self.nodes.read(&stores.nodes, &mut faults, |all, _| {
            all.iter().map(|node| Node::read(node)).collect()
        });
        let states = self.states.read(&stores.states, &mut Vec::new(), links);
        self.keep_links(&states, &nodes);
        let view = View {
            services: self.services.services.clone(),
            pools,
            adverts,
            nodes,
            links: self.links.clone(),
            options: self.options.clone(),
        };
        Snapshot {
            view,
            shown: self.services.shown.clone(),
            statuses: self.statuses.read(&stores.statuses, &mut Vec::new(), |all, _| {
                all.iter().map(|status| Seen::read(status)).collect()
            }),
            exclude,
            secret: objects(&stores.secrets, &mut faults).pop(),
            faults,
        }
    }

    /// The state of a speaker goes with its Pod; what it told of its node stays true for as long as there is the node.
    fn keep_links(&mut self, states: &BTreeMap<NodeName, NodeLinks>, nodes: &BTreeMap<NodeName, Node>) {
        let mut links = (*self.links).clone();
        links.extend(states.iter().map(|(node, links)| (node.clone(), links.clone())));
        links.retain(|node, _| nodes.contains_key(node));
        if *self.links != links {
            self.links = Arc::new(links);
        }
    }
}

fn pools(objects: Vec<Arc<IPAddressPool>>, faults: &mut Vec<Fault>) -> Pools {
    let valid = parse_all(objects, Pool::parse, faults);
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

fn links(objects: Vec<Arc<ConfigurationState>>, _: &mut Vec<Fault>) -> BTreeMap<NodeName, NodeLinks> {
    objects
        .iter()
        .filter_map(|state| NodeLinks::of_state(state))
        .collect()
}

fn exclude(objects: Vec<Arc<ConfigMap>>, faults: &mut Vec<Fault>) -> ExcludeList {
    let Some(config) = objects.iter().find(|one| one.name_any() == CONFIG_MAP) else {
        return ExcludeList::default();
    };
    let (list, messages) = ExcludeList::read(config);
    faults.extend(messages.into_iter().map(|message| Fault {
        object: config.object_ref(&()),
        message,
    }));
    list
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
