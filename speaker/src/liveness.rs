//! Which nodes are alive, from what Kubernetes says.
//!
//! Beacons between the speakers will give the same [`Liveness`] without asking Kubernetes; the election stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_crds::domain::{Node, NodeName};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use crate::election::{Liveness, hash_of};

/// Labels that mark a speaker's Pod: MetalLB's manifests use the first, its chart the second.
const COMPONENT: [&str; 2] = ["component", "app.kubernetes.io/component"];
const SPEAKER: &str = "speaker";

/// A speaker's Pod.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Speaker {
    /// The node it runs on; none before it is scheduled.
    pub(crate) node: Option<NodeName>,
    /// Ready, and nobody has asked it to end.
    pub(crate) ready: bool,
}

impl Speaker {
    /// Reads a Pod; nothing if it is no speaker.
    pub(crate) fn read(pod: &Pod) -> Option<Self> {
        let is_speaker = |label| pod.labels().get(label).is_some_and(|value| value == SPEAKER);
        COMPONENT.into_iter().any(is_speaker).then(|| Self {
            node: pod
                .spec
                .as_ref()
                .and_then(|spec| spec.node_name.as_deref())
                .map(Into::into),
            // A Pod that is being deleted stays Ready for a while; others may take over at once.
            ready: is_ready(pod) && pod.metadata.deletion_timestamp.is_none(),
        })
    }
}

/// A node is alive when it is Ready and has a ready speaker. If there is no speaker Pod at all, as when speakers run
/// outside of Pods, it is enough that the node is Ready.
pub(crate) fn liveness(nodes: &BTreeMap<NodeName, Node>, speakers: &[Speaker]) -> Liveness {
    let serving: BTreeSet<&NodeName> = speakers
        .iter()
        .filter(|speaker| speaker.ready)
        .filter_map(|speaker| speaker.node.as_ref())
        .collect();
    let alive = nodes
        .iter()
        .filter(|(name, node)| node.ready && (speakers.is_empty() || serving.contains(name)));
    Liveness::Known(alive.map(|(name, _)| name.clone()).collect())
}

/// The one of the living that tells about an object which concerns them all, so that it is told once.
pub(crate) fn spokesman<'a>(liveness: &'a Liveness, object: &str) -> Option<&'a NodeName> {
    match liveness {
        Liveness::Unknown => None,
        Liveness::Known(alive) => alive.iter().min_by_key(|node| hash_of(node, object)),
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|one| one.type_ == "Ready" && one.status == "True")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, node: &str, extra: &Value) -> Speaker {
        let status = if extra["ready"] == json!(false) {
            "False"
        } else {
            "True"
        };
        let pod = json!({
            "metadata": {"name": name, "labels": {"component": "speaker"}, "deletionTimestamp": extra["deleted"]},
            "spec": {"nodeName": node, "containers": []},
            "status": {"conditions": [{"type": "Ready", "status": status}]}});
        Speaker::read(&serde_json::from_value(pod).unwrap()).unwrap()
    }

    fn node(ready: bool) -> Node {
        Node {
            ready,
            ..Node::default()
        }
    }

    fn alive(nodes: &[(&str, bool)], speakers: &[Speaker]) -> Vec<String> {
        let nodes = nodes
            .iter()
            .map(|(name, ready)| (NodeName::from(*name), node(*ready)));
        match liveness(&nodes.collect(), speakers) {
            Liveness::Known(alive) => alive.iter().map(ToString::to_string).collect(),
            Liveness::Unknown => panic!("liveness is known"),
        }
    }

    #[rstest]
    #[case::ready(json!({}), &["n1"])]
    #[case::not_ready(json!({"ready": false}), &[])]
    #[case::being_deleted(json!({"deleted": "2026-01-01T00:00:00Z"}), &[])]
    fn a_node_needs_a_ready_speaker(#[case] extra: Value, #[case] expected: &[&str]) {
        let speakers = [pod("a", "n1", &extra)];
        assert_eq!(alive(&[("n1", true), ("n2", true)], &speakers), expected);
    }

    #[test]
    fn a_node_that_is_not_ready_is_not_alive() {
        let speakers = [pod("a", "n1", &json!({})), pod("b", "n2", &json!({}))];
        assert_eq!(alive(&[("n1", false), ("n2", true)], &speakers), ["n2"]);
    }

    #[test]
    fn a_second_pod_that_ends_takes_nothing_from_the_first() {
        let speakers = [
            pod("a", "n1", &json!({"ready": false})),
            pod("b", "n1", &json!({})),
        ];
        assert_eq!(alive(&[("n1", true)], &speakers), ["n1"]);
    }

    #[test]
    fn without_any_speaker_pod_the_node_alone_counts() {
        assert_eq!(alive(&[("n1", true), ("n2", false)], &[]), ["n1"]);
    }

    #[test]
    fn one_of_the_living_speaks_for_all() {
        let alive =
            |names: &[&str]| Liveness::Known(names.iter().map(|name| NodeName::from(*name)).collect());
        let of = |names: &[&str], object| spokesman(&alive(names), object).map(ToString::to_string);
        assert_eq!(of(&["n1", "n2", "n3"], "192.0.2.1").as_deref(), Some("n2"));
        assert_eq!(of(&["n1", "n3"], "192.0.2.1").as_deref(), Some("n1"));
        assert_eq!(of(&[], "192.0.2.1"), None);
        assert_eq!(spokesman(&Liveness::Unknown, "192.0.2.1"), None);
    }

    #[rstest]
    #[case(json!({"component": "speaker"}), true)]
    #[case(json!({"app.kubernetes.io/component": "speaker"}), true)]
    #[case(json!({"component": "controller"}), false)]
    #[case(json!({}), false)]
    fn speakers_are_known_by_their_label(#[case] labels: Value, #[case] expected: bool) {
        let pod = json!({"metadata": {"labels": labels}});
        assert_eq!(
            Speaker::read(&serde_json::from_value(pod).unwrap()).is_some(),
            expected
        );
    }
}
