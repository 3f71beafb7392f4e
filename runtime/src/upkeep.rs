//! One object of our own that is kept as it should be: made, put right, and made again when somebody deletes it.
//!
//! ```text
//! wanted (a channel) ─┐
//! watch of the object ─┴▶ differs? ──▶ apply the object, then its status; one request at a time
//! ```
//! Nothing is written while what is seen is what is wanted, and the caller never waits.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::backoff::{Backoff, Jitter};
use crate::dirty;
use crate::idle::at;
use crate::patch::{Outcome, Ownership, Writer};
use crate::ready::Readiness;
use crate::reflect::{ObjectKey, Reports, Watch, WatchMetrics};

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));

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

impl Upkeep {
    /// Keeps the object as `build` makes it from the newest value that was sent and the object as it is. Nothing is
    /// written while that value is none. Ends when the sender is dropped. Must be called inside a tokio runtime.
    ///
    /// Needs get, list, watch, create and patch of the resource, and patch of its status.
    pub fn start<K, W>(self, build: fn(&W, Option<&K>) -> K) -> watch::Sender<Option<W>>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + DeserializeOwned
            + Serialize
            + Clone
            + Debug
            + Send
            + Sync
            + 'static,
        W: Clone + Send + Sync + 'static,
    {
        let (sender, wanted) = watch::channel(None);
        tokio::spawn(self.run(wanted, build));
        sender
    }

    async fn run<K, W>(self, mut wanted: watch::Receiver<Option<W>>, build: fn(&W, Option<&K>) -> K)
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + DeserializeOwned
            + Serialize
            + Clone
            + Debug
            + Send
            + Sync
            + 'static,
        W: Clone,
    {
        let (dirty, mut wakes) = dirty::channel();
        let listed = Readiness::new();
        let reports = Reports {
            dirty,
            readiness: listed.clone(),
            metrics: self.metrics.clone(),
        };
        let seen = Watch::<K>::namespace(self.client.clone(), &self.namespace)
            .fields(&format!("metadata.name={}", self.name))
            .start(&reports);
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace);
        let key = ObjectKey::new(self.namespace.clone(), self.name.clone());
        let (mut failures, mut again) = (0, None);
        loop {
            tokio::select! {
                () = wakes.wait() => {}
                changed = wanted.changed() => if changed.is_err() { return },
                () = at(again) => again = None,
            }
            let Some(want) = wanted.borrow_and_update().clone() else {
                continue;
            };
            if again.is_some() || !listed.missing().is_empty() {
                continue;
            }
            let snapshot = seen.snapshot();
            let object = snapshot.get(&key).and_then(|entry| entry.object()).cloned();
            drop(snapshot);
            let due = Due::of(&build(&want, object.as_deref()), object.as_deref());
            let outcome = match due {
                Due::Nothing => {
                    failures = 0;
                    continue;
                }
                Due::Object(body) => self.writer.apply(&api, &self.name, &body, Ownership::Take).await,
                Due::Status(body) => {
                    self.writer
                        .apply_status(&api, &self.name, &body, Ownership::Take)
                        .await
                }
            };
            if !matches!(outcome, Outcome::Applied(_)) {
                tracing::debug!(object = %key, ?outcome, "not written");
                again = Some(Instant::now() + BACKOFF.delay(failures, Jitter::random()));
                failures = failures.saturating_add(1);
            }
        }
    }
}

/// What has to be written next.
#[derive(Debug, PartialEq)]
enum Due {
    Nothing,
    Object(Value),
    Status(Value),
}

impl Due {
    /// The status can be written only once the object is there. The uid makes a write to the status of an object that
    /// is gone a conflict; without it the API server would try to create one.
    fn of<K: Resource<DynamicType = ()> + Serialize>(wanted: &K, seen: Option<&K>) -> Self {
        let mut body = serde_json::to_value(wanted).unwrap_or_default();
        body["apiVersion"] = json!(K::api_version(&()));
        body["kind"] = json!(K::kind(&()));
        let status = body["status"].take();
        let Some(seen) = seen.filter(|seen| is_made(wanted.meta(), seen.meta())) else {
            if let Some(body) = body.as_object_mut() {
                body.remove("status");
            }
            return Self::Object(body);
        };
        let seen_status = serde_json::to_value(seen).map(|mut seen| seen["status"].take());
        if seen_status.is_ok_and(|seen| seen == status) {
            return Self::Nothing;
        }
        body["metadata"] = json!({ "name": wanted.name_any(), "uid": seen.uid() });
        body["status"] = status;
        Self::Status(body)
    }
}

/// Whether labels and owners are as they should be.
fn is_made(wanted: &ObjectMeta, seen: &ObjectMeta) -> bool {
    let none = BTreeMap::new();
    let seen_labels = seen.labels.as_ref().unwrap_or(&none);
    let mut labels = wanted.labels.iter().flatten();
    let owners = |meta: &ObjectMeta| -> Vec<String> {
        let owners = meta.owner_references.iter().flatten();
        owners.map(|owner| owner.uid.clone()).collect()
    };
    labels.all(|(name, value)| seen_labels.get(name) == Some(value)) && owners(wanted) == owners(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Namespace;

    fn object(labels: Value, owner: &str, phase: &str) -> Namespace {
        let owners: Vec<Value> = Some(owner)
            .filter(|owner| !owner.is_empty())
            .map(|uid| json!({ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": uid }))
            .into_iter()
            .collect();
        let object = json!({ "metadata": { "name": "n", "uid": "u", "labels": labels, "ownerReferences": owners },
            "status": { "phase": phase } });
        serde_json::from_value(object).unwrap()
    }

    fn due(wanted: &Namespace, seen: Option<&Namespace>) -> &'static str {
        match Due::of(wanted, seen) {
            Due::Nothing => "nothing",
            Due::Object(body) => {
                assert!(body.get("status").is_none(), "{body}");
                "object"
            }
            Due::Status(body) => {
                assert_eq!(body["metadata"], json!({ "name": "n", "uid": "u" }));
                "status"
            }
        }
    }

    #[test]
    fn what_is_as_wanted_is_left_alone() {
        let wanted = object(json!({ "a": "1" }), "x", "Active");
        let seen = object(json!({ "a": "1", "of-others": "2" }), "x", "Active");
        assert_eq!(due(&wanted, Some(&seen)), "nothing");
    }

    #[test]
    fn an_object_is_made_before_its_status() {
        let wanted = object(json!({ "a": "1" }), "x", "Active");
        assert_eq!(due(&wanted, None), "object");
        assert_eq!(
            due(&wanted, Some(&object(json!({ "a": "1" }), "x", ""))),
            "status"
        );
    }

    #[test]
    fn labels_and_the_owner_are_put_right() {
        let wanted = object(json!({ "a": "1" }), "new-pod", "Active");
        assert_eq!(
            due(&wanted, Some(&object(json!({}), "new-pod", "Active"))),
            "object"
        );
        assert_eq!(
            due(&wanted, Some(&object(json!({ "a": "1" }), "old-pod", "Active"))),
            "object"
        );
    }
}
