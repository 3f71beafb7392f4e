//! Which node announces a Service, on which interface, with which MAC, and since when: what the speakers wrote of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::api::{ServiceBGPStatusStatus, ServiceL2Status};
use ferrolb_crds::domain::{InterfaceName, Mac, NodeLinks, NodeName, ServiceKey};
use ferrolb_speaker::forecast::interfaces_of;
use ferrolb_speaker::may::Interfaces;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Serialize;

use crate::objects::Objects;

/// A node that says that it announces an address.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Holder {
    pub(crate) node: NodeName,
    /// When its `ServiceL2Status` was made.
    pub(crate) since: Option<Time>,
    /// Where it announces; empty if its speaker tells nothing of its interfaces.
    pub(crate) interfaces: Vec<Interface>,
}

/// An interface of a holder.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Interface {
    pub(crate) name: InterfaceName,
    /// The MAC that answers; none if its speaker does not tell.
    pub(crate) mac: Option<Mac>,
    /// Whether it is connected.
    pub(crate) carrier: bool,
}

/// A node that says that it tells of a Service by BGP.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Teller {
    pub(crate) node: NodeName,
    /// The names of the `BGPPeer`s that it tells.
    pub(crate) peers: Vec<String>,
}

/// All that the speakers wrote.
pub(crate) struct Holdings<'a> {
    by_service: BTreeMap<ServiceKey, Vec<&'a ServiceL2Status>>,
    tellers: BTreeMap<ServiceKey, Vec<&'a ServiceBGPStatusStatus>>,
    links: BTreeMap<NodeName, NodeLinks>,
}

impl<'a> Holdings<'a> {
    pub(crate) fn of(objects: &'a Objects) -> Self {
        let mut by_service: BTreeMap<ServiceKey, Vec<&ServiceL2Status>> = BTreeMap::new();
        for object in &objects.statuses {
            if let Some(status) = &object.status {
                let key = ServiceKey::new(status.service_namespace.as_str(), status.service_name.as_str());
                by_service.entry(key).or_default().push(object);
            }
        }
        // The node that took over last comes first.
        for statuses in by_service.values_mut() {
            statuses.sort_by_key(|one| (Reverse(since(one)), one.metadata.name.clone()));
        }
        let mut tellers: BTreeMap<ServiceKey, Vec<&ServiceBGPStatusStatus>> = BTreeMap::new();
        for status in objects.bgp_statuses.iter().filter_map(|one| one.status.as_ref()) {
            let key = ServiceKey::new(status.service_namespace.as_str(), status.service_name.as_str());
            tellers.entry(key).or_default().push(status);
        }
        for statuses in tellers.values_mut() {
            statuses.sort_by_key(|one| &one.node);
        }
        Self {
            by_service,
            tellers,
            links: objects.states.iter().filter_map(NodeLinks::of_state).collect(),
        }
    }

    /// The nodes that say that they announce the Service, the latest first. If there are several, each may have some of
    /// its addresses.
    pub(crate) fn holders(&self, service: &ServiceKey, address: IpAddr) -> Vec<Holder> {
        let statuses = self.by_service.get(service).into_iter().flatten();
        statuses.filter_map(|one| self.holder(one, address)).collect()
    }

    /// The nodes that say that they tell of the Service by BGP, by name.
    pub(crate) fn tellers(&self, service: &ServiceKey) -> Vec<Teller> {
        let statuses = self.tellers.get(service).into_iter().flatten();
        let teller = |status: &&ServiceBGPStatusStatus| Teller {
            node: status.node.as_str().into(),
            peers: status.peers.clone(),
        };
        statuses.map(teller).collect()
    }

    /// The Services that each node says that it announces, by whatever means.
    pub(crate) fn by_node(&self) -> BTreeMap<NodeName, BTreeSet<&ServiceKey>> {
        let mut by_node: BTreeMap<NodeName, BTreeSet<&ServiceKey>> = BTreeMap::new();
        let layer2 = self.by_service.iter().flat_map(|(service, statuses)| {
            let statuses = statuses.iter().filter_map(|one| one.status.as_ref());
            statuses.map(move |status| (&*status.node, service))
        });
        let bgp = self
            .tellers
            .iter()
            .flat_map(|(service, statuses)| statuses.iter().map(move |status| (&*status.node, service)));
        for (node, service) in layer2.chain(bgp) {
            by_node.entry(node.into()).or_default().insert(service);
        }
        by_node
    }

    /// What the speaker of a node tells of its interfaces.
    pub(crate) fn links(&self, node: &NodeName) -> Option<&NodeLinks> {
        self.links.get(node)
    }

    fn holder(&self, object: &ServiceL2Status, address: IpAddr) -> Option<Holder> {
        let status = object.status.as_ref()?;
        let node = NodeName::from(status.node.as_str());
        let named = status.interfaces.iter().map(|one| one.name.as_str().into());
        // Where the advertisements leave the choice to the speaker it does not name them, as in MetalLB.
        let names = match (status.interfaces.as_slice(), self.links.get(&node)) {
            ([], Some(links)) => interfaces_of(links, &Interfaces::Any, address),
            _ => named.collect(),
        };
        let interface = |name: InterfaceName| {
            let link = self.links.get(&node).and_then(|links| links.named(&name));
            Interface {
                mac: link.and_then(|link| link.mac),
                carrier: link.is_none_or(|link| link.carrier),
                name,
            }
        };
        Some(Holder {
            interfaces: names.into_iter().map(interface).collect(),
            since: since(object),
            node,
        })
    }
}

fn since(object: &ServiceL2Status) -> Option<Time> {
    object.metadata.creation_timestamp.clone()
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    fn object<K: DeserializeOwned>(value: Value) -> K {
        serde_json::from_value(value).unwrap()
    }

    fn status(node: &str, made: &str, interfaces: &[&str]) -> ServiceL2Status {
        let interfaces: Vec<Value> = interfaces.iter().map(|name| json!({"name": name})).collect();
        object(
            json!({"apiVersion": "metallb.io/v1beta1", "kind": "ServiceL2Status",
            "metadata": {"name": format!("l2-{node}"), "creationTimestamp": made}, "spec": {},
            "status": {"node": node, "serviceName": "web", "serviceNamespace": "shop", "interfaces": interfaces}}),
        )
    }

    fn objects(statuses: Vec<ServiceL2Status>) -> Objects {
        let links = r#"{"eth0": {"subnets": ["192.0.2.0/24"], "mac": "02:00:00:00:00:01"},
            "eth1": {"subnets": ["198.51.100.0/24"], "carrier": false}}"#;
        let state = json!({"apiVersion": "metallb.io/v1beta1", "kind": "ConfigurationState",
            "metadata": {"name": "speaker-n1", "labels": {"metallb.io/node-name": "n1"},
                "annotations": {"ferrolb.io/links": links}}});
        Objects {
            statuses,
            states: vec![object(state)],
            ..Objects::default()
        }
    }

    fn holders(objects: &Objects) -> Vec<Holder> {
        Holdings::of(objects).holders(&ServiceKey::new("shop", "web"), "192.0.2.7".parse().unwrap())
    }

    #[test]
    fn an_interface_that_is_not_named_is_the_one_that_the_speaker_chooses() {
        let found = holders(&objects(vec![status("n1", "2026-01-01T00:00:00Z", &[])]));
        let eth0 = Interface {
            name: "eth0".into(),
            mac: Some("02:00:00:00:00:01".parse().unwrap()),
            carrier: true,
        };
        let since = Some(Time("2026-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(
            found,
            [Holder {
                node: "n1".into(),
                since,
                interfaces: vec![eth0]
            }]
        );
    }

    #[test]
    fn interfaces_that_are_named_are_those_whatever_is_known_of_them() {
        let found = holders(&objects(vec![status(
            "n1",
            "2026-01-01T00:00:00Z",
            &["eth1", "eth9"],
        )]));
        let seen: Vec<(&str, bool)> = found[0]
            .interfaces
            .iter()
            .map(|one| (one.name.as_str(), one.carrier))
            .collect();
        assert_eq!(seen, [("eth1", false), ("eth9", true)]);
    }

    #[test]
    fn the_node_that_took_over_last_comes_first() {
        let found = holders(&objects(vec![
            status("n1", "2026-01-01T00:00:00Z", &[]),
            status("n2", "2026-01-02T00:00:00Z", &[]),
        ]));
        let nodes: Vec<&str> = found.iter().map(|one| one.node.as_str()).collect();
        assert_eq!(nodes, ["n2", "n1"]);
        assert_eq!(found[0].interfaces, [], "its speaker tells nothing");
    }
}
