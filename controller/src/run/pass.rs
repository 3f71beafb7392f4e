//! What a leader does in one turn, and what a follower does.

use std::collections::BTreeSet;
use std::time::Duration;

use ferrolb_crds::domain::{Component, ConfigurationReport, ServiceKey};
use ferrolb_runtime::events::Notice;
use ferrolb_runtime::newest::send_if_other;
use ferrolb_runtime::reflect::Problem;
use k8s_openapi::jiff::Timestamp;
use kube::runtime::events::EventType;
use tokio::time::Instant;

use super::Controller;
use crate::alloc::{Decision, decide};
use crate::plan::{pool_writes, service_writes};
use crate::snapshot::Snapshot;
use crate::term::Term;

/// A pool's counters are written at most this often while they keep changing.
const POOL_STATUS_PACE: Duration = Duration::from_secs(1);

impl Controller {
    /// Keeps warm what a leader needs, and says what is wrong with the configuration; writes nothing.
    pub(super) fn follow(&mut self) {
        if let Some(term) = self.term.take() {
            tracing::info!(term = term.number, "follows from now on");
            self.metrics.forget_pools();
        }
        self.state.send_if_modified(|state| state.take().is_some());
        self.legacy.send_if_modified(|legacy| legacy.take().is_some());
        let snapshot = self.reader.read(&self.stores, &self.pending);
        self.metrics.follow(snapshot.invalid_in_words().len());
    }

    /// Leads, once the watch shows what the last leader wrote.
    pub(super) fn lead(&mut self, number: u64, now: Instant) {
        let mut term = match self.term.take().filter(|term| term.number == number) {
            Some(term) => term,
            None => {
                tracing::info!(term = number, "leads from now on");
                Term::begin(number, self.cooldown, self.inherited.borrow().as_deref(), now)
            }
        };
        let snapshot = self.reader.read(&self.stores, &self.pending);
        if let Some(takeover) = &mut term.takeover {
            if takeover.should_list(now) {
                self.actor.list_versions();
            }
            if takeover.is_over(|service| self.stores.service_version(service)) {
                term.left = takeover.written_by_us(|service| snapshot.world.is_of_another_class(service));
                term.takeover = None;
            }
        }
        if term.takeover.is_none() {
            self.pass(&mut term, snapshot, now);
        }
        self.term = Some(term);
    }

    /// Snapshot, decide, plan, act: once over everything.
    fn pass(&mut self, term: &mut Term, mut snapshot: Snapshot, now: Instant) {
        term.memory.recall(&mut snapshot.world, now);
        let decision = decide(&snapshot.world);
        term.memory.note(&snapshot.world, &decision, now);
        self.legacy.send_replace(Some(term.memory.legacy()));
        let invalid = snapshot.invalid_in_words();
        self.metrics
            .show(&decision, invalid.len(), term.disputes.given_up());
        self.tell_problems(term, &snapshot, now);
        self.report(invalid);
        snapshot.left.clone_from(&term.left);
        let given_up_to = |service: &ServiceKey| term.disputes.given_up_to(service);
        let writes = service_writes(
            &snapshot,
            &decision,
            &mut term.settled,
            |service, version| self.pending.may_send(service, version, now),
            given_up_to,
            Timestamp::now(),
        );
        for write in writes {
            self.pending.sent(
                write.service.clone(),
                write.version.clone(),
                write.assumed.clone(),
            );
            let ownership = term.disputes.ownership(&write.service);
            self.actor.write_service(write, ownership);
        }
        self.tell_trailing();
        self.write_pools(term, &snapshot, &decision, now);
        self.pending.prune(|service| snapshot.version(service), now);
        term.disputes
            .prune(|service: &ServiceKey| snapshot.services.contains_key(service));
    }

    /// Counters of pools come after the Services that are waiting.
    fn write_pools(&mut self, term: &mut Term, snapshot: &Snapshot, decision: &Decision, now: Instant) {
        let writes = &mut term.pool_writes;
        if self.pending.in_flight() || writes.not_before.is_some_and(|time| now < time) {
            return;
        }
        for write in pool_writes(snapshot, &decision.usage) {
            if writes.under_way.insert(write.pool.clone()) {
                writes.not_before = Some(now + POOL_STATUS_PACE);
                self.actor.write_pool(write);
            }
        }
    }

    fn report(&self, faults: BTreeSet<String>) {
        let report = ConfigurationReport {
            component: Component::Controller,
            pod: self.pod.clone(),
            faults,
            links: None,
            sessions: None,
        };
        send_if_other(&self.state, Some(report.by_name()));
    }

    /// Tells each problem once, for as long as it lasts.
    fn tell_problems(&mut self, term: &mut Term, snapshot: &Snapshot, now: Instant) {
        let mut invalid = term.told_invalid.news(&snapshot.invalid, now);
        let doubtful = term.told_doubtful.news(&snapshot.doubtful, now);
        for fault in &invalid {
            tracing::warn!(%fault, "object skipped in whole or in part");
        }
        for fault in &doubtful {
            tracing::info!(%fault, "object used as it is");
        }
        invalid.extend(doubtful);
        self.trailing.add(invalid.into_iter().map(notice).collect(), now);
    }
}

fn notice(problem: &Problem) -> Notice {
    Notice {
        regarding: problem.object.clone(),
        severity: EventType::Warning,
        reason: "InvalidConfiguration".to_owned(),
        note: problem.message.clone(),
    }
}
