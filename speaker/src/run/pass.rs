//! One pass: see, may, tell the ports, and say what is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::domain::{Component, ConfigurationReport, NodeLinks};
use ferrolb_runtime::backoff::Jitter;
use ferrolb_segment::message::NodeId;
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::{PUT_OFF_AT_MOST, SHARE, Speaker};
use crate::layer2::{Here, Moves};
use crate::may::May;
use crate::see::interfaces;
use crate::see::snapshot::Snapshot;
use crate::tell::condition::{self, Known};
use crate::tell::events::{self, Told};
use crate::tell::l2_status::{self, Seen};
use crate::tell::write::{Done, Target};
use crate::verdict::{Evidence, Verdicts};

impl Speaker {
    /// Once over everything; nothing waits for the API server. Returns when the next pass may begin.
    pub(super) fn pass(&mut self) -> Instant {
        let began = Instant::now();
        let snapshot = self.reader.read(&self.stores);
        self.membership.learn(snapshot.secret.as_deref());
        let may = self.memory.judge(&snapshot.view);
        let links = interfaces::read(&self.wire.links.borrow_and_update());
        let here = Here {
            node: &self.node,
            interfaces: &links,
            exclude: &snapshot.exclude,
        };
        self.membership
            .tell(&snapshot.view, &may, &self.moves(&snapshot, &may), here);
        let has_key = self.membership.has_key();
        let verdicts = Verdicts::of(&Evidence {
            node: &self.node,
            view: &snapshot.view,
            may: &may,
            told: &self.membership.told(),
            reports: &self.membership.reports(),
            statuses: &snapshot.statuses,
            has_key,
        });
        events::log(&mut self.logged, &verdicts);
        self.metrics.show(&verdicts, snapshot.problems.len());
        events::log_news(&mut self.notes, may.notes.clone());
        for notice in self.faults.notices(&snapshot, &verdicts) {
            self.actor.tell(notice);
        }
        self.show_configuration(&snapshot, interfaces::told(&links, &snapshot.exclude));
        self.report(&snapshot, &verdicts);
        self.state(&snapshot, &verdicts);
        let ended = Instant::now();
        ended + ((ended - began) * SHARE).min(PUT_OFF_AT_MOST)
    }

    /// What `ferrolb rebalance` asks of this node. A group goes as a whole.
    fn moves(&self, snapshot: &Snapshot, may: &May) -> Moves {
        let own = |status: &&Seen| status.node().as_ref() == Some(&self.node);
        let asked = snapshot.statuses.iter().filter(own).filter_map(|status| {
            let service = snapshot.view.services.get(&status.service()?)?;
            Some((service.view.ingress, NodeId::of(status.move_to.as_ref()?)))
        });
        let mut moves = BTreeMap::new();
        for (addresses, node) in asked {
            let judged = addresses
                .iter()
                .filter_map(|address| may.by_address.get(&address));
            let groups = judged.filter_map(|judged| Some(&judged.eligible.as_ref().ok()?.place.group));
            moves.extend(groups.flat_map(|group| group.iter().map(|address| (*address, node))));
        }
        Arc::new(moves)
    }

    /// `ConfigurationState`.
    fn show_configuration(&mut self, snapshot: &Snapshot, links: NodeLinks) {
        let report = ConfigurationReport {
            component: Component::Speaker(self.node.clone()),
            pod: self.pod.clone().map(|pod| (pod.name, pod.uid)),
            faults: snapshot.problems.iter().map(ToString::to_string).collect(),
            links: Some(links),
        };
        self.configuration.send_if_modified(|shown| {
            let differs = shown.as_ref() != Some(&report);
            *shown = Some(report);
            differs
        });
    }

    /// Events and `ServiceL2Status`.
    fn report(&mut self, snapshot: &Snapshot, verdicts: &Verdicts) {
        if !self.reported.missing().is_empty() {
            return;
        }
        let told = self
            .told
            .get_or_insert_with(|| Told::before(l2_status::services_of(&snapshot.statuses, &self.node)));
        for notice in told.notices(verdicts, &snapshot.shown) {
            self.actor.tell(notice);
        }
        let wanted = l2_status::wanted(verdicts, &self.node, self.pod.as_ref());
        let service = |key: &_| snapshot.view.services.get(key);
        let announces =
            |key: &_, node: &_| service(key).is_some_and(|one| verdicts.announces(&one.view, node));
        let succeeded =
            |key: &_, node: &_| service(key).is_none_or(|one| verdicts.have_moved_from(&one.view, node));
        let changes = l2_status::changes(&wanted, &snapshot.statuses, &self.node, announces);
        let changes = self.due.allowed(changes, &wanted, &snapshot.statuses, succeeded);
        for (name, change) in self.due.take(changes, Instant::now()) {
            self.actor.change(name, change);
        }
    }

    /// Conditions of Services.
    fn state(&mut self, snapshot: &Snapshot, verdicts: &Verdicts) {
        let now = Instant::now();
        self.settling.follow(&verdicts.rivals, now);
        let settling = &self.settling;
        let known = Known {
            options: &snapshot.view.options,
            verdicts,
            is_settled: &|service| settling.is_settled(service, now),
        };
        let writes = condition::writes(&known, &snapshot.shown, Timestamp::now());
        let asked_for: BTreeSet<String> = writes.iter().map(|one| one.service.to_string()).collect();
        self.stated.prune(|service| asked_for.contains(service));
        for write in writes {
            let service = write.service.to_string();
            if self.stated.send(&service, &write.statement, now) {
                self.actor.state(write);
            }
        }
    }

    pub(super) fn ended(&mut self, done: &Done) {
        let (landed, now, jitter) = (done.landed, Instant::now(), Jitter::random());
        match &done.target {
            Target::Status(name) => self.due.ended(name, landed, now, jitter),
            Target::Condition(service) => self.stated.ended(service, landed, now, jitter),
        }
    }
}
