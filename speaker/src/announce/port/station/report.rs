//! What the rest of the speaker is told.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::super::PortTask;
use super::Station;
use crate::announce::protocol::SegmentReport;
use ferrolb_segment::message::State;

/// What others are to know of this port is told at most so often.
const BETWEEN_REPORTS: Duration = Duration::from_millis(50);
/// So long it is put off for addresses of which nobody was told.
const UNTOLD_AT_MOST: Duration = Duration::from_secs(1);
impl Station {
    /// What the API server is told comes after what the segment is told.
    pub(super) fn report_due(&self) -> Option<Instant> {
        let next = self.reported? + BETWEEN_REPORTS;
        let untold = self.untold.values().next().map(|since| *since + UNTOLD_AT_MOST);
        self.news
            .then_some(untold.map_or(next, |untold| untold.max(next)))
    }

    pub(super) fn report(&mut self, port: &PortTask) {
        let now = Instant::now();
        let leaving = self.core.state() == State::Leaving && self.core.has_left(self.now());
        self.news |= leaving;
        if !self.news || self.report_due().is_some_and(|due| now < due) {
            return;
        }
        self.news = false;
        self.reported = Some(now);
        let view = self.protocol.views.borrow().get(&port.port.interface).cloned();
        let places = view.iter().flat_map(|view| view.places.keys());
        let report = SegmentReport {
            instance: Some(self.core.instance()),
            joined: self.core.state() != State::Joining,
            up: self.core.up(),
            held: match self.core.is_with_majority(self.now()) {
                true => port.held.iter().copied().collect(),
                false => BTreeSet::new(),
            },
            holders: places
                .filter_map(|address| Some((*address, self.core.holder(*address)?)))
                .collect(),
            left: leaving,
        };
        let up = &self.protocol.metrics.up;
        up.with_label_values(&[self.interface.as_str()])
            .set(report.up.len() as i64);
        self.protocol.reports.send_if_modified(|reports| {
            let differs = reports.get(&port.port.interface) != Some(&report);
            reports.insert(port.port.interface.clone(), report);
            differs
        });
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
