//! Writes → requests to the API server, several at a time; what became of each comes back as a value.

mod disputes;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::api::IPAddressPool;
use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::{PoolName, ServiceKey};
use ferrolb_runtime::events::{EventSink, Notice};
use ferrolb_runtime::idle;
use ferrolb_runtime::patch::{Conflict, Outcome, Ownership, Writer};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

pub(crate) use disputes::{Disputes, Verdict};

use crate::lead::{self, Leadership};
use crate::pending::Ending;
use crate::plan::{PoolWrite, StatusWrite};
use crate::takeover::Versions;

/// Writes under way at once: enough to keep an API server busy, few enough to leave it room.
const AT_ONCE: usize = 16;
/// No longer than the time between the end of our own lease and the earliest begin of another's.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// What became of a write.
pub(crate) enum Done {
    /// The status of a Service.
    Service {
        service: ServiceKey,
        ending: Ending,
        owners: Vec<String>,
        /// Whether it held everything of ours.
        whole: bool,
        /// What to tell now that it has landed.
        notices: Vec<Notice>,
    },
    /// The status of a pool.
    Pool { pool: PoolName, landed: bool },
    /// The resource versions of all Services; none if they could not be listed.
    Versions(Option<Versions>),
}

/// Sends writes and collects their endings.
pub(crate) struct Actor {
    client: Client,
    writer: Writer,
    events: EventSink,
    permits: Arc<Semaphore>,
    leadership: watch::Receiver<Leadership>,
    tasks: JoinSet<Done>,
}

impl Actor {
    pub(crate) fn new(
        client: Client,
        writer: Writer,
        events: EventSink,
        leadership: watch::Receiver<Leadership>,
    ) -> Self {
        Self {
            client,
            writer,
            events,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            leadership,
            tasks: JoinSet::new(),
        }
    }

    /// Sends a Service's status; its notices come back once it has landed.
    pub(crate) fn write_service(&mut self, write: StatusWrite, ownership: Ownership) {
        let api: Api<Service> = Api::namespaced(self.client.clone(), &write.service.namespace);
        let (writer, permits) = (self.writer.clone(), self.permits.clone());
        let leadership = self.leadership.clone();
        self.tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            if !leadership.borrow().may_write(lead::now()) {
                return Done::Service {
                    service: write.service,
                    ending: Ending::Stale,
                    owners: Vec::new(),
                    whole: write.whole,
                    notices: Vec::new(),
                };
            }
            let outcome = writer
                .apply_status(&api, &write.service.name, &write.body, ownership)
                .await;
            log_failure(&write.service, &outcome);
            let landed = matches!(outcome, Outcome::Applied(_));
            let (ending, owners) = ending(outcome);
            Done::Service {
                service: write.service,
                ending,
                owners,
                whole: write.whole,
                notices: if landed { write.notices } else { Vec::new() },
            }
        });
    }

    /// Sends a pool's counters.
    pub(crate) fn write_pool(&mut self, write: PoolWrite) {
        let api: Api<IPAddressPool> = Api::namespaced(self.client.clone(), &write.namespace);
        let (writer, permits) = (self.writer.clone(), self.permits.clone());
        let leadership = self.leadership.clone();
        let body = json!({
            "apiVersion": "metallb.io/v1beta1",
            "kind": "IPAddressPool",
            "metadata": { "name": write.pool, "namespace": write.namespace },
            "status": write.status,
        });
        self.tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            if !leadership.borrow().may_write(lead::now()) {
                return Done::Pool {
                    pool: write.pool,
                    landed: false,
                };
            }
            // Counters that somebody edits by hand are put right, as MetalLB does.
            let outcome = writer
                .apply_status(&api, write.pool.as_str(), &body, Ownership::Take)
                .await;
            Done::Pool {
                pool: write.pool,
                landed: matches!(outcome, Outcome::Applied(_) | Outcome::Gone),
            }
        });
    }

    /// Reads the versions of all Services as they are in the database, and on which of them we wrote.
    pub(crate) fn list_versions(&mut self) {
        let listed = versions::list(self.client.clone(), self.writer.field_manager().to_owned());
        self.tasks
            .spawn(async move { Done::Versions(timeout(WRITE_TIMEOUT, listed).await.ok().flatten()) });
    }

    /// Whether some writes wait until others end.
    pub(crate) fn writes_wait(&self) -> bool {
        self.tasks.len() > AT_ONCE
    }

    /// The next write that ended; waits for ever while there is none under way.
    pub(crate) async fn next(&mut self) -> Done {
        idle::next_ended(&mut self.tasks).await
    }

    /// Tells about an object without writing to it.
    pub(crate) fn tell(&self, notice: Notice) {
        self.events.publish(notice);
    }
}

fn ending(outcome: Outcome) -> (Ending, Vec<String>) {
    match outcome {
        Outcome::Applied(_) => (Ending::Landed, Vec::new()),
        Outcome::Unknown(_) => (Ending::Unknown, Vec::new()),
        Outcome::Rejected(_) => (Ending::Refused, Vec::new()),
        Outcome::Gone | Outcome::Conflict(Conflict::StaleVersion) => (Ending::Stale, Vec::new()),
        Outcome::Conflict(conflict) => {
            let owners = conflict.managers().into_iter().map(str::to_owned).collect();
            (Ending::Refused, owners)
        }
    }
}

fn log_failure(service: &ServiceKey, outcome: &Outcome) {
    match outcome {
        Outcome::Applied(_) | Outcome::Gone | Outcome::Conflict(Conflict::StaleVersion) => {}
        Outcome::Conflict(conflict) => {
            tracing::info!(%service, owners = ?conflict.managers(), "others own fields of the status");
        }
        Outcome::Rejected(cause) => tracing::warn!(%service, cause, "status refused by the API server"),
        Outcome::Unknown(cause) => tracing::warn!(%service, cause, "status written or not, nobody knows"),
    }
}
