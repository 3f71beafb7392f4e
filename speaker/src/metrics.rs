//! The speaker's metrics under MetalLB's names. What is counted frame by frame belongs to the announcer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{NodeName, Reason, ServiceKey};
use ferrolb_runtime::metrics;
use ferrolb_runtime::patch::WriteCounters;
use itertools::Itertools;
use prometheus::{IntGauge, IntGaugeVec, Registry};

use crate::verdict::{Verdict, Verdicts};

/// MetalLB's names of the protocols.
const LAYER2: &str = "layer2";
const BGP: &str = "bgp";

/// Everything the speaker's loop measures.
pub(crate) struct Metrics {
    announced: IntGaugeVec,
    silent: IntGaugeVec,
    doubtful: IntGaugeVec,
    contested: IntGauge,
    wire: IntGaugeVec,
    /// Attempts to write to the API server, and those that failed.
    pub(crate) writes: WriteCounters,
    config_loaded: IntGauge,
    config_stale: IntGauge,
    node: NodeName,
    shown: BTreeSet<(&'static str, ServiceKey, IpAddr)>,
    shown_wire: BTreeMap<IpAddr, &'static str>,
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
            doubtful: gauges(
                "ferrolb_speaker_doubtful_addresses",
                "Addresses that this node announces and whose packets may not get on from it, by reason.",
                &["reason"],
            )?,
            contested: gauge(
                "ferrolb_speaker_contested_services",
                "Services that this node announces and that another node, which it does not hear, says to announce too.",
            )?,
            wire: gauges(
                "ferrolb_vip_wire_state",
                "1 for what this node finds when it asks on the wire for an address that another node announces.",
                &["ip", "state"],
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
            shown_wire: BTreeMap::new(),
        })
    }

    /// Shows what is done; series of addresses that are gone go too.
    pub(crate) fn show(&mut self, verdicts: &Verdicts, problems: usize) {
        self.config_loaded.set(1);
        self.config_stale.set(i64::from(problems > 0));
        self.contested.set(verdicts.rivals.len() as i64);
        self.show_announced(verdicts);
        self.show_wire(verdicts);
        let all = verdicts.by_address.values();
        show_reasons(&self.silent, all.clone().filter_map(Verdict::refusal));
        show_reasons(&self.doubtful, all.filter_map(|verdict| verdict.doubt.as_ref()));
    }

    fn show_announced(&mut self, verdicts: &Verdicts) {
        let layer2 = verdicts
            .here()
            .map(|(address, verdict, _)| (LAYER2, address, verdict));
        let bgp = verdicts
            .told_from_here()
            .map(|(address, verdict)| (BGP, address, verdict));
        let all = layer2.chain(bgp).flat_map(|(protocol, address, verdict)| {
            let services = verdict.judged.served();
            services.map(move |service| (protocol, service.clone(), address))
        });
        let shown: BTreeSet<(&'static str, ServiceKey, IpAddr)> = all.collect();
        for (protocol, service, address) in shown.difference(&self.shown) {
            let (service, address) = (service.to_string(), address.to_string());
            let labels = [&service, *protocol, self.node.as_str(), &address];
            self.announced.with_label_values(&labels).set(1);
        }
        for (protocol, service, address) in self.shown.difference(&shown) {
            let (service, address) = (service.to_string(), address.to_string());
            let labels = [&service, *protocol, self.node.as_str(), &address];
            // The only error is that there is no such series.
            let _absent = self.announced.remove_label_values(&labels);
        }
        self.shown = shown;
    }

    fn show_wire(&mut self, verdicts: &Verdicts) {
        let shown = wire_states(verdicts);
        for (address, state) in &self.shown_wire {
            if shown.get(address) != Some(state) {
                // The only error is that there is no such series.
                let _absent = self.wire.remove_label_values(&[&address.to_string(), *state]);
            }
        }
        for (address, state) in &shown {
            if self.shown_wire.get(address) != Some(state) {
                self.wire
                    .with_label_values(&[&address.to_string(), *state])
                    .set(1);
            }
        }
        self.shown_wire = shown;
    }
}

/// What this node finds as the witness of addresses.
fn wire_states(verdicts: &Verdicts) -> BTreeMap<IpAddr, &'static str> {
    let all = verdicts.by_address.iter();
    let state = |(address, verdict): (&IpAddr, &Verdict)| {
        let wire = verdict.wire.as_ref().filter(|wire| wire.is_ours)?;
        Some((*address, wire.state))
    };
    all.filter_map(state).collect()
}

fn show_reasons<'a>(gauges: &IntGaugeVec, reasons: impl Iterator<Item = &'a Reason>) {
    gauges.reset();
    for (word, count) in reasons.counts_by(Reason::label) {
        gauges.with_label_values(&[word.as_str()]).set(count as i64);
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_segment::mac::Mac;
    use ferrolb_segment::message::Wire;
    use prometheus::TextEncoder;

    use super::*;
    use crate::facts::KubeProxy;
    use crate::may::View;
    use crate::may::fixture::{cluster, endpoints, service};
    use crate::see::dataplane::Dataplane;
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
    fn what_the_witness_of_an_address_finds_is_shown_by_it_alone() {
        let mut view = cluster(&["n1", "n2"]);
        service(&mut view, "web", &["192.0.2.2"]);
        let shown = |node: &str, states: &[Wire]| {
            let registry = Registry::new();
            let mut metrics = Metrics::register(&registry, node.into()).unwrap();
            for wire in states {
                let segment = Segment {
                    view: &view,
                    alive: &["n1", "n2"],
                    statuses: &[],
                };
                metrics.show(&segment.found(node, "n2", &[("192.0.2.2", *wire)]), 0);
            }
            lines(&registry, "ferrolb_vip_wire_state")
        };
        let silent = Wire::Unanswered(Mac([2; 6]));
        let line = |state: &str| format!("ferrolb_vip_wire_state{{ip=\"192.0.2.2\",state=\"{state}\"}} 1");
        assert_eq!(shown("n2", &[Wire::Ok]), [line("ok")]);
        assert_eq!(shown("n2", &[Wire::Ok, silent]), [line("unanswered")]);
        assert!(shown("n1", &[silent]).is_empty());
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

    #[test]
    fn addresses_whose_packets_do_not_get_on_from_here_are_counted_by_reason() {
        let registry = Registry::new();
        let mut metrics = Metrics::register(&registry, "n1".into()).unwrap();
        let mut view = cluster(&["n1"]);
        service(&mut view, "web", &["192.0.2.1"]);
        let segment = Segment {
            view: &view,
            alive: &["n1"],
            statuses: &[],
        };
        let found = Dataplane {
            kube_proxy: KubeProxy::Silent,
            ..Dataplane::default()
        };
        metrics.show(&segment.doing("n1", &found), 0);
        assert_eq!(
            lines(&registry, "ferrolb_speaker_doubtful_addresses"),
            ["ferrolb_speaker_doubtful_addresses{reason=\"kube_proxy_down\"} 1"]
        );
        metrics.show(&segment.doing("n1", &Dataplane::default()), 0);
        assert!(lines(&registry, "ferrolb_speaker_doubtful_addresses").is_empty());
    }
}
