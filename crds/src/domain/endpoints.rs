//! Where the endpoints of a Service are.

use std::collections::BTreeMap;

use super::NodeName;
use crate::api::core::EndpointSlice;

/// One endpoint, in whatever families it has addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// The node it runs on, where Kubernetes says so.
    pub node: Option<NodeName>,
    /// Takes new connections.
    pub ready: bool,
    /// Can serve: ready, or terminating but still serving (keeps a rolling update without a gap).
    pub serving: bool,
}

/// The endpoints of one Service.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Endpoints {
    all: Vec<Endpoint>,
    /// Derived from `all`, for elections ask for nodes and ask often: those that are named, in order of their names.
    by_node: Vec<OnNode>,
}

/// How many endpoints a node has.
#[derive(Clone, Debug, Eq, PartialEq)]
struct OnNode {
    node: NodeName,
    ready: usize,
    serving: usize,
}

impl Endpoints {
    /// Reads the slices of one Service, in any order. A pod that stands in slices of both families counts once. One that
    /// stands there on two nodes, as while a virtual machine moves, counts on each of them, with the state that the slice
    /// says of that node.
    ///
    /// `ready` absent means ready; `serving` absent means as ready (Kubernetes' rules for `EndpointSlice`).
    pub fn from_slices<'a>(slices: impl IntoIterator<Item = &'a EndpointSlice>) -> Self {
        let mut known: BTreeMap<(Option<&str>, Option<&str>), Endpoint> = BTreeMap::new();
        for wire in slices.into_iter().flat_map(|slice| slice.endpoints.iter()) {
            let conditions = wire.conditions.clone().unwrap_or_default();
            let ready = conditions.ready.unwrap_or(true);
            let pod = wire.target_ref.as_ref().and_then(|target| target.name.as_ref());
            let target = pod.or(wire.addresses.first()).map(String::as_str);
            let endpoint = known
                .entry((target, wire.node_name.as_deref()))
                .or_insert_with(|| Endpoint {
                    node: wire.node_name.as_deref().map(NodeName::from),
                    ready: false,
                    serving: false,
                });
            endpoint.ready |= ready;
            endpoint.serving |= ready || conditions.serving.unwrap_or(false);
        }
        known.into_values().collect()
    }

    /// Whether any endpoint anywhere can serve.
    pub fn any_serving(&self) -> bool {
        self.all.iter().any(|endpoint| endpoint.serving)
    }

    /// Whether an endpoint that can serve has no node: then any node will do.
    pub fn any_serving_without_node(&self) -> bool {
        self.all
            .iter()
            .any(|endpoint| endpoint.serving && endpoint.node.is_none())
    }

    /// Whether this node has an endpoint that can serve.
    pub fn serving_on(&self, node: &NodeName) -> bool {
        self.on(node).is_some_and(|here| here.serving > 0)
    }

    /// Whether an endpoint that can serve is about to end.
    pub fn any_terminating(&self) -> bool {
        self.all
            .iter()
            .any(|endpoint| endpoint.serving && !endpoint.ready)
    }

    /// How many ready endpoints this node has.
    pub fn ready_on(&self, node: &NodeName) -> usize {
        self.on(node).map_or(0, |here| here.ready)
    }

    /// How many ready endpoints there are.
    pub fn ready(&self) -> usize {
        self.all.iter().filter(|endpoint| endpoint.ready).count()
    }

    /// The nodes with an endpoint that can serve, in order of their names.
    pub fn serving_nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.by_node
            .iter()
            .filter(|here| here.serving > 0)
            .map(|here| &here.node)
    }

    /// The nodes with ready endpoints and how many each has, in order of their names.
    pub fn ready_nodes(&self) -> impl Iterator<Item = (&NodeName, usize)> {
        let ready = self.by_node.iter().filter(|here| here.ready > 0);
        ready.map(|here| (&here.node, here.ready))
    }

    fn on(&self, node: &NodeName) -> Option<&OnNode> {
        let place = self.by_node.binary_search_by(|here| here.node.cmp(node));
        place.ok().map(|place| &self.by_node[place])
    }
}

fn by_node(all: &[Endpoint]) -> Vec<OnNode> {
    let mut counts: BTreeMap<&NodeName, (usize, usize)> = BTreeMap::new();
    for endpoint in all {
        if let Some(node) = &endpoint.node {
            let (ready, serving) = counts.entry(node).or_default();
            *ready += usize::from(endpoint.ready);
            *serving += usize::from(endpoint.serving);
        }
    }
    let here = |(node, (ready, serving)): (&NodeName, _)| OnNode {
        node: node.clone(),
        ready,
        serving,
    };
    counts.into_iter().map(here).collect()
}

impl FromIterator<Endpoint> for Endpoints {
    fn from_iter<I: IntoIterator<Item = Endpoint>>(endpoints: I) -> Self {
        let all: Vec<Endpoint> = endpoints.into_iter().collect();
        let by_node = by_node(&all);
        Self { all, by_node }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;
    use proptest::sample::select;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{EndpointSlice, Endpoints, NodeName};
    use crate::api::core::{Endpoint, EndpointConditions, TargetReference};

    fn slice(family: &str, endpoints: Value) -> EndpointSlice {
        serde_json::from_value(json!({ "addressType": family, "endpoints": endpoints })).unwrap()
    }

    #[rstest]
    #[case::nothing_said(json!({}), true)]
    #[case::ready(json!({"ready": true}), true)]
    #[case::not_ready(json!({"ready": false}), false)]
    #[case::terminating_but_serving(json!({"ready": false, "serving": true, "terminating": true}), true)]
    #[case::terminating_and_gone(json!({"ready": false, "serving": false, "terminating": true}), false)]
    fn can_serve(#[case] conditions: Value, #[case] expected: bool) {
        let one = json!([{"addresses": ["10.244.1.2"], "nodeName": "n1", "conditions": conditions}]);
        let endpoints = Endpoints::from_slices([&slice("IPv4", one)]);
        assert_eq!(endpoints.serving_on(&"n1".into()), expected);
        assert_eq!(endpoints.any_serving(), expected);
    }

    #[rstest]
    #[case::ready(json!({"ready": true}), false)]
    #[case::terminating_but_serving(json!({"ready": false, "serving": true, "terminating": true}), true)]
    #[case::terminating_and_gone(json!({"ready": false, "serving": false, "terminating": true}), false)]
    fn about_to_end(#[case] conditions: Value, #[case] expected: bool) {
        let one = json!([{"addresses": ["10.244.1.2"], "nodeName": "n1", "conditions": conditions}]);
        assert_eq!(
            Endpoints::from_slices([&slice("IPv4", one)]).any_terminating(),
            expected
        );
    }

    #[test]
    fn a_pod_in_slices_of_both_families_counts_once() {
        let endpoint = |address: &str| json!([{"addresses": [address], "nodeName": "n1", "targetRef": {"kind": "Pod", "name": "web-1"}}]);
        let slices = [
            slice("IPv4", endpoint("10.244.1.2")),
            slice("IPv6", endpoint("fd00:10:244:1::2")),
        ];
        assert_eq!(Endpoints::from_slices(&slices).ready_on(&"n1".into()), 1);
    }

    /// kubernetes#121556: the address moved from n1 to n2, and the slices of both nodes are still there.
    #[test]
    fn an_address_on_two_nodes_has_on_each_the_state_that_is_said_of_that_node() {
        let on = |node: &str, serving: bool| {
            let conditions = json!({"ready": serving, "serving": serving, "terminating": !serving});
            slice(
                "IPv4",
                json!([{"addresses": ["198.51.100.7"], "nodeName": node, "conditions": conditions}]),
            )
        };
        let (left, come) = (on("n1", false), on("n2", true));
        for slices in [[&left, &come], [&come, &left]] {
            let endpoints = Endpoints::from_slices(slices);
            let serving: Vec<&str> = endpoints.serving_nodes().map(NodeName::as_str).collect();
            assert_eq!(serving, ["n2"]);
        }
    }

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        let names = |names: [&'static str; 2]| option::of(select(names.to_vec()).prop_map(str::to_owned));
        let truth = || option::of(any::<bool>());
        (
            names(["n1", "n2"]),
            names(["web-1", "web-2"]),
            select(vec!["10.244.1.2", "10.244.1.3"]),
            truth(),
            truth(),
        )
            .prop_map(|(node_name, pod, address, ready, serving)| Endpoint {
                addresses: vec![address.to_owned()],
                conditions: Some(EndpointConditions { ready, serving }),
                node_name,
                target_ref: pod.map(|name| TargetReference { name: Some(name) }),
            })
    }

    proptest! {
        #[test]
        fn the_order_of_slices_and_of_their_endpoints_never_matters(
            (some, shuffled) in vec(vec(endpoint(), 0..4), 0..4)
                .prop_flat_map(|some| (Just(some.clone()), Just(some).prop_shuffle())),
            turned in any::<bool>(),
        ) {
            let slices = |all: Vec<Vec<Endpoint>>| -> Vec<EndpointSlice> {
                let slice = |endpoints| EndpointSlice { endpoints, ..EndpointSlice::default() };
                all.into_iter().map(slice).collect()
            };
            let mut other = slices(shuffled);
            if turned {
                other.iter_mut().for_each(|slice| slice.endpoints.reverse());
            }
            prop_assert_eq!(Endpoints::from_slices(&slices(some)), Endpoints::from_slices(&other));
        }
    }

    #[test]
    fn an_endpoint_without_a_node_is_anywhere() {
        let endpoints = Endpoints::from_slices([&slice("IPv4", json!([{"addresses": ["203.0.113.9"]}]))]);
        assert!(endpoints.any_serving_without_node());
        assert!(!endpoints.serving_on(&"n1".into()));
    }
}
