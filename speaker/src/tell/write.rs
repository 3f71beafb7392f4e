//! Changes → requests to the API server, several at a time; what became of each comes back as a value.

use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::api::ServiceL2Status;
use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::NodeName;
use ferrolb_crds::names::{self, STATUS_NODE};
use ferrolb_runtime::events::{EventSink, Notice};
use ferrolb_runtime::idle;
use ferrolb_runtime::patch::{Outcome, Ownership, WriteCounters, Writer};
use kube::{Api, Client};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::history::Move;
use crate::tell::condition::Write;
use crate::tell::l2_status::{Change, Wanted};

/// Writes under way at once: a node may take over thousands of Services together with others.
const AT_ONCE: usize = 16;
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// What became of a change.
#[derive(Debug)]
pub(crate) struct Done {
    /// What was changed.
    pub(crate) target: Target,
    /// Whether it is now as it should be.
    pub(crate) landed: bool,
}

/// What a change is of.
#[derive(Debug)]
pub(crate) enum Target {
    /// The `ServiceL2Status` of this name.
    Status(String),
    /// The condition of the Service, as `namespace/name`.
    Condition(String),
}

/// Sends changes and collects their endings.
pub(crate) struct Actor {
    client: Client,
    statuses: Statuses,
    events: EventSink,
    permits: Arc<Semaphore>,
    tasks: JoinSet<Done>,
}

#[derive(Clone)]
struct Statuses {
    api: Api<ServiceL2Status>,
    writer: Writer,
}

impl Actor {
    pub(crate) fn new(client: Client, namespace: &str, counters: WriteCounters, events: EventSink) -> Self {
        let statuses = Statuses {
            api: Api::namespaced(client.clone(), namespace),
            writer: Writer::new(names::SPEAKER_MANAGER, WRITE_TIMEOUT, counters),
        };
        Self {
            client,
            statuses,
            events,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            tasks: JoinSet::new(),
        }
    }

    /// Changes the `ServiceL2Status` of this name; what is made says how its Service came here.
    pub(crate) fn change(&mut self, name: String, change: Change, moved: Option<Move>) {
        let (statuses, permits) = (self.statuses.clone(), self.permits.clone());
        self.tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let result = match &change {
                Change::Apply(wanted) => statuses.apply(wanted, moved.as_ref()).await,
                Change::Delete { uid, .. } => statuses.delete(&name, uid).await,
                Change::Retire { node, .. } => statuses.retire(node).await,
            };
            if let Err(cause) = &result {
                tracing::debug!(name, cause, "ServiceL2Status not written");
            }
            Done {
                landed: result.is_ok(),
                target: Target::Status(name),
            }
        });
    }

    /// Writes the condition of a Service. It is ours alone, so what others wrote there is put right.
    pub(crate) fn state(&mut self, write: Write) {
        let api: Api<Service> = Api::namespaced(self.client.clone(), &write.service.namespace);
        let (writer, permits) = (self.statuses.writer.clone(), self.permits.clone());
        self.tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let (service, name) = (&write.service, &write.service.name);
            let outcome = writer
                .apply_status(&api, name, &write.body, Ownership::Take)
                .await;
            let landed = matches!(outcome, Outcome::Applied(_) | Outcome::Gone);
            if !landed {
                tracing::debug!(%service, ?outcome, "condition not written");
            }
            Done {
                landed,
                target: Target::Condition(service.to_string()),
            }
        });
    }

    /// The next change that ended; waits for ever while there is none under way.
    pub(crate) async fn next(&mut self) -> Done {
        idle::next_ended(&mut self.tasks).await
    }

    /// Tells about an object.
    pub(crate) fn tell(&self, notice: Notice) {
        self.events.publish(notice);
    }
}

impl Statuses {
    /// The object first, then its status. Both are ours alone, so what others wrote there is put right.
    async fn apply(&self, wanted: &Wanted, moved: Option<&Move>) -> Result<(), String> {
        let name = wanted.name();
        let made = self
            .writer
            .apply(&self.api, &name, &wanted.object(moved), Ownership::Take)
            .await;
        applied(made)?;
        let written = self
            .writer
            .apply_status(&self.api, &name, &wanted.status_object(), Ownership::Take)
            .await;
        applied(written)
    }

    async fn delete(&self, name: &str, uid: &str) -> Result<(), String> {
        let deleted = self.writer.delete(&self.api, name, uid.to_owned()).await;
        deleted.map_err(|outcome| format!("{outcome:?}"))
    }

    /// Deletes the objects of this node: also one that it made meanwhile, which it makes again then.
    async fn retire(&self, node: &NodeName) -> Result<(), String> {
        let of_node = format!("{STATUS_NODE}={node}");
        let deleted = self.writer.delete_labelled(&self.api, &of_node).await;
        deleted.map_err(|outcome| format!("{outcome:?}"))
    }
}

fn applied(outcome: Outcome) -> Result<(), String> {
    match outcome {
        Outcome::Applied(_) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
