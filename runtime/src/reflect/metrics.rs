//! How the watches of a process fare, by resource.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::health::Failure;
use crate::metrics;

/// Metrics of all watches, labelled with the resource (`services`).
#[derive(Clone, Debug)]
pub struct WatchMetrics {
    failures: IntCounterVec,
    last_event: IntGaugeVec,
    up: IntGaugeVec,
    objects: IntGaugeVec,
    undecodable: IntGaugeVec,
}

/// The metrics of one watch.
#[derive(Debug)]
pub(super) struct ResourceMetrics {
    failures: IntCounterVec,
    resource: String,
    last_event: IntGauge,
    pub(super) up: IntGauge,
    pub(super) objects: IntGauge,
    pub(super) undecodable: IntGauge,
}

impl WatchMetrics {
    /// Adds the metrics to `registry`, once per process.
    ///
    /// # Errors
    /// The registry has them already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| metrics::gauges(registry, name, help, &["resource"]);
        Ok(Self {
            failures: metrics::counters(
                registry,
                "ferrolb_watch_failures_total",
                "Failed lists and watches, by cause.",
                &["resource", "cause"],
            )?,
            last_event: gauge(
                "ferrolb_watch_last_event_timestamp_seconds",
                "When the API server last said something new, in Unix time; time() minus this is the age.",
            )?,
            up: gauge(
                "ferrolb_watch_up",
                "1 while the watch works, 0 while it fails or was never listed.",
            )?,
            objects: gauge(
                "ferrolb_watch_objects",
                "Objects in the snapshot, undecodable ones included.",
            )?,
            undecodable: gauge(
                "ferrolb_watch_undecodable_objects",
                "Objects that do not fit their type.",
            )?,
        })
    }

    pub(super) fn of(&self, resource: &str) -> ResourceMetrics {
        let of = |gauge: &IntGaugeVec| gauge.with_label_values(&[resource]);
        ResourceMetrics {
            failures: self.failures.clone(),
            resource: resource.to_owned(),
            last_event: of(&self.last_event),
            up: of(&self.up),
            objects: of(&self.objects),
            undecodable: of(&self.undecodable),
        }
    }
}

impl ResourceMetrics {
    pub(super) fn failures(&self, cause: Failure) -> IntCounter {
        self.failures
            .with_label_values(&[self.resource.as_str(), cause.as_ref()])
    }

    pub(super) fn heard(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_event
            .set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    }
}
