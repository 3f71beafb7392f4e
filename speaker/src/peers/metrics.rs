//! What is counted of sessions, under MetalLB's names and labels.

use std::time::Duration;

use ferrolb_peering::bgp::wire::Notification;
use ferrolb_peering::bgp::{Down, Endpoint, State, Status};
use ferrolb_runtime::metrics;
use prometheus::{Histogram, IntCounterVec, IntGaugeVec, Registry};

const LABELS: [&str; 2] = ["peer", "vrf"];

/// Messages that are counted: the metric of those sent, that of those received, in the order of their types on the wire.
const MESSAGES: [(&str, Option<&str>, &str); 4] = [
    (
        "metallb_bgp_opens_sent",
        Some("metallb_bgp_opens_received"),
        "OPEN messages",
    ),
    (
        "metallb_bgp_updates_total",
        Some("metallb_bgp_updates_total_received"),
        "UPDATE messages",
    ),
    ("metallb_bgp_notifications_sent", None, "NOTIFICATION messages"),
    (
        "metallb_bgp_keepalives_sent",
        Some("metallb_bgp_keepalives_received"),
        "KEEPALIVE messages",
    ),
];

/// All metrics of sessions.
#[derive(Clone)]
pub struct PeerMetrics {
    up: IntGaugeVec,
    announced: IntGaugeVec,
    pending: IntGaugeVec,
    ends: IntCounterVec,
    told_in: Histogram,
    sent: Vec<IntCounterVec>,
    received: Vec<Option<IntCounterVec>>,
}

/// What is shown of one session; goes with it.
pub(super) struct Shown {
    metrics: PeerMetrics,
    labels: [String; 2],
    sent: [u64; 5],
    received: [u64; 5],
}

impl PeerMetrics {
    /// Adds all to the registry, once per process.
    ///
    /// # Errors
    /// The registry has them already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauges = |name: &str, help: &str| metrics::gauges(registry, name, help, &LABELS);
        let counters = |name: &str, help: &str| metrics::counters(registry, name, help, &LABELS);
        let mut sent = Vec::new();
        let mut received = Vec::new();
        for (of_sent, of_received, what) in MESSAGES {
            sent.push(counters(of_sent, &format!("{what} sent to the peer."))?);
            let help = format!("{what} received from the peer.");
            received.push(of_received.map(|name| counters(name, &help)).transpose()?);
        }
        Ok(Self {
            up: gauges(
                "metallb_bgp_session_up",
                "1 while the BGP session with the peer is up.",
            )?,
            announced: gauges(
                "metallb_bgp_announced_prefixes_total",
                "Prefixes that the peer was told.",
            )?,
            pending: gauges(
                "metallb_bgp_pending_prefixes_total",
                "Prefixes that the peer is to be told and was not yet.",
            )?,
            ends: metrics::counters(
                registry,
                "ferrolb_bgp_session_ends_total",
                "Sessions that were up and ended, by who ended them and why.",
                &["peer", "vrf", "by", "reason"],
            )?,
            told_in: metrics::histogram(
                registry,
                "ferrolb_bgp_route_delay_seconds",
                "Time from the decision to tell or withdraw routes until the last of them was given to the kernel.",
                (0.0001, 4.0, 10),
            )?,
            sent,
            received,
        })
    }

    pub(super) fn of(&self, endpoint: &Endpoint) -> Shown {
        let address = endpoint
            .address
            .map(|address| std::net::SocketAddr::new(address, endpoint.port));
        Shown {
            metrics: self.clone(),
            labels: [
                address.map(|address| address.to_string()).unwrap_or_default(),
                endpoint.vrf.clone().unwrap_or_default(),
            ],
            sent: [0; 5],
            received: [0; 5],
        }
    }
}

impl Shown {
    /// Shows the status of a session that is to tell this many prefixes.
    pub(super) fn show(&mut self, status: &Status, wanted: usize) {
        let labels = self.labels.each_ref().map(String::as_str);
        let told: usize = status.sent.iter().sum();
        let metrics = &self.metrics;
        metrics
            .up
            .with_label_values(&labels)
            .set((status.state == State::Established).into());
        metrics.announced.with_label_values(&labels).set(told as i64);
        metrics
            .pending
            .with_label_values(&labels)
            .set(wanted.saturating_sub(told) as i64);
        let counters = &status.counters;
        for (at, counter) in metrics.sent.iter().enumerate() {
            counter
                .with_label_values(&labels)
                .inc_by(counters.sent[at] - self.sent[at]);
        }
        for (at, counter) in metrics.received.iter().enumerate() {
            if let Some(counter) = counter {
                counter
                    .with_label_values(&labels)
                    .inc_by(counters.received[at] - self.received[at]);
            }
        }
        (self.sent, self.received) = (counters.sent, counters.received);
    }

    /// A session that was up has ended.
    pub(super) fn ended(&self, why: &Down) {
        let [peer, vrf] = self.labels.each_ref().map(String::as_str);
        let (by, reason) = match why {
            Down::Received(notification) => ("peer", code(notification)),
            Down::Told(notification) => ("speaker", code(notification)),
            Down::SendHold(_) => ("speaker", "send hold".to_owned()),
            Down::Restart | Down::Stopped => ("speaker", "restart".to_owned()),
            Down::Tcp(_) | Down::NoAnswer | Down::NoAnswerWithPassword | Down::NoAnswerWithTtlSecurity => {
                ("connection", "closed".to_owned())
            }
        };
        self.metrics
            .ends
            .with_label_values(&[peer, vrf, by, &reason])
            .inc();
    }

    /// All routes that were decided on so long ago were given to the kernel.
    pub(super) fn told(&self, after: Duration) {
        self.metrics.told_in.observe(after.as_secs_f64());
    }
}

/// As in the RFCs: `6/2`.
fn code(notification: &Notification) -> String {
    format!("{}/{}", notification.code, notification.subcode)
}

impl Drop for Shown {
    fn drop(&mut self) {
        let labels = self.labels.each_ref().map(String::as_str);
        for gauge in [&self.metrics.up, &self.metrics.announced, &self.metrics.pending] {
            // The only error is that there is no such series.
            let _absent = gauge.remove_label_values(&labels);
        }
    }
}
