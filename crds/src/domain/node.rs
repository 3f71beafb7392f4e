//! Nodes, as far as announcing asks.

use std::collections::BTreeSet;
use std::net::IpAddr;

use kube::ResourceExt;
use serde::Serialize;

use super::{Labels, NodeName};
use crate::api::core;
use crate::names::{EXCLUDE_NODE, OUT_OF_SERVICE_TAINT};

/// A node of the cluster.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Node {
    /// Its labels.
    pub labels: Labels,
    /// Addresses of its own, which are never handed out.
    pub addresses: BTreeSet<IpAddr>,
    /// Condition `Ready` is True.
    pub ready: bool,
    /// Condition `NetworkUnavailable` is True.
    pub network_unavailable: bool,
    /// Reasons to prefer another node where there is one.
    pub soft: Option<SoftReason>,
}

/// A reason not to announce from a node as long as another can.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum SoftReason {
    /// `spec.unschedulable`: the node is cordoned, as a drain does first.
    Cordoned,
    /// Taint `node.kubernetes.io/out-of-service`.
    OutOfService,
}

impl Node {
    /// The name and what matters of the node.
    pub fn read(node: &core::Node) -> (NodeName, Self) {
        let spec = node.spec.clone().unwrap_or_default();
        let status = node.status.clone().unwrap_or_default();
        let is_true = |kind: &str| {
            status
                .conditions
                .iter()
                .flatten()
                .any(|one| one.type_ == kind && one.status == "True")
        };
        let tainted = spec
            .taints
            .iter()
            .flatten()
            .any(|taint| taint.key == OUT_OF_SERVICE_TAINT);
        let soft = match (tainted, spec.unschedulable) {
            (true, _) => Some(SoftReason::OutOfService),
            (false, Some(true)) => Some(SoftReason::Cordoned),
            _ => None,
        };
        let view = Self {
            labels: node.labels().clone(),
            addresses: status
                .addresses
                .iter()
                .flatten()
                .filter_map(|one| one.address.parse().ok())
                .collect(),
            ready: is_true("Ready"),
            network_unavailable: is_true("NetworkUnavailable"),
            soft,
        };
        (node.name_any().into(), view)
    }

    /// Whether the node carries the label that keeps it out of load balancing, whatever its value.
    pub fn excluded(&self) -> bool {
        self.labels.contains_key(EXCLUDE_NODE)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case::plain(json!({}), None)]
    #[case::cordoned(json!({"unschedulable": true}), Some(SoftReason::Cordoned))]
    #[case::out_of_service(json!({"unschedulable": true, "taints": [{"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}]}), Some(SoftReason::OutOfService))]
    #[case::other_taint(json!({"taints": [{"key": "x", "effect": "NoSchedule"}]}), None)]
    fn soft_reasons(#[case] spec: Value, #[case] expected: Option<SoftReason>) {
        let node = serde_json::from_value(json!({"metadata": {"name": "n"}, "spec": spec})).unwrap();
        assert_eq!(Node::read(&node).1.soft, expected);
    }

    #[test]
    fn conditions_and_addresses_are_read() {
        let node = serde_json::from_value(json!({"metadata": {"name": "n"}, "status": {
            "addresses": [{"type": "InternalIP", "address": "192.0.2.11"}, {"type": "Hostname", "address": "n"}],
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "NetworkUnavailable", "status": "False"}]}}))
        .unwrap();
        let (name, node) = Node::read(&node);
        assert_eq!(
            (name.as_str(), node.ready, node.network_unavailable),
            ("n", true, false)
        );
        assert_eq!(node.addresses, BTreeSet::from(["192.0.2.11".parse().unwrap()]));
    }
}
