//! What became of the writes.

use ferrolb_crds::domain::ServiceKey;
use ferrolb_runtime::backoff::Jitter;
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
                whole,
                notices,
            } => {
                let ending = if owners.is_empty() {
                    ending
                } else {
                    self.disputed(&service, owners)
                };
                if let (Ending::Landed, true, Some(term)) = (ending, whole, &mut self.term) {
                    term.disputes.settled(&service);
                    term.left.remove(&service);
                }
                self.pending
                    .ended(&service, ending, Instant::now(), Jitter::random());
                self.trailing.add(notices, Instant::now());
                if ending != Ending::Landed || !self.pending.in_flight() {
                    self.pace.asked();
                }
                self.tell_trailing();
            }
        }
    }

    /// Tells what has landed, once nobody waits for an address any more or it has waited long enough itself.
    pub(super) fn tell_trailing(&mut self) {
        for notice in self.trailing.due(self.pending.in_flight(), Instant::now()) {
            self.actor.tell(notice);
        }
    }

    fn disputed(&mut self, service: &ServiceKey, owners: Vec<String>) -> Ending {
        let Some(term) = &mut self.term else {
            return Ending::Stale;
        };
        match term.disputes.met(service, owners, Instant::now()) {
            Verdict::Take => return Ending::Stale,
            Verdict::GiveUp => {
                let owners = term.disputes.given_up_to(service).unwrap_or_default();
                tracing::warn!(%service, owners, "another controller keeps writing the status; it is left alone");
            }
            Verdict::LeaveAlone => {}
        }
        Ending::Refused
    }
}
