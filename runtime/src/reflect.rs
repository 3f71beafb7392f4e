//! Watches: one resource of the API server as an immutable map that follows it.
//!
//! ```text
//! list + watch ──▶ Observed (decoded or not) ──▶ store ──▶ snapshot(): Arc<BTreeMap<ObjectKey, Entry>>
//!                                                  └──▶ Dirty
//! ```
//! - Readers never see half a list: a re-list replaces the map at once, when it is complete.
//! - An object that cannot be decoded *replaces* its earlier value by a [`Problem`] and what came; a deletion needs no
//!   decoding.
//! - A watch that fails is tried again for ever, with back-off; the last snapshot stays.
//! - The snapshot lags behind the API server. Whoever decides on it and writes must remember its own writes, and send
//!   the resource version it decided on.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

use crate::dirty::Dirty;
use crate::ready::Readiness;

mod entry;
mod follow;
mod health;
mod metrics;
mod observed;
mod parsed;
mod retry;
mod store;
mod told;

pub use entry::{Entry, ObjectKey, Problem, Undecodable};
pub use metrics::WatchMetrics;
pub use parsed::Parsed;
pub use retry::with_backoff;
pub use told::Told;

use follow::Follower;
use health::Health;
use observed::Observed;
use store::{Live, Store, admit};

/// What is kept of all objects of one resource, at one time.
pub type Snapshot<V> = Arc<BTreeMap<ObjectKey, Entry<V>>>;

/// Makes of each object what is kept of it.
type Keep<K, V> = Box<dyn FnMut(&ObjectKey, K) -> V + Send + Sync>;

/// The objects of a list, as the API server sends it. Nothing is kept of `managedFields`, which may be more than the rest.
///
/// # Errors
/// It is no list at all. An object that does not fit its type is an entry of the snapshot.
pub fn listed<K>(json: &str) -> Result<Snapshot<K>, serde_json::Error>
where
    K: Resource<DynamicType: Default> + DeserializeOwned,
{
    #[derive(Deserialize)]
    #[serde(bound = "K: DeserializeOwned + Resource")]
    struct List<K> {
        items: Vec<Observed<K>>,
    }
    let list: List<K> = serde_json::from_str(json)?;
    let mut keep = |_: &ObjectKey, object: K| object;
    let entries = list.items.into_iter();
    Ok(Arc::new(
        entries.map(|object| admit(object, None, &mut keep)).collect(),
    ))
}

/// What all watches of a process report to.
#[derive(Clone, Debug)]
pub struct Reports {
    /// Marked at each change of a snapshot.
    pub dirty: Dirty,
    /// Gets a part named after the resource (`services`) that is ready after the first complete list.
    pub readiness: Readiness,
    /// Counts objects and failures by kind.
    pub metrics: WatchMetrics,
}

/// A watch that is not started yet: which objects, and what of them.
#[must_use = "a watch does nothing before it is started"]
pub struct Watch<K, V = K> {
    api: Api<Observed<K>>,
    config: watcher::Config,
    keep: Keep<K, V>,
}

/// A resource that is being watched. Cloneable; the watch ends when all clones are dropped.
pub struct Reflection<V> {
    live: watch::Receiver<Live<V>>,
}

impl<K> Watch<K>
where
    K: Resource<DynamicType: Default> + DeserializeOwned + Clone + Debug + Send + Sync + 'static,
{
    /// All objects of the cluster.
    pub fn cluster(client: Client) -> Self {
        Self::of(Api::all_with(client, &K::DynamicType::default()))
    }

    /// The objects of one namespace.
    pub fn namespace(client: Client, namespace: &str) -> Self {
        Self::of(Api::namespaced_with(
            client,
            namespace,
            &K::DynamicType::default(),
        ))
    }

    fn of(api: Api<Observed<K>>) -> Self {
        Self {
            api,
            config: watcher::Config::default(),
            keep: Box::new(|_, object| object),
        }
    }

    /// Keeps of each object only what this makes of it and its key. Of `managedFields` nothing is ever kept.
    pub fn keep<V>(self, keep: impl FnMut(&ObjectKey, K) -> V + Send + Sync + 'static) -> Watch<K, V> {
        Watch {
            api: self.api,
            config: self.config,
            keep: Box::new(keep),
        }
    }
}

impl<K, V> Watch<K, V>
where
    K: Resource<DynamicType: Default> + DeserializeOwned + Clone + Debug + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Only objects that this label selector selects, e.g. `app=metallb,component=speaker`.
    pub fn labels(mut self, selector: &str) -> Self {
        self.config = self.config.labels(selector);
        self
    }

    /// Only objects that this field selector selects, e.g. `metadata.name=metallb-excludel2`.
    pub fn fields(mut self, selector: &str) -> Self {
        self.config = self.config.fields(selector);
        self
    }

    /// Starts to watch, in a task of its own. Must be called inside a tokio runtime.
    pub fn start(self, reports: &Reports) -> Reflection<V> {
        let (follower, reflection) = follower(self.keep, reports);
        tokio::spawn(follower.run(watcher::watcher(self.api, self.config)));
        reflection
    }
}

/// The two ends of one watch: what follows it, and what reads it.
fn follower<K, V>(keep: Keep<K, V>, reports: &Reports) -> (Follower<K, V>, Reflection<V>)
where
    K: Resource<DynamicType: Default>,
    V: Clone,
{
    let (store, live) = Store::new(keep);
    let resource = K::plural(&K::DynamicType::default()).into_owned();
    let follower = Follower {
        store,
        dirty: reports.dirty.clone(),
        unready: Some(reports.readiness.part(&resource)),
        metrics: reports.metrics.of(&resource),
        health: Health::new(resource),
    };
    (follower, Reflection { live })
}

impl<V> Reflection<V> {
    /// The objects as last seen; empty before the first complete list. Costs as much as cloning an [`Arc`].
    ///
    /// Let go of a snapshot before waiting for the next change: while nobody holds it, a change is made in place
    /// instead of in a copy.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<V> {
        self.live.borrow().objects.clone()
    }

    /// Which version of the objects [`Self::snapshot`] shows. It grows with each change, and no other reflection of
    /// this process ever has the same.
    ///
    /// Do not compare snapshots by their pointers instead: one that nobody holds is changed in place.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.live.borrow().version
    }

    /// The objects as last seen, with their version.
    #[must_use]
    pub fn versioned(&self) -> (u64, Snapshot<V>) {
        let live = self.live.borrow();
        (live.version, live.objects.clone())
    }

    /// Returns when the objects are others than when this returned last, or for the first time when they change; never
    /// again once the watch has ended.
    pub async fn changed(&mut self) {
        if self.live.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// A reflection that never changes, of objects as the API server lists them. What is no JSON object is left out.
    #[must_use]
    pub fn of(objects: impl IntoIterator<Item = Value>) -> Self
    where
        V: Resource<DynamicType: Default> + DeserializeOwned,
    {
        Self::kept(objects, |_, object: V| object)
    }

    /// The same of what is kept of each object.
    #[must_use]
    pub fn kept<K>(objects: impl IntoIterator<Item = Value>, mut keep: impl FnMut(&ObjectKey, K) -> V) -> Self
    where
        K: Resource<DynamicType: Default> + DeserializeOwned,
    {
        let objects = objects
            .into_iter()
            .filter_map(|raw| Observed::deserialize(raw).ok());
        Self::fixed(objects.map(|object| admit(object, None, &mut keep)).collect())
    }

    /// A reflection that never changes, for tests of what reads it.
    #[must_use]
    pub fn fixed(entries: BTreeMap<ObjectKey, Entry<V>>) -> Self {
        Self {
            live: watch::channel(Live::new(Arc::new(entries))).1,
        }
    }
}

impl<V> Clone for Reflection<V> {
    fn clone(&self) -> Self {
        Self {
            live: self.live.clone(),
        }
    }
}

#[cfg(test)]
mod outage_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire_tests;
