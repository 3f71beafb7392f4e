//! The other end of the ports that take part in the speakers' protocol: what they are told and what they say.

use std::time::Duration;

use anyhow::Context;
use ferrolb_crds::domain::NodeName;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use prometheus::Registry;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::announce::{Departure, Protocol, ProtocolMetrics, Reports, Views};
use crate::args::{Args, LivenessSource, PolicyName, TransportName};
use crate::election::{Elections, View};
use crate::keys::Keys;
use crate::places;
use crate::plan::{Place, Plan};
use crate::snapshot::Snapshot;
use ferrolb_segment::message::NodeId;
use ferrolb_segment::seal::KeyRing;
use ferrolb_segment::ways::Transport;
use ferrolb_segment::{Conduct, PartitionPolicy, Profile};

/// The namespace whose uid names the cluster: every cluster has it, and never another one.
const CLUSTER: &str = "kube-system";

/// What is published to the ports, and what they publish.
pub(crate) struct Membership {
    views: watch::Sender<Views>,
    ring: watch::Sender<Option<KeyRing>>,
    departure: watch::Sender<Departure>,
    reports: watch::Receiver<Reports>,
    keys: Keys,
    drain: Duration,
}

/// Makes both ends, if beacons are asked for.
///
/// # Errors
/// The cluster does not say what its uid is.
pub(crate) async fn join(
    args: &Args,
    client: &Client,
    registry: &Registry,
) -> anyhow::Result<Option<(Membership, Protocol)>> {
    if args.liveness == LivenessSource::Kubernetes {
        return Ok(None);
    }
    let cluster = Api::<Namespace>::all(client.clone()).get(CLUSTER).await;
    let cluster = cluster.with_context(|| format!("cannot read namespace {CLUSTER}"))?;
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
        ring,
        departure,
        reports,
        keys: Keys::new(cluster.uid().unwrap_or_default()),
        drain: Duration::from_secs(args.drain_timeout_seconds),
    };
    Ok(Some((membership, protocol)))
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

    /// Takes the keys in, and says who is alive.
    pub(crate) fn begin(&mut self, snapshot: &mut Snapshot, node: &NodeName) {
        let now = Instant::now();
        let learned = self.keys.learn(snapshot.secret.as_deref(), now);
        // Derived anew each time it may have changed; the ports compare nothing.
        if learned.is_some() || self.keys.next(now).is_some() {
            self.ring.send_replace(self.keys.ring(now));
        }
        snapshot.view.liveness = places::liveness(&self.reports.borrow_and_update(), &snapshot.view, node);
    }

    /// Tells the ports what is to be held where, and says what this node holds.
    pub(crate) fn plan(&mut self, elections: &mut Elections, view: &View, place: &Place<'_>) -> Plan {
        let views = places::views(view, elections, place);
        self.views.send_if_modified(|known| {
            let differs = *known != views;
            *known = views;
            differs
        });
        let reports = self.reports.borrow();
        let plan = places::plan(elections, &reports, view, place);
        elections.seat(&places::holders(&reports, view, place.node));
        plan
    }

    /// Everything is to be handed over. Returns when that is over at the latest.
    pub(crate) fn leave(&self) -> Instant {
        self.departure.send_replace(Departure::Leaving);
        Instant::now() + self.drain
    }

    /// Nothing is held any more, and those who asked shortly before know it.
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
