//! Reads a cluster once, or follows it.

use std::fmt::Debug;

use ferrolb_crds::api::core::{Node, Service};
use ferrolb_crds::api::{
    BGPSessionState, ConfigurationState, IPAddressPool, ServiceBGPStatus, ServiceL2Status,
};
use ferrolb_runtime::dirty::{self, Wakes};
use ferrolb_runtime::metrics;
use ferrolb_runtime::ready::Readiness;
use ferrolb_runtime::reflect::{Reflection, Reports, Snapshot, Watch, WatchMetrics};
use futures::try_join;
use kube::Resource;
use kube::api::ListParams;
use serde::de::DeserializeOwned;

use super::rows::Seen;
use crate::cluster::{ALL, AccessError, Cluster, readable};
use crate::objects::Objects;
use crate::speakers::{Pod, SPEAKER_PODS};

/// Reads once. `namespace` is that whose Services are shown; those of all are read, where they may be, to count what each
/// node holds.
pub(super) async fn read(cluster: &Cluster, namespace: Option<&str>) -> Result<Seen, AccessError> {
    let own = Some(&*cluster.namespace);
    let of_pods = ListParams::default().labels(SPEAKER_PODS);
    let (services, pools, nodes, states, statuses, pods, bgp_statuses, sessions) = try_join!(
        services(cluster, namespace),
        optional::<IPAddressPool>(cluster, own, &ALL),
        optional::<Node>(cluster, None, &ALL),
        optional::<ConfigurationState>(cluster, own, &ALL),
        optional::<ServiceL2Status>(cluster, own, &ALL),
        optional::<Pod>(cluster, own, &of_pods),
        if_known::<ServiceBGPStatus>(cluster),
        if_known::<BGPSessionState>(cluster),
    )?;
    let snapshots = Snapshots {
        services,
        pools: pools.unwrap_or_default(),
        nodes: nodes.unwrap_or_default(),
        states: states.unwrap_or_default(),
        statuses: statuses.unwrap_or_default(),
        bgp_statuses: bgp_statuses.unwrap_or_default(),
        sessions: sessions.unwrap_or_default(),
        pods,
    };
    Ok(snapshots.seen(namespace))
}

async fn services(cluster: &Cluster, namespace: Option<&str>) -> Result<Snapshot<Service>, AccessError> {
    match cluster.entries(None, &ALL).await {
        Err(AccessError::Forbidden { .. }) if namespace.is_some() => cluster.entries(namespace, &ALL).await,
        other => other,
    }
}

/// None where they may not be listed.
async fn optional<K>(
    cluster: &Cluster,
    namespace: Option<&str>,
    which: &ListParams,
) -> Result<Option<Snapshot<K>>, AccessError>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Debug + Clone,
{
    allowed(cluster.entries(namespace, which).await)
}

/// The same of a kind in our namespace that the cluster may not know.
async fn if_known<K>(cluster: &Cluster) -> Result<Option<Snapshot<K>>, AccessError>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Debug + Clone,
{
    allowed(cluster.entries_if_known().await)
}

fn allowed<T>(read: Result<T, AccessError>) -> Result<Option<T>, AccessError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.forbidden().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

/// All objects that matter, at one moment.
struct Snapshots {
    services: Snapshot<Service>,
    pools: Snapshot<IPAddressPool>,
    nodes: Snapshot<Node>,
    states: Snapshot<ConfigurationState>,
    statuses: Snapshot<ServiceL2Status>,
    bgp_statuses: Snapshot<ServiceBGPStatus>,
    sessions: Snapshot<BGPSessionState>,
    pods: Option<Snapshot<Pod>>,
}

impl Snapshots {
    fn seen(self, namespace: Option<&str>) -> Seen {
        let mut problems = Vec::new();
        let objects = Objects {
            services: readable(self.services, &mut problems),
            pools: readable(self.pools, &mut problems),
            nodes: readable(self.nodes, &mut problems),
            states: readable(self.states, &mut problems),
            statuses: readable(self.statuses, &mut problems),
            bgp_statuses: readable(self.bgp_statuses, &mut problems),
            sessions: readable(self.sessions, &mut problems),
            ..Objects::default()
        };
        Seen {
            objects,
            pods: self.pods.map(|pods| readable(pods, &mut problems)),
            problems,
            namespace: namespace.map(str::to_owned),
        }
    }
}

/// A cluster that is being followed.
pub(super) struct Followed {
    services: Reflection<Service>,
    pools: Reflection<IPAddressPool>,
    nodes: Reflection<Node>,
    states: Reflection<ConfigurationState>,
    statuses: Reflection<ServiceL2Status>,
    bgp_statuses: Reflection<ServiceBGPStatus>,
    sessions: Reflection<BGPSessionState>,
    pods: Reflection<Pod>,
    readiness: Readiness,
    wakes: Wakes,
}

impl Followed {
    /// Begins to follow. Must be called inside a tokio runtime.
    pub(super) fn start(cluster: &Cluster) -> anyhow::Result<Self> {
        let (dirty, wakes) = dirty::channel();
        let reports = Reports {
            dirty,
            readiness: Readiness::default(),
            metrics: WatchMetrics::register(&metrics::registry())?,
        };
        let (client, own) = (&cluster.client, &*cluster.namespace);
        Ok(Self {
            services: Watch::cluster(client.clone()).start(&reports),
            pools: Watch::namespace(client.clone(), own).start(&reports),
            nodes: Watch::cluster(client.clone()).start(&reports),
            states: Watch::namespace(client.clone(), own).start(&reports),
            statuses: Watch::namespace(client.clone(), own).start(&reports),
            bgp_statuses: Watch::namespace(client.clone(), own).start(&reports),
            sessions: Watch::namespace(client.clone(), own).start(&reports),
            pods: Watch::namespace(client.clone(), own)
                .labels(SPEAKER_PODS)
                .start(&reports),
            readiness: reports.readiness.clone(),
            wakes,
        })
    }

    /// Waits for a change, once all is listed; pods and what is of BGP may never be.
    pub(super) async fn changed(&mut self) {
        loop {
            self.wakes.wait().await;
            let may_be_missing = ["pods", "servicebgpstatuses", "bgpsessionstates"];
            let missing = self.readiness.missing();
            if missing.iter().all(|part| may_be_missing.contains(&part.as_str())) {
                return;
            }
        }
    }

    /// What is seen now.
    pub(super) fn seen(&self, namespace: Option<&str>) -> Seen {
        let snapshots = Snapshots {
            services: self.services.snapshot(),
            pools: self.pools.snapshot(),
            nodes: self.nodes.snapshot(),
            states: self.states.snapshot(),
            statuses: self.statuses.snapshot(),
            bgp_statuses: self.bgp_statuses.snapshot(),
            sessions: self.sessions.snapshot(),
            pods: Some(self.pods.snapshot()),
        };
        snapshots.seen(namespace)
    }
}
