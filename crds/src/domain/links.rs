//! The interfaces of nodes, as their speakers tell each other of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};

use super::{InterfaceName, Mac, NodeName};
use crate::api::ConfigurationState;
use crate::names::{LINKS, STATE_NODE};

/// The interfaces of a node that can announce, each with the subnets that it is on.
///
/// A speaker writes them into annotation `ferrolb.io/links` of its `ConfigurationState`, as
/// `{"eth0":{"subnets":["192.0.2.0/24"],"mac":"02:00:c0:00:02:0c"}}`: the others must know which addresses are on a subnet
/// of a node that is on another segment, where they hear nothing of it. Those who ask which MAC answers read it too.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NodeLinks(BTreeMap<InterfaceName, NodeLink>);

/// One interface of a node.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NodeLink {
    /// The subnets that it is on, without the link-local ones.
    #[serde(default)]
    pub subnets: BTreeSet<IpNetwork>,
    /// Its Ethernet address; none if its speaker does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Whether it is connected.
    #[serde(default = "connected", skip_serializing_if = "Clone::clone")]
    pub carrier: bool,
}

/// What a speaker tells of an interface; earlier ones told of the subnets alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    Subnets(BTreeSet<IpNetwork>),
    Link(NodeLink),
}

fn connected() -> bool {
    true
}

impl NodeLink {
    /// A connected interface on these subnets. Link-local ones tell nothing and are left out; of the others the network
    /// counts.
    pub fn on(subnets: impl IntoIterator<Item = IpNetwork>) -> Self {
        let networks = subnets.into_iter().filter_map(|subnet| {
            let network = IpNetwork::new(subnet.network(), subnet.prefix()).ok()?;
            (!is_link_local(network.ip())).then_some(network)
        });
        Self {
            subnets: networks.collect(),
            mac: None,
            carrier: true,
        }
    }
}

impl From<Told> for NodeLink {
    fn from(told: Told) -> Self {
        match told {
            Told::Subnets(subnets) => Self::on(subnets),
            Told::Link(link) => Self {
                subnets: Self::on(link.subnets).subnets,
                ..link
            },
        }
    }
}

impl NodeLinks {
    /// Adds an interface.
    pub fn add(&mut self, interface: InterfaceName, link: NodeLink) {
        self.0.insert(interface, link);
    }

    /// All interfaces, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&InterfaceName, &NodeLink)> {
        self.0.iter()
    }

    /// The interface of this name.
    pub fn named(&self, interface: &InterfaceName) -> Option<&NodeLink> {
        self.0.get(interface)
    }

    /// Whether the address is on a subnet of the node.
    pub fn have_on_link(&self, address: IpAddr) -> bool {
        self.subnets().any(|subnet| subnet.contains(address))
    }

    /// All subnets that the node is on.
    pub fn subnets(&self) -> impl Iterator<Item = IpNetwork> + '_ {
        self.0.values().flat_map(|link| &link.subnets).copied()
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
        let all: BTreeMap<String, Told> = serde_json::from_str(text).ok()?;
        let link = |(name, told): (String, Told)| (InterfaceName::from(name), told.into());
        Some((node, Self(all.into_iter().map(link).collect())))
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
        let first = NodeLink {
            mac: Some(Mac([2, 0, 0xc0, 0, 2, 0x0b])),
            ..NodeLink::on(subnets)
        };
        let second = NodeLink {
            carrier: false,
            ..NodeLink::on([])
        };
        links.add("eth0".into(), first);
        links.add("eth1".into(), second);
        let text = links.to_annotation();
        assert_eq!(
            text,
            r#"{"eth0":{"subnets":["192.0.2.0/24","2001:db8::/64"],"mac":"02:00:c0:00:02:0b"},"eth1":{"subnets":[],"carrier":false}}"#
        );
        let (node, read) = told(json!({"ferrolb.io/links": text})).unwrap();
        assert_eq!((node.as_str(), read), ("n1", links.clone()));
        assert!(links.have_on_link("192.0.2.200".parse().unwrap()));
        assert!(!links.have_on_link("198.51.100.1".parse().unwrap()));
    }

    #[test]
    fn a_speaker_that_tells_of_subnets_alone_is_understood() {
        let text = r#"{"eth0":["192.0.2.11/24","fe80::1/64"]}"#;
        let (_, links) = told(json!({"ferrolb.io/links": text})).unwrap();
        assert_eq!(
            links.named(&"eth0".into()),
            Some(&NodeLink::on(["192.0.2.0/24".parse().unwrap()]))
        );
    }

    #[test]
    fn what_a_later_speaker_tells_besides_is_passed_over() {
        let text = r#"{"eth0":{"subnets":["192.0.2.0/24"],"speed":"slow"}}"#;
        let (_, links) = told(json!({"ferrolb.io/links": text})).unwrap();
        assert!(links.have_on_link("192.0.2.7".parse().unwrap()));
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
