//! Events on the wire: one object for each thing that is told, and a series once it is told again soon.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::Request;
use kube::runtime::events::EventType;
use kube::{Client, Resource};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::Instant;

use super::{NOTE_LIMIT, Notice, REASON_LIMIT, shortened};

/// What was told within this time is told again as a series; other clients of Kubernetes do the same.
const SERIES: Duration = Duration::from_secs(6 * 60);
/// What is too old for a series is looked for at most this often.
const PRUNING: Duration = Duration::from_secs(60);

/// Writes events in the name of one process, one after the other. Keeps of each no more than its name, and reads nothing of
/// the answers: a controller that starts tells of thousands of Services.
pub(super) struct Recorder {
    client: Client,
    controller: String,
    instance: String,
    told: HashMap<u64, Told>,
    pruned: Instant,
}

/// An event that exists.
struct Told {
    name: String,
    times: u32,
    last: Instant,
}

impl Recorder {
    /// `instance` is the pod; without one the controller stands for it.
    pub(super) fn new(client: Client, controller: &str, instance: Option<String>) -> Self {
        Self {
            client,
            controller: controller.to_owned(),
            instance: instance.unwrap_or_else(|| controller.to_owned()),
            told: HashMap::new(),
            pruned: Instant::now(),
        }
    }

    pub(super) async fn tell(&mut self, notice: &Notice) -> Result<(), kube::Error> {
        let (key, now) = (key(notice), Instant::now());
        self.prune(now);
        let namespace = notice.regarding.namespace.as_deref().unwrap_or("default");
        let request = Request::new(Event::url_path(&(), Some(namespace)));
        let known = self
            .told
            .get(&key)
            .filter(|told| now.duration_since(told.last) < SERIES);
        let (name, times) = match known {
            Some(told) => (told.name.clone(), told.times + 1),
            None => (self.name(&notice.regarding), 1),
        };
        let request = if times > 1 {
            let series =
                json!({ "series": { "count": times, "lastObservedTime": MicroTime(Timestamp::now()) } });
            request.patch(&name, &PatchParams::default(), &Patch::Merge(&series))
        } else {
            let event = self.event(notice, &name, namespace);
            let text = serde_json::to_vec(&event).map_err(kube::Error::SerdeError)?;
            request.create(&PostParams::default(), text)
        };
        let request = request.map_err(kube::Error::BuildRequest)?;
        self.client.request::<IgnoredAny>(request).await?;
        let last = now;
        self.told.insert(key, Told { name, times, last });
        Ok(())
    }

    fn prune(&mut self, now: Instant) {
        if now.duration_since(self.pruned) >= PRUNING {
            self.pruned = now;
            self.told.retain(|_, told| now.duration_since(told.last) < SERIES);
        }
    }

    fn name(&self, regarding: &ObjectReference) -> String {
        let name = regarding.name.as_deref().unwrap_or(&self.controller);
        format!("{name}.{:x}", Timestamp::now().as_nanosecond())
    }

    fn event(&self, notice: &Notice, name: &str, namespace: &str) -> Event {
        Event {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(Timestamp::now())),
            type_: Some(match notice.severity {
                EventType::Normal => "Normal".to_owned(),
                EventType::Warning => "Warning".to_owned(),
            }),
            reason: Some(shortened(&notice.reason, REASON_LIMIT)),
            note: Some(shortened(&notice.note, NOTE_LIMIT)),
            action: Some("Tell".to_owned()),
            regarding: Some(ObjectReference {
                resource_version: None,
                ..notice.regarding.clone()
            }),
            reporting_controller: Some(self.controller.clone()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }
}

/// The same for what is told again: another text is another event.
fn key(notice: &Notice) -> u64 {
    let object = &notice.regarding;
    let mut hash = DefaultHasher::new();
    (&object.kind, &object.namespace, &object.name, &object.uid).hash(&mut hash);
    (notice.severity, &notice.reason, &notice.note).hash(&mut hash);
    hash.finish()
}
