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
use std::fmt::{self, Debug};
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

pub use entry::{Entry, ObjectKey, Problem, Undecodable};
pub use metrics::WatchMetrics;
pub use parsed::Parsed;
pub use retry::with_backoff;

use follow::Follower;
use health::Health;
use observed::Observed;
use store::{Live, Store, admit};

/// All objects of one resource, at one time.
pub type Snapshot<K> = Arc<BTreeMap<ObjectKey, Entry<K>>>;

/// Drops what a caller does not need from each object before it is kept.
type Projection<K> = Box<dyn Fn(&mut K) + Send + Sync>;

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
pub struct Watch<K> {
    api: Api<Observed<K>>,
    config: watcher::Config,
    project: Projection<K>,
}

/// A resource that is being watched. Cloneable; the watch ends when all clones are dropped.
pub struct Reflection<K> {
    live: watch::Receiver<Live<K>>,
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
            project: Box::new(|_| ()),
        }
    }

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

    /// Runs `project` on each object before it is kept, to drop what is not needed. `managedFields` are always dropped.
    pub fn project(mut self, project: impl Fn(&mut K) + Send + Sync + 'static) -> Self {
        self.project = Box::new(project);
        self
    }

    /// Starts to watch, in a task of its own. Must be called inside a tokio runtime.
    pub fn start(self, reports: &Reports) -> Reflection<K> {
        let (follower, reflection) = follower(self.project, reports);
        tokio::spawn(follower.run(watcher::watcher(self.api, self.config)));
        reflection
    }
}

/// The two ends of one watch: what follows it, and what reads it.
fn follower<K>(project: Projection<K>, reports: &Reports) -> (Follower<K>, Reflection<K>)
where
    K: Resource<DynamicType: Default> + Clone,
{
    let (store, live) = Store::new(project);
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

impl<K> Reflection<K> {
    /// The objects as last seen; empty before the first complete list. Costs as much as cloning an [`Arc`].
    ///
    /// Let go of a snapshot before waiting for the next change: while nobody holds it, a change is made in place
    /// instead of in a copy.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<K> {
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
    pub fn versioned(&self) -> (u64, Snapshot<K>) {
        let live = self.live.borrow();
        (live.version, live.objects.clone())
    }

    /// A reflection that never changes, of objects as the API server lists them. What is no JSON object is left out.
    #[must_use]
    pub fn of(objects: impl IntoIterator<Item = Value>) -> Self
    where
        K: Resource<DynamicType: Default> + DeserializeOwned + Clone,
    {
        let observed = objects
            .into_iter()
            .filter_map(|raw| Observed::deserialize(raw).ok());
        let keep_all: Projection<K> = Box::new(|_| ());
        Self::fixed(observed.map(|one| admit(one, &keep_all)).collect())
    }

    /// A reflection that never changes, for tests of what reads it.
    #[must_use]
    pub fn fixed(entries: BTreeMap<ObjectKey, Entry<K>>) -> Self {
        Self {
            live: watch::channel(Live::new(Arc::new(entries))).1,
        }
    }
}

impl<K> Clone for Reflection<K> {
    fn clone(&self) -> Self {
        Self {
            live: self.live.clone(),
        }
    }
}

impl<K> Debug for Reflection<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reflection")
            .field("objects", &self.live.borrow().objects.len())
            .finish()
    }
}

impl<K: Resource> Debug for Watch<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("url", &self.api.resource_url())
            .field("config", &self.config)
            .finish()
    }
}

#[cfg(test)]
mod outage_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire_tests;
