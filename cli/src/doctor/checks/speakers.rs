//! Nodes that cannot announce, because no speaker is ready there.

use ferrolb_crds::domain::NodeName;
use serde_json::Value;

use crate::doctor::finding::Finding;
use crate::doctor::seen::{Seen, node};
use crate::speakers::{Speaker, State};

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let nodes = seen.evidence.objects.nodes();
    let is_ready = |name: &NodeName| nodes.get(name).is_some_and(|node| node.ready);
    let not_ready = |(name, speaker): (&NodeName, &Speaker)| {
        let is_meant = speaker.state != State::Missing || !is_left_out(seen, name);
        if !is_ready(name) || speaker.is_ready() || !is_meant {
            return None;
        }
        let state = match seen.waiting.get(name) {
            // Kubernetes will ask it in a moment.
            Some(said) if said.is_empty() => return None,
            Some(said) => said.clone(),
            None if is_starting(seen, name) => return None,
            None => speaker.state.to_string(),
        };
        let finding = Finding::error(node(name), format!("its speaker: {state}")).remedy(format!(
            "Find out why: kubectl get pods -n {} -l component=speaker -o wide, and their logs. What a speaker names it may not read \
             (docs/operations.md, Rights), or is not there.",
            seen.installation
        ));
        Some(finding)
    };
    seen.cases.speakers.iter().filter_map(not_ready).collect()
}

/// Whether it will be ready by itself, as far as can be seen.
fn is_starting(seen: &Seen<'_>, name: &NodeName) -> bool {
    let evidence = seen.evidence;
    let pods = evidence
        .live
        .iter()
        .filter_map(|live| live.pods.as_ref())
        .flatten();
    let mut here = pods.filter(|pod| pod.node().as_ref() == Some(name));
    here.any(|pod| pod.may_be_starting(evidence.now))
}

/// Whether the `DaemonSet` of the speakers does not select the node.
fn is_left_out(seen: &Seen<'_>, name: &NodeName) -> bool {
    let is_ours = |set: &&Value| {
        set["metadata"]["namespace"] == seen.installation
            && set
                .pointer("/spec/selector/matchLabels/component")
                .and_then(Value::as_str)
                == Some("speaker")
    };
    let sets = seen.beside.workloads.iter().filter(is_ours);
    let mut selectors = sets.filter_map(|set| set.pointer("/spec/template/spec/nodeSelector")?.as_object());
    let objects = &seen.evidence.objects;
    let node = objects
        .nodes
        .iter()
        .find(|one| one.metadata.name.as_deref() == Some(name.as_str()));
    let labels = node.and_then(|one| one.metadata.labels.as_ref());
    selectors.any(|selector| {
        let has = |(key, value): (&String, &Value)| {
            labels.and_then(|labels| labels.get(key)).map(String::as_str) == value.as_str()
        };
        !selector.iter().all(has)
    })
}
