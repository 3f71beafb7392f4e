//! What the rest of the speaker is told.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_segment::message::State;
use tokio::time::Instant;

use super::super::PortTask;
use super::Station;
use super::holders::HolderIndex;
use crate::layer2::announce::holders::Holders;
use crate::layer2::announce::protocol::SegmentReport;

/// What others are to know of this port is told at most so often.
const BETWEEN_REPORTS: Duration = Duration::from_millis(50);
/// So long it is put off for addresses of which nobody was told.
const UNTOLD_AT_MOST: Duration = Duration::from_secs(1);

/// What was reported, and what of it may have changed since.
pub(super) struct Reporter {
    /// Something changed that the report shows.
    pub(super) news: bool,
    pub(super) holders: HolderIndex,
    /// What the port holds; none if it changed.
    held: Option<Arc<BTreeSet<IpAddr>>>,
    last: Option<SegmentReport>,
    at: Option<Instant>,
}

impl Reporter {
    pub(super) fn new() -> Self {
        Self {
            news: true,
            holders: HolderIndex::default(),
            held: None,
            last: None,
            at: None,
        }
    }

    /// Which node holds which address, as it was reported last.
    pub(super) fn known_holders(&self) -> Option<&Holders> {
        self.last.as_ref().map(|last| &last.holders)
    }

    /// The port holds something else from now on.
    pub(super) fn held_changed(&mut self) {
        self.news = true;
        self.held = None;
    }
}

impl Station {
    /// What the API server is told comes after what the segment is told.
    pub(super) fn report_due(&self) -> Option<Instant> {
        let next = self.reporter.at? + BETWEEN_REPORTS;
        let untold = self.untold.values().next().map(|since| *since + UNTOLD_AT_MOST);
        self.reporter
            .news
            .then_some(untold.map_or(next, |untold| untold.max(next)))
    }

    pub(super) fn report(&mut self, port: &PortTask) {
        let now = Instant::now();
        let leaving = self.core.state() == State::Leaving && self.core.has_left(self.now());
        let last_left = self.reporter.last.as_ref().is_some_and(|last| last.left);
        self.reporter.news |= leaving != last_left;
        if !self.reporter.news || self.report_due().is_some_and(|due| now < due) {
            return;
        }
        self.reporter.news = false;
        self.reporter.at = Some(now);
        let report = self.make_report(port, leaving);
        let up = &self.protocol.metrics.up;
        up.with_label_values(&[self.interface.as_str()])
            .set(report.up.len() as i64);
        if self.reporter.last.as_ref() != Some(&report) {
            self.reporter.last = Some(report.clone());
            self.protocol
                .reports
                .send_modify(|reports| drop(reports.insert(self.interface.clone(), report)));
        }
    }

    /// Shares with the last report what is the same.
    fn make_report(&mut self, port: &PortTask, left: bool) -> SegmentReport {
        let with_majority = self.core.is_with_majority(self.now());
        let Reporter { holders, held, .. } = &mut self.reporter;
        let held = held.get_or_insert_with(|| Arc::new(port.held.iter().copied().collect()));
        SegmentReport {
            instance: Some(self.core.instance()),
            joined: self.core.state() != State::Joining,
            up: self.core.up(),
            held: match with_majority {
                true => held.clone(),
                false => Arc::default(),
            },
            holders: holders.renew(|address| self.core.holder(address)),
            wire: self.looks(),
            left,
        }
    }
}

/// A port may be closed at any time: what it said then goes with it, unless its successor has spoken already.
impl Drop for Station {
    fn drop(&mut self) {
        let (instance, interface) = (self.core.instance(), &self.interface);
        let gone = self.protocol.reports.send_if_modified(|reports| {
            let is_own = reports
                .get(interface)
                .is_some_and(|report| report.instance == Some(instance));
            is_own && reports.remove(interface).is_some()
        });
        if gone {
            self.forget_transport();
            // The only error is that there is no such series.
            let _absent = self
                .protocol
                .metrics
                .up
                .remove_label_values(&[interface.as_str()]);
        }
    }
}
