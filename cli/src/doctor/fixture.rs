//! A healthy installation, and ways to break it.

use std::collections::BTreeMap;

use ferrolb_crds::domain::NodeName;
use ferrolb_speaker::facts::Facts;
use serde_json::{Value, json};

use super::gather::Gathered;
use super::report::Report;
use super::seen::Beside;
use crate::explain::case::Evidence;
use crate::explain::tests::fixture::{self, merge, object};

/// What the checks are given.
pub(super) struct Scene {
    pub(super) evidence: Evidence,
    pub(super) beside: Beside,
    facts: BTreeMap<NodeName, Facts>,
    pub(super) unasked: BTreeMap<NodeName, String>,
    pub(super) waiting: BTreeMap<NodeName, String>,
    pub(super) unseen: BTreeMap<String, String>,
}

fn facts(node: &str, peer: &str) -> Value {
    json!({"node": node, "version": "0.1.0", "key": 7, "default_route": "eth0",
        "interfaces": {"eth0": {"up": true, "carrier": true, "mtu": 1500, "link_local": true, "rp_filter": 1, "arp_ignore": 0}},
        "segments": {"eth0": {"joined": true, "held": [], "peers": {peer: {"state": "up", "silent_ms": 40, "lost_permille": 0}}}}})
}

impl Scene {
    /// The healthy cluster of `explain`, whose nodes n1 and n2 hear each other.
    pub(super) fn healthy() -> Self {
        let both = [("n1", "n2"), ("n2", "n1")];
        Self {
            evidence: fixture::healthy(),
            beside: Beside {
                kube_proxy: Some(kube_proxy("iptables", false)),
                workloads: vec![workload(
                    "DaemonSet",
                    "speaker",
                    json!({"image": "localhost/ferrolb:dev"}),
                )],
                ..Beside::default()
            },
            facts: both
                .map(|(node, peer)| (node.into(), object(facts(node, peer))))
                .into(),
            unasked: BTreeMap::new(),
            waiting: BTreeMap::new(),
            unseen: BTreeMap::new(),
        }
    }

    /// Makes something else of what a node says.
    pub(super) fn of_node(&mut self, node: &str, more: Value) {
        let mut said = serde_json::to_value(&self.facts[&node.into()]).unwrap();
        merge(&mut said, more);
        drop_nulls(&mut said);
        self.facts.insert(node.into(), object(said));
    }

    pub(super) fn report(self) -> Report {
        let gathered = Gathered {
            evidence: self.evidence,
            beside: self.beside,
            facts: self.facts,
            unasked: self.unasked,
            waiting: self.waiting,
            unseen: self.unseen,
        };
        gathered.examine("metallb-system")
    }

    /// What is found, each as `FD01 error Object: message`.
    pub(super) fn found(self) -> Vec<String> {
        let sections = self.report().checks;
        let of = |section: &super::finding::Section| {
            let line = |one: &super::finding::Finding| {
                assert!(!one.remedy.is_empty(), "{one:?}");
                format!(
                    "{} {} {}: {}",
                    section.check, one.severity, one.object, one.message
                )
            };
            section.findings.iter().map(line).collect::<Vec<_>>()
        };
        sections.iter().flat_map(of).collect()
    }
}

/// As a merge patch does it.
fn drop_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, value| !value.is_null());
        fields.values_mut().for_each(drop_nulls);
    }
}

/// kube-proxy's `ConfigMap`.
pub(super) fn kube_proxy(mode: &str, strict_arp: bool) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "kube-system", "name": "kube-proxy"},
        "data": {"config.conf": format!("mode: {mode}\nipvs:\n  strictARP: {strict_arp}\n")}})
}

/// A workload with this container.
pub(super) fn workload(kind: &str, name: &str, container: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"namespace": "metallb-system", "name": name},
        "spec": {"template": {"spec": {"containers": [container]}}}})
}
