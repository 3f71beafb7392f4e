//! What the announcer counts. The series of an address go when it is held no longer.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use crate::respond::Ignored;

/// Counters of layer 2, those that MetalLB has under its names.
#[derive(Clone, Debug)]
pub struct LayerTwoMetrics {
    requests: IntCounterVec,
    responses: IntCounterVec,
    gratuitous: IntCounterVec,
    foreign: IntCounterVec,
    ignored: IntCounterVec,
    dropped: IntCounter,
    forgotten: Arc<AtomicU64>,
}

/// The counters of one address, looked up once.
#[derive(Clone, Debug)]
pub(super) struct AddressCounters {
    pub(super) requests: IntCounter,
    pub(super) responses: IntCounter,
    pub(super) gratuitous: IntCounter,
    pub(super) foreign: IntCounter,
}

impl LayerTwoMetrics {
    /// Adds the counters to the registry, once per process.
    ///
    /// # Errors
    /// The registry has them already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let vec = |name: &str, help: &str, label: &str| -> Result<IntCounterVec, prometheus::Error> {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        let dropped = IntCounter::new(
            "ferrolb_layer2_news_dropped_total",
            "Reports of the wire that nobody took.",
        )?;
        registry.register(Box::new(dropped.clone()))?;
        Ok(Self {
            requests: vec(
                "metallb_layer2_requests_received",
                "ARP and NDP questions for an address that this node holds.",
                "ip",
            )?,
            responses: vec(
                "metallb_layer2_responses_sent",
                "Answers to such questions.",
                "ip",
            )?,
            gratuitous: vec(
                "metallb_layer2_gratuitous_sent",
                "Frames that told of an address unasked.",
                "ip",
            )?,
            foreign: vec(
                "ferrolb_layer2_foreign_claims_total",
                "Frames in which another station claimed an address that this node holds.",
                "ip",
            )?,
            ignored: vec(
                "ferrolb_layer2_ignored_total",
                "Frames that passed the kernel filter and were not answered, by reason.",
                "reason",
            )?,
            dropped,
            forgotten: Arc::default(),
        })
    }

    pub(super) fn of(&self, address: IpAddr) -> AddressCounters {
        let label = address.to_string();
        let of = |counters: &IntCounterVec| counters.with_label_values(&[label.as_str()]);
        AddressCounters {
            requests: of(&self.requests),
            responses: of(&self.responses),
            gratuitous: of(&self.gratuitous),
            foreign: of(&self.foreign),
        }
    }

    /// Removes the series of an address that is held no longer.
    pub fn forget(&self, address: IpAddr) {
        for counters in [&self.requests, &self.responses, &self.gratuitous, &self.foreign] {
            // The only error is that there is no such series.
            let _absent = counters.remove_label_values(&[address.to_string().as_str()]);
        }
        self.forgotten.fetch_add(1, Ordering::Release);
    }

    /// How often series were removed; whoever keeps counters must look them up again when this has changed.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Acquire)
    }

    pub(super) fn ignored(&self, why: Ignored) -> IntCounter {
        self.ignored.with_label_values(&[why.label()])
    }

    pub(super) fn news_dropped(&self) {
        self.dropped.inc();
    }
}
