//! Which groups of addresses are to move, and where to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use ferrolb_crds::domain::{NodeName, ServiceKey};
use ferrolb_speaker::forecast::{Known, forecast};
use ferrolb_speaker::may::{View, may};
use itertools::Itertools;

/// A group of addresses that is to go from one node to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Move {
    pub(super) addresses: BTreeSet<IpAddr>,
    /// The Services that have them.
    pub(super) services: BTreeSet<ServiceKey>,
    pub(super) from: NodeName,
    pub(super) to: NodeName,
}

/// The moves that bring the holders to where the speakers would put the addresses if nobody held any. In order of
/// addresses.
pub(super) fn moves(view: &View, known: &Known) -> Vec<Move> {
    let may = may(view);
    let nobody_holds = Known {
        holders: BTreeMap::new(),
        ..known.clone()
    };
    let mut moves: BTreeMap<(IpAddr, &NodeName, NodeName), Move> = BTreeMap::new();
    for (address, foreseen) in forecast(view, &may, &nobody_holds) {
        let (Ok(winner), Ok(eligible), Some(holder)) = (
            &foreseen.outcome,
            &foreseen.judged.eligible,
            known.holders.get(&address),
        ) else {
            continue;
        };
        if winner.node == *holder || !known.alive.contains(holder) {
            continue;
        }
        let group = (eligible.group.first, holder, winner.node.clone());
        let one = moves.entry(group).or_insert_with(|| Move {
            addresses: BTreeSet::new(),
            services: BTreeSet::new(),
            from: holder.clone(),
            to: winner.node.clone(),
        });
        one.addresses.insert(address);
        one.services.extend(foreseen.judged.served().cloned());
    }
    moves.into_values().collect()
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = self.addresses.iter().format(", ");
        let services = self.services.iter().format(", ");
        write!(f, "{addresses} ({services}) from {} to {}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_crds::api::core::{EndpointSlice, Node, Service};
    use ferrolb_crds::api::{IPAddressPool, L2Advertisement};
    use serde_json::{Value, json};

    use super::*;
    use crate::objects::Objects;
    use crate::plan::world;

    fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
        serde_json::from_value(value).unwrap()
    }

    /// Services web-1, web-2, … with the addresses 192.0.2.1, …, the endpoint of each on the node named.
    fn view(nodes: &[&str], endpoints: &[&str]) -> View {
        let meta = |name: &str| json!({"name": name, "namespace": "metallb-system"});
        let pool: IPAddressPool = object(
            json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": meta("lan"), "spec": {"addresses": ["192.0.2.0/24"]}}),
        );
        let advert: L2Advertisement = object(
            json!({"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
            "metadata": meta("lan"), "spec": {}}),
        );
        let node = |name: &&str| -> Node {
            object(
                json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
            )
        };
        let service = |number: usize| -> Service {
            object(
                json!({"metadata": {"name": format!("web-{number}"), "namespace": "shop"},
                "spec": {"type": "LoadBalancer"},
                "status": {"loadBalancer": {"ingress": [{"ip": format!("192.0.2.{number}")}]}}}),
            )
        };
        let slice = |(number, node): (usize, &&str)| -> EndpointSlice {
            object(
                json!({"metadata": {"name": format!("web-{number}-x"), "namespace": "shop",
                    "labels": {"kubernetes.io/service-name": format!("web-{number}")}},
                "addressType": "IPv4", "endpoints": [{"addresses": ["10.244.0.1"], "nodeName": node}]}),
            )
        };
        let numbered = || endpoints.iter().enumerate().map(|(at, node)| (at + 1, node));
        let objects = Objects {
            pools: vec![pool],
            adverts: vec![advert],
            nodes: nodes.iter().map(node).collect(),
            services: numbered().map(|(number, _)| service(number)).collect(),
            slices: numbered().map(slice).collect(),
            ..Objects::default()
        };
        world::as_it_stands(&objects, ferrolb_speaker::may::Options::default())
    }

    fn planned(view: &View, holders: &[(&str, &str)]) -> Vec<String> {
        let known = Known {
            alive: world::alive(&view.nodes),
            holders: holders
                .iter()
                .map(|(address, node)| (address.parse().unwrap(), NodeName::from(*node)))
                .collect(),
        };
        moves(view, &known).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_lies_elsewhere_moves_to_its_endpoints_and_what_is_there_stays() {
        let view = view(&["n1", "n2"], &["n1", "n2"]);
        assert_eq!(
            planned(&view, &[("192.0.2.1", "n2"), ("192.0.2.2", "n2")]),
            ["192.0.2.1 (shop/web-1) from n2 to n1"]
        );
        assert!(planned(&view, &[("192.0.2.1", "n1"), ("192.0.2.2", "n2")]).is_empty());
    }

    #[test]
    fn what_nobody_holds_is_for_the_speakers_to_claim() {
        assert!(planned(&view(&["n1", "n2"], &["n1", "n2"]), &[]).is_empty());
    }
}
