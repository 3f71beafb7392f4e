//! What became of the writes.

use ferrolb_crds::domain::ServiceKey;
use ferrolb_runtime::backoff::Jitter;
use ferrolb_runtime::events::Notice;
use ferrolb_runtime::reflect::ObjectKey;
use kube::Resource;
use kube::runtime::events::EventType;
use tokio::time::Instant;

use super::Controller;
use crate::act::{Done, Verdict};
use crate::pending::Ending;

impl Controller {
    /// Notes an ending. One that the watch will show anyway asks for no turn, unless it was the last.
    pub(super) fn ended(&mut self, done: Done) {
        match done {
            Done::Pool { pool, landed } => {
                if let Some(term) = &mut self.term {
                    term.pool_writes.under_way.remove(&pool);
                }
                if !landed {
                    tracing::debug!(%pool, "counters of the pool not written");
                    self.pace.asked();
                }
            }
            Done::Versions(versions) => {
                if let Some(takeover) = self.term.as_mut().and_then(|term| term.takeover.as_mut()) {
                    takeover.listed(versions, Instant::now());
                    self.pace.asked_at_once();
                }
            }
            Done::Service {
                service,
                ending,
                owners,
            } => {
                let ending = if owners.is_empty() {
                    ending
                } else {
                    self.disputed(&service, owners)
                };
                self.pending
                    .ended(&service, ending, Instant::now(), Jitter::random());
                if ending != Ending::Landed || !self.pending.in_flight() {
                    self.pace.asked();
                }
            }
        }
    }

    fn disputed(&mut self, service: &ServiceKey, owners: Vec<String>) -> Ending {
        let Some(term) = &mut self.term else {
            return Ending::Stale;
        };
        match term.disputes.met(service, owners) {
            Verdict::Take => return Ending::Stale,
            Verdict::GiveUp => {
                let owners = term.disputes.owners(service);
                self.tell_dispute(service, &owners);
            }
            Verdict::LeaveAlone => {}
        }
        Ending::Refused
    }

    fn tell_dispute(&self, service: &ServiceKey, owners: &str) {
        tracing::warn!(%service, owners, "another controller keeps writing the status; it is left alone");
        let snapshot = self.stores.services.snapshot();
        let key = ObjectKey::new(service.namespace.clone(), service.name.clone());
        let object = snapshot.get(&key).and_then(|entry| entry.object());
        if let Some(object) = object {
            self.actor.tell(Notice {
                regarding: object.object_ref(&()),
                severity: EventType::Warning,
                reason: "StatusDisputed".to_owned(),
                note: format!("{owners} keeps writing the status of this Service, which is left alone"),
            });
        }
    }
}
