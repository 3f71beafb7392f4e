//! Where the endpoints of a Service are.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::NodeName;
use crate::api::core::{self, EndpointSlice};

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

/// The endpoints of one slice.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Slice(Box<[Listed]>);

/// One endpoint as a slice has it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Listed {
    /// The hash of its pod's name, else of its address: every speaker keeps every endpoint of the cluster. Two of one
    /// Service on one node with the same hash would count once.
    target: u32,
    node: Option<NodeName>,
    ready: bool,
    serving: bool,
}

impl Slice {
    /// Reads a slice. `name` makes the name of a node, so that many slices can share one.
    ///
    /// `ready` absent means ready; `serving` absent means as ready (Kubernetes' rules for `EndpointSlice`).
    pub fn read(slice: &EndpointSlice, mut name: impl FnMut(&str) -> NodeName) -> Self {
        let listed = |wire: &core::Endpoint| {
            let conditions = wire.conditions.clone().unwrap_or_default();
            let ready = conditions.ready.unwrap_or(true);
            let pod = wire.target_ref.as_ref().and_then(|target| target.name.as_ref());
            let mut target = DefaultHasher::new();
            pod.or(wire.addresses.first()).hash(&mut target);
            Listed {
                target: target.finish() as u32,
                node: wire.node_name.as_deref().map(&mut name),
                ready,
                serving: ready || conditions.serving.unwrap_or(false),
            }
        };
        Self(slice.endpoints.iter().map(listed).collect())
    }
}

/// The endpoints of one Service: the nodes that have some, in order of their names, after those of no node. Cheap to
/// clone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Endpoints(Arc<[OnNode]>);

/// How many endpoints a node has.
#[derive(Clone, Debug, Eq, PartialEq)]
struct OnNode {
    node: Option<NodeName>,
    ready: u32,
    /// Those that can serve and are not ready.
    terminating: u32,
}

impl OnNode {
    fn serves(&self) -> bool {
        self.ready + self.terminating > 0
    }
}

impl Endpoints {
    /// Reads the slices of one Service, in any order.
    pub fn from_slices<'a>(slices: impl IntoIterator<Item = &'a EndpointSlice>) -> Self {
        let read = |slice: &EndpointSlice| Slice::read(slice, |name| name.into());
        Self::of(&slices.into_iter().map(read).collect::<Vec<_>>())
    }

    /// The slices of one Service together, in any order. A pod that stands in slices of both families counts once. One
    /// that stands there on two nodes, as while a virtual machine moves, counts on each of them, with the state that the
    /// slice says of that node.
    pub fn of<'a>(slices: impl IntoIterator<Item = &'a Slice>) -> Self {
        let mut known: BTreeMap<(u32, Option<&NodeName>), (bool, bool)> = BTreeMap::new();
        for one in slices.into_iter().flat_map(|slice| &slice.0) {
            let (ready, serving) = known.entry((one.target, one.node.as_ref())).or_default();
            *ready |= one.ready;
            *serving |= one.serving;
        }
        let endpoint = |((_, node), (ready, serving)): ((_, Option<&NodeName>), _)| Endpoint {
            node: node.cloned(),
            ready,
            serving,
        };
        known.into_iter().map(endpoint).collect()
    }

    /// Whether both are the very same.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether any endpoint anywhere can serve.
    pub fn any_serving(&self) -> bool {
        self.0.iter().any(OnNode::serves)
    }

    /// Whether this node has an endpoint that can serve.
    pub fn serving_on(&self, node: &NodeName) -> bool {
        self.on(node).is_some_and(OnNode::serves)
    }

    /// How many ready endpoints this node has.
    pub fn ready_on(&self, node: &NodeName) -> usize {
        self.on(node).map_or(0, |here| here.ready as usize)
    }

    /// The nodes with an endpoint that can serve, in order of their names.
    pub fn serving_nodes(&self) -> impl Iterator<Item = &NodeName> {
        let serving = self.0.iter().filter(|here| here.serves());
        serving.filter_map(|here| here.node.as_ref())
    }

    /// The nodes with ready endpoints and how many each has, in order of their names.
    pub fn ready_nodes(&self) -> impl Iterator<Item = (&NodeName, usize)> {
        let ready = self.0.iter().filter(|here| here.ready > 0);
        ready.filter_map(|here| Some((here.node.as_ref()?, here.ready as usize)))
    }

    /// The same, but what can serve on these nodes counts as ready.
    #[must_use]
    pub fn taken_for_ready_on(&self, nodes: &BTreeSet<NodeName>) -> Self {
        let taken = |here: &OnNode| match &here.node {
            Some(node) if nodes.contains(node) => OnNode {
                node: here.node.clone(),
                ready: here.ready + here.terminating,
                terminating: 0,
            },
            _ => here.clone(),
        };
        Self(self.0.iter().map(taken).collect())
    }

    fn on(&self, node: &NodeName) -> Option<&OnNode> {
        let place = self
            .0
            .binary_search_by(|here| here.node.as_ref().cmp(&Some(node)));
        place.ok().map(|place| &self.0[place])
    }
}

impl FromIterator<Endpoint> for Endpoints {
    fn from_iter<I: IntoIterator<Item = Endpoint>>(endpoints: I) -> Self {
        let mut counts: BTreeMap<Option<NodeName>, (u32, u32)> = BTreeMap::new();
        for endpoint in endpoints {
            let (ready, terminating) = counts.entry(endpoint.node).or_default();
            *ready += u32::from(endpoint.ready);
            *terminating += u32::from(endpoint.serving && !endpoint.ready);
        }
        let here = |(node, (ready, terminating))| OnNode {
            node,
            ready,
            terminating,
        };
        Self(counts.into_iter().map(here).collect())
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
        let (endpoints, n1) = (Endpoints::from_slices([&slice("IPv4", one)]), "n1".into());
        assert_eq!(
            endpoints.serving_on(&n1) && endpoints.ready_on(&n1) == 0,
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
        assert!(endpoints.any_serving());
        assert!(!endpoints.serving_on(&"n1".into()));
    }
}
