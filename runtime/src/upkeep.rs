//! Objects of our own that are kept as they should be: made, put right, and made again when somebody deletes them.
//!
//! ```text
//! wanted (a channel) ────┐
//! watch of the objects ──┴▶ differs? (due) ──▶ now? (pace) ──▶ apply the object, then its status; or delete it
//! ```
//! One request at a time; nothing is written while what is seen is what is wanted; the caller never waits.

mod due;
mod pace;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

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
use crate::reflect::{Entry, ObjectKey, Reflection, Reports, Watch, WatchMetrics};
use due::Due;
use pace::Pace;

/// Where the objects are and who writes them.
pub struct Upkeep {
    /// The API server.
    pub client: Client,
    /// Their namespace.
    pub namespace: String,
    /// Which they are. What else is there is left alone.
    pub objects: Objects,
    /// In whose name they are written.
    pub writer: Writer,
    /// In the long run an object is written once in so long, whoever else wants it otherwise.
    pub interval: Duration,
    /// Counts of their watch.
    pub metrics: WatchMetrics,
}

/// Objects of our own in their namespace.
#[derive(Clone, Debug)]
pub enum Objects {
    /// The one of this name.
    Named(String),
    /// All with this label, `key=value`. One that is not wanted is deleted.
    Labelled(String),
}

/// The usual interval: another who wants the object otherwise (two leaders, a GitOps tool) must not start a race.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// The objects that are wanted, by name; none while that is not known.
pub type Wanted<W> = Option<BTreeMap<String, W>>;

/// What is remembered of one object.
struct Kept<W> {
    pace: Pace,
    /// What was wanted, and the version that was seen, when there was nothing to do.
    met: Option<(W, Option<String>)>,
}

/// What can be kept: any resource that lives in a namespace.
pub trait Keepable:
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

impl<K> Keepable for K where
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
    /// Keeps the objects as `build` makes them from the newest values that were sent and the objects as they are. Nothing
    /// is written while those values are none. Ends when the sender is dropped. Must be called inside a tokio runtime.
    ///
    /// Needs list, watch, create and patch of the resource, patch of its status, and delete if there may be several.
    pub fn start<K, W>(self, build: fn(&W, Option<&K>) -> K) -> watch::Sender<Wanted<W>>
    where
        K: Keepable,
        W: Clone + PartialEq + Send + Sync + 'static,
    {
        let (sender, wanted) = watch::channel(None);
        tokio::spawn(self.run(wanted, build));
        sender
    }

    async fn run<K, W>(self, mut wanted: watch::Receiver<Wanted<W>>, build: fn(&W, Option<&K>) -> K)
    where
        K: Keepable,
        W: Clone + PartialEq,
    {
        let (dirty, mut wakes) = dirty::channel();
        let listed = Readiness::default();
        let objects = self.watch::<K>(dirty, &listed);
        let (mut kept, mut again) = (BTreeMap::new(), None);
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
            again = self
                .round(&want, &objects, &mut kept, build, || has_changed(&wanted))
                .await;
        }
    }

    fn watch<K: Keepable>(&self, dirty: Dirty, listed: &Readiness) -> Reflection<K> {
        let reports = Reports {
            dirty,
            readiness: listed.clone(),
            metrics: self.metrics.clone(),
        };
        let watch = Watch::namespace(self.client.clone(), &self.namespace);
        match &self.objects {
            Objects::Named(name) => watch.fields(&format!("metadata.name={name}")),
            Objects::Labelled(label) => watch.labels(label),
        }
        .start(&reports)
    }

    /// Once over all objects, or until something else is wanted. Returns when to look again, whatever happens until then.
    async fn round<K, W>(
        &self,
        want: &BTreeMap<String, W>,
        objects: &Reflection<K>,
        kept: &mut BTreeMap<String, Kept<W>>,
        build: fn(&W, Option<&K>) -> K,
        is_outdated: impl Fn() -> bool,
    ) -> Option<Instant>
    where
        K: Keepable,
        W: Clone + PartialEq,
    {
        let snapshot = objects.snapshot();
        let seen = |name: &str| {
            let entry = snapshot.get(&ObjectKey::new(&*self.namespace, name));
            entry.and_then(Entry::object).map(|object| &**object)
        };
        let surplus = snapshot.iter().filter(|(_, entry)| entry.object().is_some());
        let surplus = surplus
            .map(|(key, _)| &*key.name)
            .filter(|name| !want.contains_key(*name));
        let names: Vec<&str> = want.keys().map(String::as_str).chain(surplus).collect();
        kept.retain(|name, _| want.contains_key(name) || seen(name).is_some());
        let mut again: Option<Instant> = None;
        for name in names {
            let of_one = kept.entry(name.to_owned()).or_default();
            let seen = seen(name);
            let version = seen.and_then(ResourceExt::resource_version);
            let due = match want.get(name) {
                Some(one) if of_one.is_met(one, version.as_deref()) => None,
                Some(one) => {
                    let due = Due::of(&build(one, seen), seen);
                    of_one.met = due.is_none().then(|| (one.clone(), version.clone()));
                    due
                }
                None => seen.and_then(ResourceExt::uid).map(Due::Deletion),
            };
            let Some(due) = due else { continue };
            let later = self
                .turn::<K>(name, due, version.as_deref(), &mut of_one.pace)
                .await;
            again = again.into_iter().chain(later).min();
            if is_outdated() {
                return again;
            }
        }
        again
    }

    /// Writes what is due, if it may be. Returns when to look again, whatever happens until then.
    async fn turn<K: Keepable>(
        &self,
        name: &str,
        due: Due,
        version: Option<&str>,
        pace: &mut Pace,
    ) -> Option<Instant> {
        if let Some(later) = pace.rests_until(version, self.interval, Instant::now()) {
            return Some(later);
        }
        let outcome = self.write::<K>(name, due).await;
        let now = Instant::now();
        if pace.wrote(version, &outcome, self.interval, now, Jitter::random()) {
            let kind = K::kind(&());
            tracing::warn!(%kind, name, ?outcome, "not written, trying again");
        }
        pace.rests_until(version, self.interval, now)
    }

    /// The object is ours alone, so what others wrote there is put right.
    async fn write<K: Keepable>(&self, name: &str, due: Due) -> Outcome {
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace);
        let take = Ownership::Take;
        match due {
            Due::Object(body) => self.writer.apply(&api, name, &body, take).await,
            Due::Status(body) => self.writer.apply_status(&api, name, &body, take).await,
            // What is gone has no version any more, and is seen by that.
            Due::Deletion(uid) => match self.writer.delete(&api, name, uid).await {
                Ok(()) => Outcome::Applied(String::new()),
                Err(outcome) => outcome,
            },
        }
    }
}

impl<W> Default for Kept<W> {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            met: None,
        }
    }
}

impl<W: PartialEq> Kept<W> {
    fn is_met(&self, wanted: &W, version: Option<&str>) -> bool {
        let met = self.met.as_ref();
        met.is_some_and(|(met, seen)| met == wanted && seen.as_deref() == version)
    }
}

fn has_changed<W>(wanted: &watch::Receiver<Wanted<W>>) -> bool {
    // Whoever dropped the sender is heeded in the next turn.
    wanted.has_changed().unwrap_or(true)
}

#[cfg(test)]
mod tests;
