//! One object of our own that is kept as it should be: made, put right, and made again when somebody deletes it.
//!
//! ```text
//! wanted (a channel) ───┐
//! watch of the object ──┴▶ differs? (due) ──▶ now? (pace) ──▶ apply the object, then its status
//! ```
//! One request at a time; nothing is written while what is seen is what is wanted; the caller never waits.

mod due;
mod pace;

use std::fmt::Debug;

use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::backoff::Jitter;
use crate::dirty::{self, Dirty};
use crate::idle::at;
use crate::patch::{Outcome, Ownership, Writer};
use crate::ready::Readiness;
use crate::reflect::{ObjectKey, Reflection, Reports, Watch, WatchMetrics};
use due::Due;
use pace::Pace;

/// Where the object is and who writes it.
pub struct Upkeep {
    /// The API server.
    pub client: Client,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// In whose name it is written.
    pub writer: Writer,
    /// Counts of its watch.
    pub metrics: WatchMetrics,
}

/// What can be kept: any resource that lives in a namespace.
pub trait Kept:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + DeserializeOwned
    + Serialize
    + Clone
    + Debug
    + Send
    + Sync
    + 'static
{
}

impl<K> Kept for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + DeserializeOwned
        + Serialize
        + Clone
        + Debug
        + Send
        + Sync
        + 'static
{
}

impl Upkeep {
    /// Keeps the object as `build` makes it from the newest value that was sent and the object as it is. Nothing is
    /// written while that value is none. Ends when the sender is dropped. Must be called inside a tokio runtime.
    ///
    /// Needs list, watch, create and patch of the resource, and patch of its status.
    pub fn start<K, W>(self, build: fn(&W, Option<&K>) -> K) -> watch::Sender<Option<W>>
    where
        K: Kept,
        W: Clone + Send + Sync + 'static,
    {
        let (sender, wanted) = watch::channel(None);
        tokio::spawn(self.run(wanted, build));
        sender
    }

    async fn run<K, W>(self, mut wanted: watch::Receiver<Option<W>>, build: fn(&W, Option<&K>) -> K)
    where
        K: Kept,
        W: Clone,
    {
        let (dirty, mut wakes) = dirty::channel();
        let listed = Readiness::default();
        let objects = self.watch::<K>(dirty, &listed);
        let key = ObjectKey::new(self.namespace.clone(), self.name.clone());
        let (mut pace, mut again) = (Pace::default(), None);
        loop {
            tokio::select! {
                () = wakes.wait() => {}
                changed = wanted.changed() => if changed.is_err() { return },
                () = at(again) => {}
            }
            again = None;
            let want = wanted.borrow_and_update().clone();
            let Some(want) = want.filter(|_| listed.missing().is_empty()) else {
                continue;
            };
            let object = objects
                .snapshot()
                .get(&key)
                .and_then(|entry| entry.object())
                .cloned();
            let seen = object.as_deref();
            again = self.turn(&build(&want, seen), seen, &mut pace).await;
        }
    }

    fn watch<K: Kept>(&self, dirty: Dirty, listed: &Readiness) -> Reflection<K> {
        let reports = Reports {
            dirty,
            readiness: listed.clone(),
            metrics: self.metrics.clone(),
        };
        Watch::namespace(self.client.clone(), &self.namespace)
            .fields(&format!("metadata.name={}", self.name))
            .start(&reports)
    }

    /// Writes what is due, if anything is and may be. Returns when to look again, whatever happens until then.
    async fn turn<K: Kept>(&self, wanted: &K, seen: Option<&K>, pace: &mut Pace) -> Option<Instant> {
        let due = Due::of(wanted, seen)?;
        let version = seen.and_then(ResourceExt::resource_version);
        let version = version.as_deref();
        if let Some(later) = pace.rests_until(version, Instant::now()) {
            return Some(later);
        }
        let outcome = self.write::<K>(due).await;
        let now = Instant::now();
        if pace.wrote(version, &outcome, now, Jitter::random()) {
            let (kind, name) = (K::kind(&()), &self.name);
            tracing::warn!(%kind, name, ?outcome, "not written, trying again");
        }
        pace.rests_until(version, now)
    }

    /// The object is ours alone, so what others wrote there is put right.
    async fn write<K: Kept>(&self, due: Due) -> Outcome {
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace);
        let (name, take) = (&self.name, Ownership::Take);
        match due {
            Due::Object(body) => self.writer.apply(&api, name, &body, take).await,
            Due::Status(body) => self.writer.apply_status(&api, name, &body, take).await,
        }
    }
}

#[cfg(test)]
mod tests;
