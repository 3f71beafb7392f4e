//! The objects that this speaker keeps as they should be: what is wrong, what its sessions are at, whom it tells of Services.

use std::time::Duration;

use ferrolb_crds::domain::{Component, ConfigurationReport, NodeName};
use ferrolb_crds::names::{self, SESSION_NODE, STATUS_NODE};
use ferrolb_runtime::patch::{WriteCounters, Writer};
use ferrolb_runtime::process::Process;
use ferrolb_runtime::upkeep::{self, Objects, Upkeep, Wanted};
use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;

use crate::tell::status_object::label_of_node;
use crate::tell::write::WRITE_TIMEOUT;
use crate::tell::{bgp_status, sessions};

/// Where to send what they should be.
pub(crate) struct Keeping {
    pub(crate) configuration: watch::Sender<Wanted<ConfigurationReport>>,
    /// None on a node whose name fits into no label: its objects could not be found again.
    pub(crate) sessions: Option<watch::Sender<Wanted<sessions::Wanted>>>,
    /// As `sessions`.
    pub(crate) bgp_statuses: Option<watch::Sender<Wanted<bgp_status::Wanted>>>,
}

impl Keeping {
    pub(super) fn start(process: &Process, node: &NodeName, writes: &WriteCounters) -> Self {
        let upkeep = |objects: Objects, interval: Duration| Upkeep {
            client: process.client.clone(),
            namespace: process.namespace.clone(),
            objects,
            writer: Writer::new(names::SPEAKER_MANAGER, WRITE_TIMEOUT, writes.clone()),
            interval,
            metrics: process.reports.metrics.clone(),
        };
        let own = Objects::Named(Component::Speaker(node.clone()).object_name());
        let labelled = |label| label_of_node(label, node).map(Objects::Labelled);
        Self {
            configuration: upkeep(own, upkeep::INTERVAL)
                .start(|report: &ConfigurationReport, seen| report.object(seen, Timestamp::now())),
            sessions: labelled(SESSION_NODE)
                .map(|own| upkeep(own, sessions::INTERVAL).start(sessions::Wanted::object)),
            bgp_statuses: labelled(STATUS_NODE)
                .map(|own| upkeep(own, upkeep::INTERVAL).start(bgp_status::Wanted::object)),
        }
    }
}
