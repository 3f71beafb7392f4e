//! What a daemon says of its configuration.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::Timestamp;

use super::{NodeLinks, NodeName, Sessions, sessions};
use crate::api::{ConfigurationState, ConfigurationStateSpec, ConfigurationStateStatus};
use crate::names;

/// Which daemon speaks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Component {
    /// The controller that leads.
    Controller,
    /// The speaker of this node.
    Speaker(NodeName),
}

/// The faults that a daemon found, as the object that shows them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigurationReport {
    /// The daemon that found them.
    pub component: Component,
    /// Name and uid of its Pod, with which the object goes; none outside of a Pod.
    pub pod: Option<(String, String)>,
    /// What is wrong, each in a line.
    pub faults: BTreeSet<String>,
    /// The interfaces of the speaker's node.
    pub links: Option<NodeLinks>,
    /// The BGP sessions of the speaker's node that are up.
    pub sessions: Option<Sessions>,
}

impl Component {
    /// The name of its `ConfigurationState`, as in MetalLB.
    pub fn object_name(&self) -> String {
        match self {
            Self::Controller => "controller".to_owned(),
            Self::Speaker(node) => format!("speaker-{node}"),
        }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let labels = match self {
            Self::Controller => vec![(names::STATE_COMPONENT, "controller")],
            Self::Speaker(node) => vec![
                (names::STATE_COMPONENT, "speaker"),
                (names::STATE_NODE, node.as_str()),
            ],
        };
        let fits = |(_, value): &(&str, &str)| value.len() <= LONGEST_LABEL;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        labels.into_iter().filter(fits).map(owned).collect()
    }

    fn condition_type(&self) -> &'static str {
        match self {
            Self::Controller => names::POOLS_VALID,
            Self::Speaker(_) => names::CONFIGURATION_VALID,
        }
    }
}

/// The longest value of a label; node names may be longer.
const LONGEST_LABEL: usize = 63;

impl ConfigurationReport {
    /// The one object of its daemon, by name.
    pub fn by_name(self) -> BTreeMap<String, Self> {
        BTreeMap::from([(self.component.object_name(), self)])
    }

    /// The object as it should be, given the one that is there.
    pub fn object(&self, seen: Option<&ConfigurationState>, now: Timestamp) -> ConfigurationState {
        let previous = seen.and_then(|seen| seen.status.as_ref());
        let mut object = ConfigurationState::new(&self.component.object_name(), ConfigurationStateSpec {});
        let owner = |(name, uid): &(String, String)| OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            name: name.clone(),
            uid: uid.clone(),
            ..OwnerReference::default()
        };
        object.metadata.labels = Some(self.component.labels());
        let links = self
            .links
            .as_ref()
            .map(|links| (names::LINKS, links.to_annotation()));
        let sessions = self.sessions.as_ref();
        let sessions = sessions.map(|sessions| (names::SESSIONS, sessions::to_annotation(sessions)));
        let annotations = links.into_iter().chain(sessions);
        let annotations: BTreeMap<String, String> =
            annotations.map(|(name, text)| (name.to_owned(), text)).collect();
        object.metadata.annotations = (!annotations.is_empty()).then_some(annotations);
        object.metadata.owner_references = Some(self.pod.iter().map(owner).collect());
        object.status = Some(ConfigurationStateStatus::of(
            self.component.condition_type(),
            &self.faults,
            previous,
            now,
        ));
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(component: Component) -> ConfigurationState {
        let report = ConfigurationReport {
            component,
            pod: Some(("pod-1".to_owned(), "uid-1".to_owned())),
            faults: BTreeSet::new(),
            links: None,
            sessions: None,
        };
        report.object(None, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn names_and_labels_are_those_that_metallb_uses() {
        let speaker = object(Component::Speaker("n1".into())).metadata;
        assert_eq!(speaker.name.as_deref(), Some("speaker-n1"));
        let labels = speaker.labels.unwrap();
        assert_eq!(
            (
                labels["metallb.io/component-type"].as_str(),
                labels["metallb.io/node-name"].as_str()
            ),
            ("speaker", "n1")
        );
        assert_eq!(
            object(Component::Controller).metadata.name.as_deref(),
            Some("controller")
        );
    }

    #[test]
    fn a_node_name_that_fits_no_label_is_left_out_of_them() {
        let long = object(Component::Speaker("n".repeat(80).as_str().into())).metadata;
        assert_eq!(long.labels.unwrap().len(), 1);
    }

    #[test]
    fn the_object_goes_with_its_pod() {
        let owners = object(Component::Controller).metadata.owner_references.unwrap();
        assert_eq!(
            (owners[0].kind.as_str(), owners[0].uid.as_str()),
            ("Pod", "uid-1")
        );
    }
}
