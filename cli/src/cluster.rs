//! A live cluster, for the tools: reading all objects of a kind.

mod access;

use std::fmt::Debug;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ferrolb_controller::alloc::{addresses_of_odd, held_by_odd};
use ferrolb_crds::api::{BFDProfile, BGPAdvertisement, BGPPeer, Community};
use ferrolb_crds::domain::Family;
use ferrolb_runtime::args::ClusterArgs;
use ferrolb_runtime::backoff::{Backoff, Jitter};
use ferrolb_runtime::client;
use ferrolb_runtime::reflect::{self, Entry, ObjectKey, Snapshot};
use futures::try_join;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::Request;
use kube::{Api, Client, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::objects::{BgpObjects, Objects};
use crate::problem::{ObjectId, Problem};
pub(crate) use access::{Access, AccessError, Place};

/// Every object of a kind.
pub(crate) static ALL: LazyLock<ListParams> = LazyLock::new(ListParams::default);
/// Where the API server lists ServiceCIDRs.
const SERVICE_CIDRS: &str = "/apis/networking.k8s.io/v1/servicecidrs";

/// How often a list is asked for that the API server would rather give later, and the pauses before it: ten seconds in all,
/// as with kubectl. The second that the API server names is no measure: what it waits for, the cache of a resource that
/// nobody listed since it started, is there after some milliseconds.
const ATTEMPTS: u32 = 14;
const LATER: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));

/// Writes annotations of one object by a merge patch: null takes one off.
pub(crate) async fn annotate<K: Clone + Debug + DeserializeOwned>(
    api: &Api<K>,
    name: &str,
    field_manager: &str,
    annotations: Value,
) -> Result<(), kube::Error> {
    let patch = Patch::Merge(json!({ "metadata": { "annotations": annotations } }));
    let params = PatchParams {
        field_manager: Some(field_manager.to_owned()),
        ..PatchParams::default()
    };
    api.patch_metadata(name, &params, &patch).await.map(drop)
}

/// A connection to a cluster.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    /// How it was reached.
    pub(crate) args: ClusterArgs,
}

/// Peers, profiles, advertisements and communities.
type BgpLists = (
    Snapshot<BGPPeer>,
    Snapshot<BFDProfile>,
    Snapshot<BGPAdvertisement>,
    Snapshot<Community>,
);

/// A list whose items are decoded one by one: one that does not fit its type spoils no other.
#[derive(Deserialize)]
struct Items {
    /// The version of the items, which do not say it.
    #[serde(rename = "apiVersion", default)]
    version: String,
    /// Their kind with `List` at its end.
    #[serde(default)]
    kind: String,
    items: Vec<Value>,
}

impl Cluster {
    /// Connects. Nothing is sent yet.
    pub(crate) async fn connect(access: &Access) -> Result<Self, AccessError> {
        let args = access.args();
        Ok(Self {
            client: client::connect(&args).await?,
            namespace: access.namespace.clone(),
            args,
        })
    }

    /// All that controller and speakers decide on.
    pub(crate) async fn read(&self, problems: &mut Vec<Problem>) -> Result<Objects, AccessError> {
        let own = Some(&*self.namespace);
        let mut of_addresses = Vec::new();
        let (assigned, bgp, adverts, slices, statuses) = try_join!(
            self.read_for_addresses(&mut of_addresses),
            self.bgp(),
            self.entries(own, &ALL),
            self.entries(None, &ALL),
            self.entries(own, &ALL),
        )?;
        problems.extend(of_addresses);
        let (peers, profiles, of_bgp, communities) = bgp;
        Ok(Objects {
            bgp: BgpObjects {
                peers: readable(peers, problems),
                profiles: readable(profiles, problems),
                adverts: readable(of_bgp, problems),
                communities: readable(communities, problems),
            },
            adverts: readable(adverts, problems),
            slices: readable(slices, problems),
            statuses: readable(statuses, problems),
            ..assigned
        })
    }

    /// All that BGP is configured by. A cluster that does not know these kinds has none.
    async fn bgp(&self) -> Result<BgpLists, AccessError> {
        try_join!(
            self.entries_if_known(),
            self.entries_if_known(),
            self.entries_if_known(),
            self.entries_if_known(),
        )
    }

    /// The objects of a kind in our namespace, whose definition may be missing.
    pub(crate) async fn entries_if_known<K>(&self) -> Result<Snapshot<K>, AccessError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Debug + Clone,
    {
        match self.entries(Some(&self.namespace), &ALL).await {
            Err(AccessError::Unknown { .. }) => Ok(Snapshot::default()),
            answer => answer,
        }
    }

    /// All that the controller decides on.
    pub(crate) async fn read_for_addresses(
        &self,
        problems: &mut Vec<Problem>,
    ) -> Result<Objects, AccessError> {
        let own = Some(&*self.namespace);
        let (services, nodes, pools, namespaces, states, slices) = try_join!(
            self.entries(None, &ALL),
            self.entries(None, &ALL),
            self.entries(own, &ALL),
            self.entries(None, &ALL),
            self.entries(own, &ALL),
            self.entries(Some("default"), &ALL),
        )?;
        Ok(Objects {
            pools: readable(pools, problems),
            held_by_odd: raw(&services).flat_map(held_by_odd).collect(),
            services: readable(services, problems),
            addresses_of_odd: raw(&nodes).flat_map(addresses_of_odd).collect(),
            nodes: readable(nodes, problems),
            namespaces: readable(namespaces, problems),
            states: readable(states, problems),
            slices: readable(slices, problems),
            ..Objects::default()
        })
    }

    /// The families of the cluster's Services, the default one first; none where the API server does not say: before
    /// Kubernetes 1.33, or without the right to list ServiceCIDRs.
    pub(crate) async fn families(&self) -> Vec<Family> {
        let list = self.items(SERVICE_CIDRS.to_owned(), &ALL).await;
        list.map(|list| families(&list.items)).unwrap_or_default()
    }

    /// The objects of a kind, of one namespace or of all, that `which` selects.
    pub(crate) async fn entries<K>(
        &self,
        namespace: Option<&str>,
        which: &ListParams,
    ) -> Result<Snapshot<K>, AccessError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Debug + Clone,
    {
        let listed = async {
            let text = self.list(K::url_path(&(), namespace), which).await?;
            reflect::listed(&text).map_err(kube::Error::SerdeError)
        };
        listed
            .await
            .map_err(|error| AccessError::new::<K>("list", &error))
    }

    /// All objects of a kind that has no type here, with their version and kind. `path` is that of `resource`.
    pub(crate) async fn untyped(
        &self,
        path: &str,
        resource: &str,
        which: &ListParams,
    ) -> Result<Vec<Value>, AccessError> {
        let list = self.items(format!("{path}/{resource}"), which).await;
        let list = list.map_err(|error| AccessError::of("list", resource.to_owned(), &error))?;
        let kind = list.kind.trim_end_matches("List");
        let named = |mut item: Value| {
            item["apiVersion"] = json!(list.version);
            item["kind"] = json!(kind);
            item
        };
        Ok(list.items.into_iter().map(named).collect())
    }

    async fn items(&self, path: String, which: &ListParams) -> Result<Items, kube::Error> {
        let text = self.list(path, which).await?;
        serde_json::from_str(&text).map_err(kube::Error::SerdeError)
    }

    /// What the API server answers. Where it says 429, it is asked again, as kubectl does: "storage is (re)initializing" is
    /// what the first one hears who lists objects of a definition.
    async fn list(&self, path: String, which: &ListParams) -> Result<String, kube::Error> {
        let mut attempts = 0;
        loop {
            let request = Request::new(path.clone()).list(which);
            let answer = self
                .client
                .request_text(request.map_err(kube::Error::BuildRequest)?)
                .await;
            attempts += 1;
            match answer {
                Err(kube::Error::Api(status)) if status.code == 429 && attempts < ATTEMPTS => {
                    sleep(LATER.delay(attempts - 1, Jitter::random())).await;
                }
                answer => return answer,
            }
        }
    }
}

/// The families of the ServiceCIDR that the API server makes from its own flags.
fn families(cidrs: &[Value]) -> Vec<Family> {
    let default = cidrs.iter().find(|one| one["metadata"]["name"] == "kubernetes");
    let ranges = default.and_then(|one| one["spec"]["cidrs"].as_array());
    let ranges = ranges.into_iter().flatten().filter_map(Value::as_str);
    ranges
        .filter_map(|range| family_of(range.split('/').next()?))
        .collect()
}

/// The family of an address.
pub(crate) fn family_of(address: &str) -> Option<Family> {
    address.parse().ok().map(Family::of)
}

/// The objects that can be read; the others become problems.
pub(crate) fn readable<K>(entries: Snapshot<K>, problems: &mut Vec<Problem>) -> Vec<K>
where
    K: Resource<DynamicType = ()> + Clone,
{
    let mut objects = Vec::new();
    for (key, entry) in Arc::unwrap_or_clone(entries) {
        match entry {
            Entry::Object(object) => objects.push(Arc::unwrap_or_clone(object)),
            Entry::Undecodable(odd) => {
                let id = ObjectId::new(&K::kind(&()), &*key.namespace, &*key.name);
                problems.push(Problem::new(id, &odd.problem.message));
            }
        }
    }
    objects
}

/// The others as they came.
pub(crate) fn raw<K>(entries: &Snapshot<K>) -> impl Iterator<Item = (&ObjectKey, &Value)> {
    entries
        .iter()
        .filter_map(|(key, entry)| Some((key, &entry.undecodable()?.raw)))
}

/// Runs a tool that talks to a cluster.
pub(crate) fn block_on<T>(tool: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(tool)
}

#[cfg(test)]
mod tests;
