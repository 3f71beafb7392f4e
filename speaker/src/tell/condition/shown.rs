//! A Service as the watch shows it: what is kept of it, for there may be many.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ferrolb_crds::api::Condition;
use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::{ServiceClass, ServiceKey, ServiceView, Shared, Taken};
use ferrolb_crds::names;
use ferrolb_runtime::reflect::ObjectKey;
use k8s_openapi::api::core::v1::ObjectReference;

use crate::may::Exposure;

/// A Service as the watch shows it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) view: Arc<Exposure>,
    /// Uid and resource version.
    pub(super) identity: Box<str>,
    pub(super) condition: Option<Said>,
}

/// Our condition of a Service as the watch shows it.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// None if the status is neither True nor False.
    pub(super) holds: Option<bool>,
    /// The hash of what it says: a message may be long.
    words: u64,
    /// The hash of its reason.
    reason: u64,
    /// In Unix seconds, which is as exact as Kubernetes is.
    pub(super) since: Option<i64>,
    /// An address of the Service was another station's.
    is_taken: bool,
}

impl Shown {
    /// Reads Services, whose names others share; those of another class than this are not ours.
    pub(crate) fn reader(
        class: Option<String>,
        names: Arc<Shared<str>>,
    ) -> impl FnMut(&ObjectKey, Service) -> Self + Send + Sync {
        move |key, service| {
            names.of(key.name.clone());
            Self::read(&service, class.as_deref())
        }
    }

    /// Reads the object. A load balancer of another class counts as none; if a controller of our kind gave it its address,
    /// the condition is left to the speakers of its class.
    pub(crate) fn read(service: &Service, class: Option<&str>) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (uid, version) = (
            text(&service.metadata.uid),
            text(&service.metadata.resource_version),
        );
        let status = service.status.as_ref();
        let conditions = || {
            let conditions = status.and_then(|status| status.conditions.as_ref());
            conditions.into_iter().flatten()
        };
        let view = ServiceView::read(service);
        let is_ours = view.class.is_ours(class);
        let is_of_others = view.class != ServiceClass::NotLoadBalancer
            && !is_ours
            && conditions().any(|one| one.type_ == names::CONDITION_ASSIGNED);
        Self {
            view: Arc::new(if is_ours { view.into() } else { Exposure::default() }),
            identity: format!("{uid} {version}").into(),
            condition: conditions()
                .filter(|_| !is_of_others)
                .find(|one| one.type_ == names::CONDITION_ANNOUNCED)
                .map(Said::read),
        }
    }

    /// Whether the condition says that another station has an address of the Service.
    pub(crate) fn is_taken(&self) -> bool {
        self.condition.as_ref().is_some_and(|said| said.is_taken)
    }

    /// Whether the condition gives this reason.
    pub(crate) fn says(&self, reason: &str) -> bool {
        self.condition
            .as_ref()
            .is_some_and(|said| said.reason == hash(reason))
    }

    /// The uid of the object, and its resource version.
    pub(super) fn identity(&self) -> (&str, &str) {
        self.identity.split_once(' ').unwrap_or_default()
    }

    /// Whether it is a load balancer, or still bears the condition of one.
    pub(crate) fn counts(&self) -> bool {
        self.view.class != ServiceClass::NotLoadBalancer || self.condition.is_some()
    }

    /// The Service, which has this name, for events about it.
    pub(crate) fn reference(&self, service: &ServiceKey) -> ObjectReference {
        ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Service".to_owned()),
            name: Some(service.name.to_string()),
            namespace: Some(service.namespace.to_string()),
            uid: Some(self.identity().0.to_owned()),
            ..ObjectReference::default()
        }
    }
}

impl Said {
    fn read(condition: &Condition) -> Self {
        Self {
            holds: match condition.status.as_str() {
                "True" => Some(true),
                "False" => Some(false),
                _ => None,
            },
            words: hash((&condition.status, &condition.reason, &condition.message)),
            reason: hash(&condition.reason),
            since: condition
                .last_transition_time
                .as_ref()
                .map(|time| time.0.as_second()),
            is_taken: !Taken::addresses_in(&condition.message).is_empty(),
        }
    }

    /// Whether it says this.
    pub(super) fn says(&self, status: &str, reason: &str, message: &str) -> bool {
        self.words == hash((status, reason, message))
    }
}

fn hash(words: impl Hash) -> u64 {
    let mut hash = DefaultHasher::new();
    words.hash(&mut hash);
    hash.finish()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    const ASSIGNED: &str = names::CONDITION_ASSIGNED;
    const ANNOUNCED: &str = names::CONDITION_ANNOUNCED;

    fn shown(kind: &str, class: Option<&str>, conditions: &[&str]) -> Shown {
        let condition = |kind: &&str| {
            json!({"type": kind, "status": "True", "reason": "r", "message": "m",
                "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        let conditions: Vec<_> = conditions.iter().map(condition).collect();
        let service = json!({"metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"type": kind, "loadBalancerClass": class},
            "status": {"conditions": conditions, "loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}});
        Shown::read(&serde_json::from_value(service).unwrap(), None)
    }

    #[rstest]
    #[case::load_balancer("LoadBalancer", None, &[ASSIGNED, ANNOUNCED], true)]
    #[case::no_load_balancer("ClusterIP", None, &[ASSIGNED, ANNOUNCED], true)]
    #[case::of_a_class_that_was_ours("LoadBalancer", Some("was-ours"), &[ANNOUNCED], true)]
    #[case::of_another_installation("LoadBalancer", Some("theirs"), &[ASSIGNED, ANNOUNCED], false)]
    fn of_the_conditions_ours_is_kept(
        #[case] kind: &str,
        #[case] class: Option<&str>,
        #[case] conditions: &[&str],
        #[case] is_kept: bool,
    ) {
        assert!(shown(kind, class, &[ASSIGNED]).condition.is_none());
        let said = shown(kind, class, conditions).condition;
        assert_eq!(said.is_some(), is_kept);
        if let Some(said) = said {
            assert!(
                said.says("True", "r", "m") && !said.says("True", "r", "") && !said.says("False", "r", "m")
            );
            assert_eq!((said.holds, said.since.is_some()), (Some(true), true));
        }
    }

    #[rstest]
    #[case::of_another_type("ClusterIP", None)]
    #[case::of_another_class("LoadBalancer", Some("other"))]
    fn of_another_service_nothing_counts_but_our_condition(#[case] kind: &str, #[case] class: Option<&str>) {
        assert!(shown("LoadBalancer", None, &[]).counts());
        assert!(!shown(kind, class, &[]).counts());
        let former = shown(kind, class, &[ANNOUNCED]);
        assert!(former.counts());
        assert_eq!(*former.view, Exposure::default());
    }
}
