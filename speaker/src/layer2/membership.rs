//! The other end of the ports: what they are told and what they say.

use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::NodeName;
use ferrolb_runtime::backoff::{Backoff, Jitter};
use ferrolb_runtime::metrics;
use ferrolb_runtime::newest::send_if_other;
use ferrolb_runtime::ready::Unready;
use ferrolb_segment::message::NodeId;
use ferrolb_segment::seal::KeyRing;
use ferrolb_segment::ways::Transport;
use ferrolb_segment::{Conduct, PartitionPolicy, Profile};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{Api, Client, ResourceExt};
use prometheus::{IntGauge, Registry};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep, timeout};

use super::view::{Here, Odd, Told};
use crate::args::{Args, PolicyName, TransportName};
use crate::history::History;
use crate::layer2::announce::{Departure, Protocol, ProtocolMetrics, Reports, Views};
use crate::layer2::keys::{self, Keys};
use crate::may::{May, View};

/// The namespace whose uid names the cluster: every cluster has it, and never another one.
const CLUSTER: &str = "kube-system";
/// How often it is asked for.
const ASKED: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
const NO_ANSWER: Duration = Duration::from_secs(10);
/// Questions that may wait for a port; the oldest is dropped.
const SURVEYS: usize = 4;

/// What is published to the ports, and what they publish.
pub(crate) struct Membership {
    views: watch::Sender<Views>,
    told: Told,
    ring: watch::Sender<Option<KeyRing>>,
    departure: watch::Sender<Departure>,
    reports: watch::Receiver<Reports>,
    keys: Keys,
    /// When the ring changes by time alone.
    next: Option<Instant>,
    usable: IntGauge,
    /// Held until there is a key.
    unready: Option<Unready>,
    drain: Duration,
}

/// The uid of the cluster. Asked for until the API server says it: after a power cut it may be the last to be back.
pub(crate) async fn cluster(client: &Client) -> String {
    let namespaces = Api::<Namespace>::all(client.clone());
    let mut attempt = 0;
    loop {
        let cause = match timeout(NO_ANSWER, namespaces.get(CLUSTER)).await {
            Ok(Ok(namespace)) => match namespace.uid() {
                Some(uid) => return uid,
                None => "it has no uid".to_owned(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => format!("no answer within {NO_ANSWER:?}"),
        };
        if attempt == 0 {
            tracing::warn!(
                cause,
                "cannot read namespace {CLUSTER}; nothing is announced before it can be read"
            );
        }
        sleep(ASKED.delay(attempt, Jitter::random())).await;
        attempt = attempt.saturating_add(1);
    }
}

/// Makes both ends, in the cluster of this uid.
///
/// # Errors
/// The registry has the metrics already.
pub(crate) fn join(
    args: &Args,
    cluster: String,
    registry: &Registry,
    history: History,
) -> Result<(Membership, Protocol), prometheus::Error> {
    let (views, of_views) = watch::channel(Views::default());
    let (ring, of_ring) = watch::channel(None);
    let (departure, of_departure) = watch::channel(Departure::None);
    let (to_reports, reports) = watch::channel(Reports::default());
    let protocol = Protocol {
        me: NodeId::of(&NodeName::from(args.node_name.as_str())),
        conduct: Conduct {
            profile: Profile {
                interval: Duration::from_millis(args.beacon_interval_ms),
                multiplier: args.beacon_multiplier,
            },
            hold_down: Duration::from_secs(args.hold_down_seconds),
            policy: match args.partition_policy {
                PolicyName::Availability => PartitionPolicy::Availability,
                PolicyName::SingleOwner => PartitionPolicy::SingleOwner,
            },
        },
        transport: match args.segment_transport {
            TransportName::Raw => Transport::Raw,
            TransportName::Udp => Transport::Udp,
            TransportName::Auto => Transport::Auto,
        },
        views: of_views,
        keys: of_ring,
        departure: of_departure,
        reports: to_reports,
        surveys: broadcast::channel(SURVEYS).0,
        metrics: ProtocolMetrics::register(registry)?,
        history,
    };
    let membership = Membership {
        views,
        told: Told::default(),
        ring,
        departure,
        reports,
        keys: Keys::new(cluster),
        next: None,
        usable: metrics::gauge(
            registry,
            "ferrolb_speaker_key_bool",
            "1 while Secret memberlist holds a key that can be used.",
        )?,
        unready: None,
        drain: Duration::from_secs(args.drain_timeout_seconds),
    };
    Ok((membership, protocol))
}

impl Membership {
    /// Returns when the ports say something else.
    pub(crate) async fn changed(&mut self) {
        if self.reports.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// When the keys change by time alone.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Counts this speaker as not ready until there is a key: a rollout stops at one that would be silent.
    pub(crate) fn await_key(&mut self, unready: Unready) {
        self.unready = Some(unready);
    }

    /// Takes the keys in.
    pub(crate) fn learn(&mut self, secret: Option<&Secret>) {
        let now = Instant::now();
        let is_due = self.next.is_some_and(|at| at <= now);
        if self.keys.learn(secret, now) || is_due {
            self.ring.send_replace(self.keys.ring(now));
        }
        self.next = self.keys.next(now);
        self.usable.set(keys::problem(secret).is_none().into());
        if self.has_key() {
            self.unready = None;
        }
    }

    /// Whether this speaker can talk to others.
    pub(crate) fn has_key(&self) -> bool {
        self.keys.is_usable()
    }

    /// Tells the ports which nodes may hold which addresses; returns what they were told.
    pub(crate) fn tell(&mut self, view: &View, may: &Arc<May>, odd: &Odd, here: Here<'_>) -> Views {
        let told = self.told.renew(view, may, odd, here);
        send_if_other(&self.views, told.clone());
        told
    }

    /// What the ports say.
    pub(crate) fn reports(&mut self) -> watch::Ref<'_, Reports> {
        self.reports.borrow_and_update()
    }

    /// Everything is to be handed over. Returns when that is over at the latest.
    pub(crate) fn leave(&self) -> Instant {
        self.departure.send_replace(Departure::Leaving);
        Instant::now() + self.drain
    }

    /// Nothing is held any more, and neighbours that asked shortly before know it.
    pub(crate) fn has_left(&self) -> bool {
        self.reports.borrow().values().all(|report| report.left)
    }

    /// Says goodbye.
    pub(crate) async fn quit(&self) {
        const LAST_FRAMES: Duration = Duration::from_millis(20);
        self.departure.send_replace(Departure::Gone);
        tokio::time::sleep(LAST_FRAMES).await;
    }
}

#[cfg(test)]
mod tests;
