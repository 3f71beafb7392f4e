//! The other end of the ports: what they are told and what they say.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ferrolb_crds::domain::NodeName;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{Api, Client, ResourceExt};
use prometheus::Registry;
use tokio::sync::watch;
use tokio::time::Instant;

use super::view::{Here, Moves, Told};
use crate::args::{Args, PolicyName, TransportName};
use crate::layer2::announce::{Departure, Protocol, ProtocolMetrics, Reports, Views};
use crate::layer2::keys::Keys;
use crate::may::{May, View};
use ferrolb_segment::message::NodeId;
use ferrolb_segment::seal::KeyRing;
use ferrolb_segment::ways::Transport;
use ferrolb_segment::{Conduct, PartitionPolicy, Profile};

/// The namespace whose uid names the cluster: every cluster has it, and never another one.
const CLUSTER: &str = "kube-system";

/// What is published to the ports, and what they publish.
pub(crate) struct Membership {
    views: watch::Sender<Views>,
    told: Told,
    ring: watch::Sender<Option<KeyRing>>,
    departure: watch::Sender<Departure>,
    reports: watch::Receiver<Reports>,
    keys: Keys,
    drain: Duration,
}

/// Makes both ends.
///
/// # Errors
/// The cluster does not say what its uid is.
pub(crate) async fn join(
    args: &Args,
    client: &Client,
    registry: &Registry,
) -> anyhow::Result<(Membership, Protocol)> {
    let cluster = Api::<Namespace>::all(client.clone()).get(CLUSTER).await;
    let cluster = cluster.with_context(|| format!("cannot read namespace {CLUSTER}"))?;
    Ok(ends(args, cluster.uid().unwrap_or_default(), registry)?)
}

/// Both ends, in the cluster of this uid.
///
/// # Errors
/// The registry has the metrics already.
pub(crate) fn ends(
    args: &Args,
    cluster: String,
    registry: &Registry,
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
        metrics: ProtocolMetrics::register(registry)?,
    };
    let membership = Membership {
        views,
        told: Told::default(),
        ring,
        departure,
        reports,
        keys: Keys::new(cluster),
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
        self.keys.next(Instant::now())
    }

    /// Takes the keys in.
    pub(crate) fn learn(&mut self, secret: Option<&Secret>) {
        let now = Instant::now();
        let learned = self.keys.learn(secret, now);
        // Derived anew each time it may have changed; the ports compare nothing.
        if learned.is_some() || self.keys.next(now).is_some() {
            self.ring.send_replace(self.keys.ring(now));
        }
    }

    /// Tells the ports which nodes may hold which addresses; returns what they were told.
    pub(crate) fn tell(&mut self, view: &View, may: &Arc<May>, moves: &Moves, here: Here<'_>) -> Views {
        let told = self.told.renew(view, may, moves, here);
        self.views.send_if_modified(|known| {
            let differs = *known != told;
            *known = told.clone();
            differs
        });
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
