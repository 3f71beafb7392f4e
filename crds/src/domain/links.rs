//! The interfaces of nodes, as their speakers tell each other of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use kube::ResourceExt;

use super::{InterfaceName, NodeName};
use crate::api::ConfigurationState;
use crate::names::{LINKS, STATE_NODE};

/// The interfaces of a node that can announce, each with the subnets that it is on.
///
/// A speaker writes them into annotation `ferrolb.io/links` of its `ConfigurationState`, as
/// `{"eth0":["192.0.2.0/24"]}`: the others must know which addresses are on a subnet of a node that is on another
/// segment, where they hear nothing of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NodeLinks(BTreeMap<InterfaceName, BTreeSet<IpNetwork>>);

impl NodeLinks {
    /// Adds an interface. Link-local subnets tell nothing and are left out; of the others the network counts.
    pub fn add(&mut self, interface: InterfaceName, subnets: impl IntoIterator<Item = IpNetwork>) {
        let networks = subnets.into_iter().filter_map(|subnet| {
            let network = IpNetwork::new(subnet.network(), subnet.prefix()).ok()?;
            (!is_link_local(network.ip())).then_some(network)
        });
        self.0.entry(interface).or_default().extend(networks);
    }

    /// Whether the address is on a subnet of the node.
    pub fn have_on_link(&self, address: IpAddr) -> bool {
        self.0.values().flatten().any(|subnet| subnet.contains(address))
    }

    /// All subnets that the node is on.
    pub fn subnets(&self) -> impl Iterator<Item = IpNetwork> + '_ {
        self.0.values().flatten().copied()
    }

    /// Whether the node has this interface.
    pub fn include(&self, interface: &InterfaceName) -> bool {
        self.0.contains_key(interface)
    }

    /// Whether no interface can announce.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the annotation has it.
    pub fn to_annotation(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// What the state of a speaker tells of its node; nothing if it tells nothing, or nothing that can be read.
    pub fn of_state(state: &ConfigurationState) -> Option<(NodeName, Self)> {
        let node = state.labels().get(STATE_NODE)?.as_str().into();
        let text = state.annotations().get(LINKS)?;
        let all: BTreeMap<String, Vec<IpNetwork>> = serde_json::from_str(text).ok()?;
        let mut links = Self::default();
        for (interface, subnets) in all {
            links.add(interface.as_str().into(), subnets);
        }
        Some((node, links))
    }
}

/// Whether the address counts on one link only (RFC 3927, RFC 4291).
pub fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(annotations: Value) -> Option<(NodeName, NodeLinks)> {
        let state = json!({"apiVersion": "metallb.io/v1beta1", "kind": "ConfigurationState",
            "metadata": {"name": "speaker-n1", "labels": {"metallb.io/node-name": "n1"}, "annotations": annotations},
            "spec": {}});
        NodeLinks::of_state(&serde_json::from_value(state).unwrap())
    }

    #[test]
    fn what_a_speaker_tells_is_read_as_it_was_meant() {
        let mut links = NodeLinks::default();
        let subnets = ["192.0.2.11/24", "2001:db8::b/64", "fe80::1/64"].map(|one| one.parse().unwrap());
        links.add("eth0".into(), subnets);
        links.add("eth1".into(), []);
        let text = links.to_annotation();
        assert_eq!(text, r#"{"eth0":["192.0.2.0/24","2001:db8::/64"],"eth1":[]}"#);
        let (node, read) = told(json!({"ferrolb.io/links": text})).unwrap();
        assert_eq!((node.as_str(), read), ("n1", links.clone()));
        assert!(links.have_on_link("192.0.2.200".parse().unwrap()));
        assert!(!links.have_on_link("198.51.100.1".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_read_tells_nothing() {
        assert_eq!(told(json!({})), None);
        assert_eq!(told(json!({"ferrolb.io/links": "eth0"})), None);
        assert_eq!(
            told(json!({"ferrolb.io/links": "{\"eth0\":[\"192.0.2.0/99\"]}"})),
            None
        );
    }
}
