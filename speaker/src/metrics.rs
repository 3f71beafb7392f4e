//! The speaker's metrics under MetalLB's names. What is counted frame by frame belongs to the announcer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{NodeName, ServiceKey};
use ferrolb_runtime::metrics;
use ferrolb_runtime::patch::WriteCounters;
use prometheus::{IntGauge, IntGaugeVec, Registry};

use crate::verdict::{Layer2, Verdicts};

/// MetalLB's name of our protocol, as opposed to `bgp`.
const PROTOCOL: &str = "layer2";

/// Everything the speaker's loop measures.
pub(crate) struct Metrics {
    announced: IntGaugeVec,
    silent: IntGaugeVec,
    contested: IntGauge,
    /// Attempts to write to the API server, and those that failed.
    pub(crate) writes: WriteCounters,
    config_loaded: IntGauge,
    config_stale: IntGauge,
    node: NodeName,
    shown: BTreeSet<(ServiceKey, IpAddr)>,
}

impl Metrics {
    /// Adds all metrics to the registry, once per process.
    ///
    /// # Errors
    /// The registry has them already.
    pub(crate) fn register(registry: &Registry, node: NodeName) -> Result<Self, prometheus::Error> {
        let gauges = |name: &str, help: &str, labels: &[&str]| metrics::gauges(registry, name, help, labels);
        let gauge = |name: &str, help: &str| metrics::gauge(registry, name, help);
        Ok(Self {
            announced: gauges(
                "metallb_speaker_announced",
                "1 for each address that this node announces.",
                &["service", "protocol", "node", "ip"],
            )?,
            silent: gauges(
                "ferrolb_speaker_silent_addresses",
                "Addresses that no node announces, by reason; the speakers of a segment show the same.",
                &["reason"],
            )?,
            contested: gauge(
                "ferrolb_speaker_contested_services",
                "Services that this node announces and that another node, which it does not hear, says to announce too.",
            )?,
            writes: WriteCounters::register(registry)?,
            config_loaded: gauge(
                "metallb_k8s_client_config_loaded_bool",
                "1 once pools and advertisements were read.",
            )?,
            config_stale: gauge(
                "metallb_k8s_client_config_stale_bool",
                "1 while an object is invalid and skipped in whole or in part.",
            )?,
            node,
            shown: BTreeSet::new(),
        })
    }

    /// Shows what is done; series of addresses that are gone go too.
    pub(crate) fn show(&mut self, verdicts: &Verdicts, problems: usize) {
        self.config_loaded.set(1);
        self.config_stale.set(i64::from(problems > 0));
        self.contested.set(verdicts.rivals.len() as i64);
        self.show_announced(verdicts);
        self.silent.reset();
        for (reason, count) in silent(verdicts) {
            self.silent.with_label_values(&[reason.as_str()]).set(count);
        }
    }

    fn show_announced(&mut self, verdicts: &Verdicts) {
        let pairs = verdicts.here().flat_map(|(address, verdict, _)| {
            let services = verdict.judged.served();
            services.map(move |service| (service.clone(), address))
        });
        let shown: BTreeSet<(ServiceKey, IpAddr)> = pairs.collect();
        for (service, address) in shown.difference(&self.shown) {
            let (service, address) = (service.to_string(), address.to_string());
            let labels = [&service, PROTOCOL, self.node.as_str(), &address];
            self.announced.with_label_values(&labels).set(1);
        }
        for (service, address) in self.shown.difference(&shown) {
            let (service, address) = (service.to_string(), address.to_string());
            let labels = [&service, PROTOCOL, self.node.as_str(), &address];
            // The only error is that there is no such series.
            let _absent = self.announced.remove_label_values(&labels);
        }
        self.shown = shown;
    }
}

fn silent(verdicts: &Verdicts) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for verdict in verdicts.by_address.values() {
        if let Layer2::Nobody(why) = &verdict.layer2 {
            *counts.entry(why.label()).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;
    use crate::may::View;
    use crate::may::fixture::{cluster, endpoints, service};
    use crate::verdict::fixture::Segment;

    fn seen(view: &View, node: &str) -> Verdicts {
        let segment = Segment {
            view,
            alive: &["n1"],
            statuses: &[],
        };
        segment.seen_from(node)
    }

    fn lines(registry: &Registry, metric: &str) -> Vec<String> {
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        text.lines()
            .filter(|line| line.starts_with(metric))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn an_address_is_shown_while_it_is_announced() {
        let registry = Registry::new();
        let mut metrics = Metrics::register(&registry, "n1".into()).unwrap();
        let mut view = cluster(&["n1"]);
        service(&mut view, "web", &["192.0.2.1"]);
        metrics.show(&seen(&view, "n1"), 0);
        assert_eq!(
            lines(&registry, "metallb_speaker_announced"),
            [
                "metallb_speaker_announced{ip=\"192.0.2.1\",node=\"n1\",protocol=\"layer2\",service=\"shop/web\"} 1"
            ]
        );
        endpoints(&mut view, "web", &[]);
        metrics.show(&seen(&view, "n1"), 0);
        assert!(lines(&registry, "metallb_speaker_announced").is_empty());
    }

    #[test]
    fn addresses_that_nobody_announces_are_counted_by_reason() {
        let registry = Registry::new();
        let mut metrics = Metrics::register(&registry, "n1".into()).unwrap();
        let mut view = cluster(&["n1"]);
        service(&mut view, "web", &["192.0.2.1"]);
        endpoints(&mut view, "web", &[]);
        metrics.show(&seen(&view, "n1"), 0);
        assert_eq!(
            lines(&registry, "ferrolb_speaker_silent_addresses"),
            ["ferrolb_speaker_silent_addresses{reason=\"no_endpoints\"} 1"]
        );
        endpoints(&mut view, "web", &["n1"]);
        metrics.show(&seen(&view, "n1"), 0);
        assert!(lines(&registry, "ferrolb_speaker_silent_addresses").is_empty());
    }
}
