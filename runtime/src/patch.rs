//! Server-side apply of a status, or of a whole object, and what became of it.
//!
//! One attempt, no retry: the caller decides again on what it sees next. The outcome tells apart what was written,
//! what was certainly not written, and what nobody knows ([`Outcome::Unknown`]).

use std::fmt::Debug;
use std::time::Duration;

use http::HeaderValue;
use http::header::ACCEPT;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions, ValidationDirective};
use kube::core::{Request, Status};
use kube::{Api, Resource};
use prometheus::{IntCounter, Registry};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{cause, metrics};

mod conflict;
pub use conflict::{Conflict, OwnedField};

/// Writes in the name of one field manager.
#[derive(Clone, Debug)]
pub struct Writer {
    field_manager: String,
    timeout: Duration,
    counters: WriteCounters,
}

/// What a writer counts, e.g. `metallb_k8s_client_updates_total` and `metallb_k8s_client_update_errors_total`.
#[derive(Clone, Debug)]
pub struct WriteCounters {
    /// Every attempt.
    pub updates: IntCounter,
    /// Attempts that ended otherwise than [`Outcome::Applied`].
    pub errors: IntCounter,
}

/// What to do with fields that another manager owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Write nothing and name the owners: [`Conflict::OwnedBy`].
    Respect,
    /// Take them over (`force=true`). Only to adopt what a known earlier manager wrote.
    Take,
}

/// What became of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Written, or equal already. Holds the resource version of the object now.
    Applied(String),
    /// Not written: somebody else was first. HTTP 409.
    Conflict(Conflict),
    /// Not written, and writing the same again would not help soon. Holds the API server's reason.
    Rejected(String),
    /// Not written: there is no such object. HTTP 404.
    Gone,
    /// Nobody knows whether it was written: no answer in time, a broken connection, or HTTP 5xx.
    /// Only a fresh read tells. Holds what happened.
    Unknown(String),
}

impl WriteCounters {
    /// Adds the counters to the registry under MetalLB's names.
    ///
    /// # Errors
    /// The registry has them already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| metrics::counter(registry, name, help);
        Ok(Self {
            updates: counter("metallb_k8s_client_updates_total", "Writes to the API server.")?,
            errors: counter("metallb_k8s_client_update_errors_total", "Writes that failed.")?,
        })
    }
}

enum Part {
    Whole,
    Status,
}

/// Asks for no more of the object than [`Written`] needs.
const METADATA_ONLY: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

/// All that is read of the API server's answer, so that an object we cannot decode still counts as written.
#[derive(Deserialize)]
struct Written {
    metadata: WrittenMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenMetadata {
    resource_version: String,
}

/// The beginning of a body: the object itself, at the version that the write was decided on.
///
/// The uid makes a write to an object that is gone a conflict; without it the API server would try to create one.
#[must_use]
pub fn identity<K: Resource<DynamicType = ()>>(object: &K) -> Value {
    let metadata = object.meta();
    json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
    })
}

impl Writer {
    /// A writer known to the API server as `field_manager`, which gives up on an answer after `timeout`.
    #[must_use]
    pub fn new(field_manager: impl Into<String>, timeout: Duration, counters: WriteCounters) -> Self {
        Self {
            field_manager: field_manager.into(),
            timeout,
            counters,
        }
    }

    /// The name the API server keeps our fields under.
    #[must_use]
    pub fn field_manager(&self) -> &str {
        &self.field_manager
    }

    /// Applies `body` to the `status` subresource of the object `name`.
    ///
    /// `body` is an object with `apiVersion`, `kind` and *all* fields this manager owns: what it owned and left out is
    /// removed. With `metadata.resourceVersion` the write is refused if the object has changed since. In the same
    /// request, metadata such as annotations may be applied too where the API server allows it (it does for Services).
    ///
    /// `api` must be that of the object's namespace, not `Api::all`.
    pub async fn apply_status<K>(
        &self,
        api: &Api<K>,
        name: &str,
        body: &Value,
        ownership: Ownership,
    ) -> Outcome
    where
        K: Resource + Clone,
    {
        self.write(api, name, body, ownership, Part::Status).await
    }

    /// Applies the whole object `name`, creating it if there is none. `body` as for [`Writer::apply_status`].
    pub async fn apply<K>(&self, api: &Api<K>, name: &str, body: &Value, ownership: Ownership) -> Outcome
    where
        K: Resource + Clone,
    {
        self.write(api, name, body, ownership, Part::Whole).await
    }

    /// Deletes the object `name` of this uid; one that was made anew under the same name stays.
    ///
    /// # Errors
    /// What became of it, if nobody knows whether it is deleted, or it certainly is not.
    pub async fn delete<K>(&self, api: &Api<K>, name: &str, uid: String) -> Result<(), Outcome>
    where
        K: Clone + DeserializeOwned + Debug,
    {
        let this_one = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(uid),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        self.deleted(api.delete(name, &this_one)).await
    }

    /// Deletes all objects with this label, `key=value`.
    ///
    /// # Errors
    /// As for [`Writer::delete`].
    pub async fn delete_labelled<K>(&self, api: &Api<K>, label: &str) -> Result<(), Outcome>
    where
        K: Clone + DeserializeOwned + Debug,
    {
        let labelled = ListParams::default().labels(label);
        self.deleted(api.delete_collection(&DeleteParams::default(), &labelled))
            .await
    }

    async fn deleted<T>(&self, deletion: impl Future<Output = kube::Result<T>>) -> Result<(), Outcome> {
        self.counters.updates.inc();
        let result = match tokio::time::timeout(self.timeout, deletion).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => match Outcome::of_error(&error) {
                // Gone, or another one by now: either way what was meant is deleted.
                Outcome::Gone | Outcome::Conflict(_) => Ok(()),
                other => Err(other),
            },
            Err(_elapsed) => Err(self.no_answer()),
        };
        if result.is_err() {
            self.counters.errors.inc();
        }
        result
    }

    async fn write<K>(
        &self,
        api: &Api<K>,
        name: &str,
        body: &Value,
        ownership: Ownership,
        part: Part,
    ) -> Outcome
    where
        K: Resource + Clone,
    {
        let request = Request::new(api.resource_url());
        let params = PatchParams {
            force: ownership == Ownership::Take,
            // The API server would parse the body once more to warn of keys given twice; ours has none. What a schema
            // does not know is refused all the same.
            field_validation: Some(ValidationDirective::Ignore),
            ..PatchParams::apply(&self.field_manager)
        };
        let patch = Patch::Apply(body);
        let built = match part {
            Part::Whole => request.patch(name, &params, &patch),
            Part::Status => request.patch_subresource("status", name, &params, &patch),
        };
        let outcome = match built {
            Ok(mut request) => {
                request.headers_mut().insert(ACCEPT, METADATA_ONLY);
                self.send(api.clone().into_client(), request).await
            }
            Err(error) => Outcome::Rejected(cause::chain(&error)),
        };
        self.count(&outcome);
        outcome
    }

    async fn send(&self, client: kube::Client, request: http::Request<Vec<u8>>) -> Outcome {
        match tokio::time::timeout(self.timeout, client.request::<Written>(request)).await {
            Ok(Ok(written)) => Outcome::Applied(written.metadata.resource_version),
            Ok(Err(error)) => Outcome::of_error(&error),
            Err(_elapsed) => self.no_answer(),
        }
    }

    fn no_answer(&self) -> Outcome {
        Outcome::Unknown(format!("no answer within {:?}", self.timeout))
    }

    fn count(&self, outcome: &Outcome) {
        self.counters.updates.inc();
        if !matches!(outcome, Outcome::Applied(_)) {
            self.counters.errors.inc();
        }
    }
}

impl Outcome {
    fn of_error(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(status),
            other => Self::Unknown(cause::chain(other)),
        }
    }

    fn of_status(status: &Status) -> Self {
        match status.code {
            404 => Self::Gone,
            409 => Self::Conflict(Conflict::of_status(status)),
            400..=499 => Self::Rejected(status.message.clone()),
            _ => Self::Unknown(status.message.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
