//! `/facts`: gathered from what the daemon has anyway, and from the kernel's files, when somebody asks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ferrolb_crds::domain::{InterfaceName, NodeName};
use ferrolb_rawlink::links::{Link, LinkTable};
use ferrolb_segment::seal::KeyRing;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::{Facts, KernelAddress, SegmentFacts};
use crate::layer2::announce::Protocol;
use crate::see::dataplane::Dataplane;

/// How long the ports may take to say how they hear the others. One that is stuck is left out.
const PORTS: Duration = Duration::from_secs(1);
/// More ports than a node has.
const ANSWERS: usize = 64;

/// The page; cloneable, and all clones are the same.
#[derive(Clone, Default)]
pub(crate) struct FactsPage(Arc<OnceLock<Sources>>);

/// What the facts are made of.
pub(crate) struct Sources {
    pub(crate) node: NodeName,
    pub(crate) links: watch::Receiver<LinkTable>,
    pub(crate) dataplane: watch::Receiver<Dataplane>,
    pub(crate) protocol: Protocol,
}

impl FactsPage {
    pub(crate) fn routes(&self) -> Router {
        Router::new().route("/facts", get(facts)).with_state(self.clone())
    }

    /// From now on there is something to show.
    pub(crate) fn show(&self, sources: Sources) {
        // Called once.
        let _shown = self.0.set(sources);
    }
}

async fn facts(State(page): State<FactsPage>) -> Response {
    match page.0.get() {
        Some(sources) => {
            // Nothing in it fails to be written.
            let text = serde_json::to_string(&sources.gather().await).unwrap_or_default();
            ([(CONTENT_TYPE, "application/json")], text).into_response()
        }
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the speaker has not started yet\n",
        )
            .into_response(),
    }
}

impl Sources {
    async fn gather(&self) -> Facts {
        let segments = self.segments().await;
        let links = self.links.borrow().clone();
        let now = Dataplane::read(
            &links,
            &self.protocol.views.borrow(),
            self.dataplane.borrow().kube_proxy,
        );
        Facts {
            node: self.node.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            interfaces: now.interfaces,
            kernel_addresses: kernel_addresses(&links, &self.known_addresses()),
            default_route: now.default_route,
            kube_proxy: now.kube_proxy,
            key: self.protocol.keys.borrow().as_ref().map(KeyRing::tag),
            refused: self.refused(),
            segments,
        }
    }

    /// Asks the ports; each answers between two frames.
    async fn segments(&self) -> BTreeMap<InterfaceName, SegmentFacts> {
        let (survey, mut answers) = mpsc::channel(ANSWERS);
        let mut segments = BTreeMap::new();
        // Without a port nobody takes it.
        let _taken = self.protocol.surveys.send(survey);
        let all = async {
            while let Some((interface, facts)) = answers.recv().await {
                segments.insert(interface, facts);
            }
        };
        let _late = timeout(PORTS, all).await;
        segments
    }

    /// The addresses that this node holds or could.
    fn known_addresses(&self) -> BTreeSet<IpAddr> {
        let views = self.protocol.views.borrow();
        let offered = views.values().flat_map(|view| view.groups.keys().copied());
        let reports = self.protocol.reports.borrow();
        let held = reports.values().flat_map(|report| report.held.iter().copied());
        offered.chain(held).collect()
    }

    fn refused(&self) -> BTreeMap<String, u64> {
        let families = self.protocol.metrics.refused.collect();
        let series = families.iter().flat_map(MetricFamily::get_metric);
        let count = |one: &prometheus::proto::Metric| {
            let reason = one.get_label().first()?.value().to_owned();
            Some((reason, one.get_counter().get_value() as u64))
        };
        series.filter_map(count).collect()
    }
}

fn kernel_addresses(links: &LinkTable, known: &BTreeSet<IpAddr>) -> Vec<KernelAddress> {
    let of_link = |link: &Link| {
        let addresses = link.addresses.iter().map(|(address, _)| *address);
        let interface = InterfaceName::from(link.name.as_str());
        let ours = addresses.filter(|address| known.contains(address));
        ours.map(|address| KernelAddress {
            address,
            interface: interface.clone(),
        })
        .collect::<Vec<_>>()
    };
    let all: BTreeSet<KernelAddress> = links.values().flat_map(of_link).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::see::fixture::link;

    #[test]
    fn an_address_of_a_service_that_an_interface_has_is_told_with_the_interface() {
        let links = [
            (1, link(1, "eth0", &["192.0.2.11", "192.0.2.200"])),
            (2, link(2, "kube-ipvs0", &["192.0.2.200", "10.96.0.1"])),
        ];
        let known = BTreeSet::from(["192.0.2.200".parse().unwrap(), "192.0.2.201".parse().unwrap()]);
        let found = kernel_addresses(&LinkTable::new(links.into()), &known);
        let interfaces: Vec<&str> = found.iter().map(|one| one.interface.as_str()).collect();
        assert_eq!(interfaces, ["eth0", "kube-ipvs0"]);
    }

    #[tokio::test]
    async fn before_the_speaker_has_started_there_is_nothing_to_show() {
        let answer = facts(State(FactsPage::default())).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
