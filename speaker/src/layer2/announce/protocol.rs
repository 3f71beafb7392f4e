//! What the ports of an announcer share when the claims on each segment decide what is held there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::InterfaceName;
use ferrolb_runtime::metrics;
use ferrolb_segment::message::{Instance, NodeId, Wire};
use ferrolb_segment::seal::KeyRing;
use ferrolb_segment::ways::Transport;
use ferrolb_segment::{Conduct, SegmentView};
use prometheus::{Histogram, IntCounterVec, IntGaugeVec, Registry};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;

use super::holders::Holders;
use crate::facts::SegmentFacts;
use crate::history::History;

/// What the cluster says about each segment that this node is on.
pub type Views = Arc<BTreeMap<InterfaceName, Arc<SegmentView>>>;

/// What the ports say, by interface.
pub type Reports = BTreeMap<InterfaceName, SegmentReport>;

/// Takes what a port says of the others that it hears.
pub type Survey = mpsc::Sender<(InterfaceName, SegmentFacts)>;

/// How the ports take part in the speakers' protocol.
#[derive(Clone)]
pub struct Protocol {
    /// This node.
    pub me: NodeId,
    /// How fast.
    pub conduct: Conduct,
    /// How frames are carried.
    pub transport: Transport,
    /// On which interfaces, and what the cluster says.
    pub views: watch::Receiver<Views>,
    /// What frames are sealed with; until there is a key, nothing is said and nothing is held.
    pub keys: watch::Receiver<Option<KeyRing>>,
    /// Whether this speaker is about to end.
    pub departure: watch::Receiver<Departure>,
    /// Which node holds which address.
    pub reports: watch::Sender<Reports>,
    /// Each port answers what is sent here.
    pub surveys: broadcast::Sender<Survey>,
    /// What is counted.
    pub metrics: ProtocolMetrics,
    /// Where it is written down what was done.
    pub history: History,
}

/// How far the end of this speaker has come.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Departure {
    /// It stays.
    #[default]
    None,
    /// Everything is to be handed over.
    Leaving,
    /// It ends now.
    Gone,
}

/// What a port knows; much of a report is shared with the one before.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SegmentReport {
    /// The instance that says it.
    pub instance: Option<Instance>,
    /// It takes part.
    pub joined: bool,
    /// The nodes that are up there, this one included.
    pub up: BTreeSet<NodeId>,
    /// What this node holds there.
    pub held: Arc<BTreeSet<IpAddr>>,
    /// Which node holds which address there.
    pub holders: Holders,
    /// What was found on the wire last of addresses there, by this node or by another that said so. Of addresses that are
    /// well, only their witness knows.
    pub wire: Arc<BTreeMap<IpAddr, Look>>,
    /// It was asked to leave, has handed everything over and may end.
    pub left: bool,
}

/// What was found on the wire when a node asked for an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Look {
    /// Which station answers.
    pub wire: Wire,
    /// The node that held the address.
    pub holder: NodeId,
    /// The node that asked.
    pub witness: NodeId,
    /// Since when it finds the same.
    pub since: Instant,
}

/// What is counted of the protocol.
#[derive(Clone, Debug)]
pub struct ProtocolMetrics {
    /// Frames that were ignored, by reason.
    pub refused: IntCounterVec,
    /// From the last frame of a node until it was declared down.
    pub detect: Histogram,
    /// From then until this node claimed an address of it.
    pub claim: Histogram,
    /// From there until everybody was told.
    pub announce: Histogram,
    /// Nodes that are up, this one included, by interface.
    pub up: IntGaugeVec,
    /// 1 for each transport that is spoken, by interface.
    pub transport: IntGaugeVec,
    /// How late this loop was, in seconds.
    pub lateness: Histogram,
}

impl ProtocolMetrics {
    /// Adds the metrics to the registry, once per process.
    ///
    /// # Errors
    /// The registry has them already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let histogram = |name: &str, help: &str| metrics::histogram(registry, name, help, (0.001, 2.0, 13));
        Ok(Self {
            refused: metrics::counters(
                registry,
                "ferrolb_segment_refused_total",
                "Frames of the speakers' protocol that were ignored, by reason.",
                &["reason"],
            )?,
            up: metrics::gauges(
                registry,
                "ferrolb_segment_nodes_up",
                "Nodes whose speaker and ours hear each other, ours included.",
                &["interface"],
            )?,
            transport: metrics::gauges(
                registry,
                "ferrolb_segment_transport",
                "1 for each transport of the speakers' protocol that is spoken.",
                &["interface", "transport"],
            )?,
            detect: histogram(
                "ferrolb_failover_detect_seconds",
                "From the last frame of a node until it was declared down.",
            )?,
            claim: histogram(
                "ferrolb_failover_claim_seconds",
                "From the moment an address was without a holder until this node claimed it.",
            )?,
            announce: histogram(
                "ferrolb_failover_announce_seconds",
                "From the claim of an address until everybody was told.",
            )?,
            lateness: histogram(
                "ferrolb_segment_late_seconds",
                "How late the loop was that sends and judges beacons.",
            )?,
        })
    }
}
