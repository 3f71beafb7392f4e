//! How the speakers do: their pods, and what they say of what they read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ferrolb_crds::api::ConfigurationState;
use ferrolb_crds::domain::NodeName;
use ferrolb_crds::names::STATE_NODE;
use k8s_openapi::api::core::v1 as kubernetes;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::core::ObjectMeta;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// Selects the pods of the speakers.
pub(crate) const SPEAKER_PODS: &str = "component=speaker";

/// A speaker is ready some seconds after its node; an image may have to be pulled first.
const STARTS_WITHIN_SECONDS: i64 = 60;
/// What Kubernetes says of a container that nothing keeps from running.
const ON_ITS_WAY: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// A pod, as far as it matters here.
#[derive(Clone, Debug, Default, Deserialize, kube::Resource)]
#[resource(inherit = "kubernetes::Pod")]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: ObjectMeta,
    spec: Value,
    status: Value,
}

/// Where a daemon serves metrics and health.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Door {
    pub(crate) port: u16,
    /// It speaks TLS there, and asks for a token.
    pub(crate) tls: bool,
}

impl Pod {
    /// The node it runs on.
    pub(crate) fn node(&self) -> Option<NodeName> {
        self.spec["nodeName"].as_str().map(NodeName::from)
    }

    /// Where the kubelet asks whether it is ready; none if it does not ask.
    pub(crate) fn door(&self) -> Option<Door> {
        let containers = self.spec["containers"].as_array();
        let asked = containers
            .into_iter()
            .flatten()
            .find_map(|one| one.pointer("/readinessProbe/httpGet"))?;
        Some(Door {
            port: asked["port"].as_u64()?.try_into().ok()?,
            tls: asked["scheme"] == "HTTPS",
        })
    }

    /// Whether Kubernetes says that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        state_of(self) == State::Ready
    }

    /// Whether it is not ready for so short a time that it may be on its way, as on a node that comes back, and Kubernetes
    /// knows of nothing that keeps it.
    pub(crate) fn may_be_starting(&self, now: Timestamp) -> bool {
        let State::NotReady(why) = state_of(self) else {
            return false;
        };
        let since = self
            .ready_condition()
            .and_then(|one| one["lastTransitionTime"].as_str());
        let since = since.and_then(|since| since.parse::<Timestamp>().ok());
        let is_recent =
            since.is_some_and(|since| now.as_second() - since.as_second() < STARTS_WITHIN_SECONDS);
        is_recent && (why.is_empty() || ON_ITS_WAY.contains(&why.as_str()))
    }

    fn ready_condition(&self) -> Option<&Value> {
        let conditions = self.status["conditions"].as_array();
        conditions
            .into_iter()
            .flatten()
            .find(|one| one["type"] == "Ready")
    }
}

/// The speaker of one node.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Speaker {
    #[serde(rename = "speaker")]
    pub(crate) state: State,
    /// Objects that it skips in whole or in part, and why, a line each.
    pub(crate) problems: Vec<String>,
}

/// Whether a speaker runs. The sentences follow the name of the node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// Its pod is ready. Where pods may not be listed: it said something, which goes with its pod.
    Ready,
    /// Its pod is not ready, and why as far as Kubernetes says.
    NotReady(String),
    /// It has no pod, or said nothing where pods may not be listed.
    Missing,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::NotReady(why) if why.is_empty() => f.write_str("not ready"),
            Self::NotReady(why) => write!(f, "not ready ({why})"),
            Self::Missing => f.write_str("no speaker"),
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Speaker {
    pub(crate) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }
}

/// The speaker of each of these nodes. `pods` is none where they may not be listed.
pub(crate) fn speakers<'a>(
    nodes: impl IntoIterator<Item = &'a NodeName>,
    states: &[ConfigurationState],
    pods: Option<&[Pod]>,
) -> BTreeMap<NodeName, Speaker> {
    let said: BTreeMap<NodeName, &ConfigurationState> = states
        .iter()
        .filter_map(|state| Some((state.labels().get(STATE_NODE)?.as_str().into(), state)))
        .collect();
    // An installation by other labels, or without pods.
    let pods = pods.filter(|pods| !pods.is_empty());
    let speaker = |node: &NodeName| {
        let state = match pods {
            Some(pods) => of_pods(node, pods),
            None if said.contains_key(node) => State::Ready,
            None => State::Missing,
        };
        let problems = said.get(node).and_then(|state| state.status.as_ref());
        let lines = problems.iter().flat_map(|status| status.error_summary.lines());
        let speaker = Speaker {
            state,
            problems: lines.map(str::to_owned).collect(),
        };
        (node.clone(), speaker)
    };
    nodes.into_iter().map(speaker).collect()
}

/// The nodes whose speakers are ready.
pub(crate) fn ready(speakers: &BTreeMap<NodeName, Speaker>) -> BTreeSet<NodeName> {
    let ready = speakers.iter().filter(|(_, speaker)| speaker.is_ready());
    ready.map(|(node, _)| node.clone()).collect()
}

/// While an upgrade surges there are two on a node, and one that is ready will do.
fn of_pods(node: &NodeName, pods: &[Pod]) -> State {
    let here = pods.iter().filter(|pod| pod.spec["nodeName"] == node.as_str());
    let mut state = State::Missing;
    for pod in here {
        match state_of(pod) {
            State::Ready => return State::Ready,
            other => state = other,
        }
    }
    state
}

fn state_of(pod: &Pod) -> State {
    let status = &pod.status;
    if pod.ready_condition().is_some_and(|one| one["status"] == "True") {
        return State::Ready;
    }
    let containers = status["containerStatuses"].as_array();
    let waiting = containers
        .into_iter()
        .flatten()
        .find_map(|one| one.pointer("/state/waiting/reason"));
    let why = waiting.or_else(|| status.get("phase").filter(|phase| *phase != "Running"));
    State::NotReady(why.and_then(Value::as_str).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn state(node: &str, summary: &str) -> ConfigurationState {
        let object = json!({"apiVersion": "metallb.io/v1beta1", "kind": "ConfigurationState",
            "metadata": {"name": format!("speaker-{node}"), "labels": {"metallb.io/node-name": node}},
            "status": {"result": "Invalid", "errorSummary": summary}});
        serde_json::from_value(object).unwrap()
    }

    fn pod(node: &str, ready: &str) -> Pod {
        with(
            node,
            json!({"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}),
        )
    }

    fn with(node: &str, status: Value) -> Pod {
        Pod {
            spec: json!({"nodeName": node}),
            status,
            ..Pod::default()
        }
    }

    fn of(node: &str, states: &[ConfigurationState], pods: Option<&[Pod]>) -> Speaker {
        let node = NodeName::from(node);
        speakers([&node], states, pods).remove(&node).unwrap()
    }

    #[rstest]
    #[case::ready(&[pod("n1", "True")], State::Ready)]
    #[case::not_ready(&[pod("n1", "False")], State::NotReady(String::new()))]
    #[case::on_another_node(&[pod("n2", "True")], State::Missing)]
    #[case::one_of_two(&[pod("n1", "True"), pod("n1", "False")], State::Ready)]
    #[case::crashing(
        &[with("n1", json!({"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}))],
        State::NotReady("CrashLoopBackOff".to_owned())
    )]
    #[case::not_started_yet(&[with("n1", json!({"phase": "Pending"}))], State::NotReady("Pending".to_owned()))]
    fn a_speaker_is_as_ready_as_its_pod(#[case] pods: &[Pod], #[case] expected: State) {
        assert_eq!(of("n1", &[state("n1", "")], Some(pods)).state, expected);
    }

    #[rstest]
    #[case::since_its_node_came_back(json!({"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}), "", true)]
    #[case::creating(json!({"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}), "ContainerCreating", true)]
    #[case::for_long(json!({"type": "Ready", "status": "False", "lastTransitionTime": "2025-12-31T23:59:20Z"}), "", false)]
    #[case::crashing(json!({"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}), "CrashLoopBackOff", false)]
    #[case::ready(json!({"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}), "", false)]
    #[case::of_no_node(json!({}), "", false)]
    fn a_pod_may_be_starting_for_a_minute_if_nothing_keeps_it(
        #[case] condition: Value,
        #[case] waiting: &str,
        #[case] expected: bool,
    ) {
        let state = match waiting {
            "" => json!({"running": {}}),
            reason => json!({"waiting": {"reason": reason}}),
        };
        let pod = with(
            "n1",
            json!({"phase": "Running", "conditions": [condition], "containerStatuses": [{"state": state}]}),
        );
        assert_eq!(
            pod.may_be_starting("2026-01-01T00:00:30Z".parse().unwrap()),
            expected
        );
    }

    #[rstest]
    #[case::plain(json!({"port": 9120, "scheme": "HTTP"}), Some(Door { port: 9120, tls: false }))]
    #[case::tls(json!({"port": 9120, "scheme": "HTTPS"}), Some(Door { port: 9120, tls: true }))]
    #[case::by_a_name(json!({"port": "metrics"}), None)]
    fn a_daemon_is_asked_where_its_readiness_is(#[case] get: Value, #[case] expected: Option<Door>) {
        let containers = json!([{"name": "beside"}, {"readinessProbe": {"httpGet": get}}]);
        let pod = Pod {
            spec: json!({ "containers": containers }),
            ..Pod::default()
        };
        assert_eq!(pod.door(), expected);
    }

    #[test]
    fn without_the_right_to_list_pods_a_speaker_that_said_something_runs() {
        for pods in [None, Some(&[][..])] {
            assert_eq!(of("n1", &[state("n1", "")], pods).state, State::Ready);
            assert_eq!(of("n2", &[state("n1", "")], pods).state, State::Missing);
        }
    }

    #[test]
    fn what_it_skips_is_a_line_each() {
        let speaker = of("n1", &[state("n1", "a is wrong\nb is wrong")], None);
        assert_eq!(speaker.problems, ["a is wrong", "b is wrong"]);
    }
}
