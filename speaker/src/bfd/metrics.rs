//! What is counted of sessions, under MetalLB's names and labels.

use ferrolb_peering::bfd::{State, Status};
use ferrolb_runtime::metrics;
use prometheus::{Histogram, IntCounterVec, IntGaugeVec, Registry};

use super::Line;

/// The address of the peer, without a port as MetalLB has it, or the interface that it is behind; and the VRF.
const LABELS: [&str; 2] = ["peer", "vrf"];

/// All metrics of sessions.
#[derive(Clone)]
pub struct BfdMetrics {
    up: IntGaugeVec,
    counters: [IntCounterVec; 4],
    ignored: IntCounterVec,
    /// How late the thread was.
    pub(super) late: Histogram,
}

/// What is shown of one session; goes with it.
pub(super) struct Shown {
    metrics: BfdMetrics,
    labels: [String; 2],
    counted: [u64; 5],
}

impl BfdMetrics {
    /// Adds all to the registry, once per process.
    ///
    /// # Errors
    /// The registry has them already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| metrics::counters(registry, name, help, &LABELS);
        let late = metrics::histogram(
            registry,
            "ferrolb_bfd_late_seconds",
            "How much later than it wanted the thread of BFD ran.",
            (0.0001, 4.0, 8),
        )?;
        Ok(Self {
            up: metrics::gauges(
                registry,
                "metallb_bfd_session_up",
                "1 while the BFD session with the peer is up.",
                &LABELS,
            )?,
            counters: [
                counter(
                    "metallb_bfd_control_packet_output",
                    "BFD control packets sent to the peer.",
                )?,
                counter(
                    "metallb_bfd_control_packet_input",
                    "BFD control packets received from the peer.",
                )?,
                counter(
                    "metallb_bfd_session_up_events",
                    "Times that the BFD session with the peer came up.",
                )?,
                counter(
                    "metallb_bfd_session_down_events",
                    "Times that the BFD session with the peer went down.",
                )?,
            ],
            ignored: counter(
                "ferrolb_bfd_ignored_packets_total",
                "BFD control packets from the peer that were ignored: from too far away, or for another session.",
            )?,
            late,
        })
    }

    pub(super) fn of(&self, line: &Line) -> Shown {
        let interface = line.interface.as_ref().map(|interface| interface.name.clone());
        let peer = interface.unwrap_or_else(|| line.peer.to_string());
        Shown {
            metrics: self.clone(),
            labels: [peer, line.vrf.clone().unwrap_or_default()],
            counted: [0; 5],
        }
    }
}

impl Shown {
    pub(super) fn show(&mut self, status: &Status) {
        let labels = self.labels.each_ref().map(String::as_str);
        let up = self.metrics.up.with_label_values(&labels);
        up.set((status.state == State::Up).into());
        let counters = status.counters;
        let now = [
            counters.sent,
            counters.received,
            counters.ups,
            counters.downs,
            counters.ignored,
        ];
        let series = self.metrics.counters.iter().chain([&self.metrics.ignored]);
        for ((series, now), before) in series.zip(now).zip(self.counted) {
            // A session that begins anew counts from 0.
            let more = now.checked_sub(before).unwrap_or(now);
            series.with_label_values(&labels).inc_by(more);
        }
        self.counted = now;
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let labels = self.labels.each_ref().map(String::as_str);
        // The only error is that there is no such series.
        let _absent = self.metrics.up.remove_label_values(&labels);
    }
}
