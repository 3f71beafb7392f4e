//! Kubernetes events: told once, in the background, never in anybody's way.
//!
//! ```text
//! publish ──▶ bounded queue ──▶ one task ──▶ events.k8s.io (create, or patch of a series)
//!    └─ full: counted               └─ fails: tried again a few times, then counted
//! ```
//! Telling only of transitions is the caller's job.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::EventType;
use prometheus::{IntCounter, IntCounterVec, Registry};
use strum::AsRefStr;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::backoff::{Backoff, Jitter};
use crate::{cause, metrics};

mod recorder;
use recorder::Recorder;

/// A controller that starts tells of every Service at once.
const QUEUE: usize = 16_384;
const ATTEMPTS: u32 = 4;
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
const TIMEOUT: Duration = Duration::from_secs(10);
/// Limits of events.k8s.io/v1, in bytes; a longer text would be refused.
const REASON_LIMIT: usize = 128;
const NOTE_LIMIT: usize = 1024;

/// One thing to tell about an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The object, shown by `kubectl describe` of it. Its uid should be set, its resource version is ignored.
    pub regarding: ObjectReference,
    /// Normal or Warning.
    pub severity: EventType,
    /// Short, CamelCase, from a closed set.
    pub reason: String,
    /// A sentence for people.
    pub note: String,
}

/// Takes notices without ever blocking. Cloneable; the task ends when all clones are dropped and the queue is empty.
#[derive(Clone, Debug)]
pub struct EventSink {
    queue: mpsc::Sender<Notice>,
    lost: IntCounterVec,
}

/// Why a notice was not told; in snake case the value of the metric label `cause`.
#[derive(AsRefStr)]
#[strum(serialize_all = "snake_case")]
enum Lost {
    QueueFull,
    Refused,
    Unreachable,
}

/// Whether telling again may help.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Failure {
    Transient(String),
    Final(String),
    /// The namespace is being deleted, and what the event is about with it.
    Moot(String),
}

impl EventSink {
    /// Starts the task that tells notices in the name of `controller`; `instance` is the pod's name. Needs `create` and
    /// `patch` of `events.k8s.io/events`.
    ///
    /// Await the handle, with a limit, after dropping all sinks to tell what is still queued.
    ///
    /// # Errors
    /// The registry has these metrics already.
    pub fn start(
        client: Client,
        controller: &str,
        instance: Option<String>,
        registry: &Registry,
    ) -> Result<(Self, JoinHandle<()>), prometheus::Error> {
        let mut recorder = Recorder::new(client, controller, instance);
        let (sink, notices, told) = Self::queue(registry, QUEUE)?;
        let tell = async move |notice: &Notice| publish(&mut recorder, notice).await;
        let task = Task {
            notices,
            told,
            lost: sink.lost.clone(),
            failing: false,
        };
        Ok((sink, tokio::spawn(async move { task.run(tell).await })))
    }

    /// Tells later, or counts that it could not. Returns at once.
    pub fn publish(&self, notice: Notice) {
        if self.queue.try_send(notice).is_err() {
            self.lost.with_label_values(&[Lost::QueueFull.as_ref()]).inc();
        }
    }

    fn queue(
        registry: &Registry,
        length: usize,
    ) -> Result<(Self, mpsc::Receiver<Notice>, IntCounter), prometheus::Error> {
        let told = metrics::counter(registry, "ferrolb_events_total", "Kubernetes events written.")?;
        let lost = metrics::counters(
            registry,
            "ferrolb_events_lost_total",
            "Kubernetes events that were not written, by cause.",
            &["cause"],
        )?;
        let (queue, notices) = mpsc::channel(length);
        Ok((Self { queue, lost }, notices, told))
    }
}

/// Tells one notice after the other.
struct Task {
    notices: mpsc::Receiver<Notice>,
    told: IntCounter,
    lost: IntCounterVec,
    failing: bool,
}

impl Task {
    async fn run(mut self, mut tell: impl AsyncFnMut(&Notice) -> Result<(), Failure>) {
        while let Some(notice) = self.notices.recv().await {
            let result = persist(&mut tell, &notice).await;
            self.account(&notice, result);
        }
    }

    fn account(&mut self, notice: &Notice, result: Result<(), Failure>) {
        let (cause, message) = match result {
            Ok(()) => {
                self.told.inc();
                self.failing = false;
                return;
            }
            Err(Failure::Moot(message)) => {
                tracing::debug!(reason = notice.reason, cause = message, "event not written");
                self.lost.with_label_values(&[Lost::Refused.as_ref()]).inc();
                return;
            }
            Err(Failure::Final(message)) => (Lost::Refused, message),
            Err(Failure::Transient(message)) => (Lost::Unreachable, message),
        };
        self.lost.with_label_values(&[cause.as_ref()]).inc();
        let reason = &notice.reason;
        if self.failing {
            tracing::debug!(reason, cause = message, "event not written");
        } else {
            tracing::warn!(reason, cause = message, "events cannot be written");
        }
        self.failing = true;
    }
}

/// Tries until it is told, refused, or the attempts are used up.
async fn persist(
    tell: &mut impl AsyncFnMut(&Notice) -> Result<(), Failure>,
    notice: &Notice,
) -> Result<(), Failure> {
    for attempt in 0..ATTEMPTS - 1 {
        match tell(notice).await {
            Err(Failure::Transient(_)) => tokio::time::sleep(BACKOFF.delay(attempt, Jitter::random())).await,
            settled => return settled,
        }
    }
    tell(notice).await
}

async fn publish(recorder: &mut Recorder, notice: &Notice) -> Result<(), Failure> {
    match tokio::time::timeout(TIMEOUT, recorder.tell(notice)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::of(&error)),
        Err(_elapsed) => Err(Failure::Transient(format!("no answer within {TIMEOUT:?}"))),
    }
}

impl Failure {
    fn of(error: &kube::Error) -> Self {
        let message = cause::of_request(error);
        match error {
            kube::Error::Api(status) if is_terminating(status) => Self::Moot(message),
            kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 429 => {
                Self::Final(message)
            }
            _ => Self::Transient(message),
        }
    }
}

/// Whether the API server refuses because the namespace is going (`CauseType` of its lifecycle admission).
fn is_terminating(status: &kube::core::Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .into_iter()
        .any(|cause| cause.reason == "NamespaceTerminating")
}

/// `text`, cut at a character boundary if it has more than `limit` bytes.
fn shortened(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit - '…'.len_utf8());
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests;
