//! Which resources the speaker watches, and what of them it keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_crds::api::core::{EndpointSlice, Node};
use ferrolb_crds::api::{ConfigurationState, IPAddressPool, L2Advertisement};
use ferrolb_crds::domain::{self, ServiceKey, Shared};
use ferrolb_crds::names::{KEY_SECRET, LINKS, SESSIONS, STATE_COMPONENT, STATE_NODE};
use ferrolb_runtime::process::Process;
use ferrolb_runtime::ready::Readiness;
use ferrolb_runtime::reflect::{ObjectKey, Reflection, Reports, Watch};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;

use super::bgp::BgpStores;
use super::exclude::CONFIG_MAP;
use crate::tell::condition::Shown;
use crate::tell::l2_status::Seen;

/// Label of an `EndpointSlice`: the Service it belongs to.
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Slices of headless Services, which are never load balancers.
const NOT_HEADLESS: &str = "!service.kubernetes.io/headless";

/// Everything the speaker reads.
pub(crate) struct Stores {
    pub(crate) services: Reflection<Shown>,
    pub(crate) slices: Reflection<Slice>,
    pub(crate) nodes: Reflection<Node>,
    pub(crate) pools: Reflection<IPAddressPool>,
    pub(crate) adverts: Reflection<L2Advertisement>,
    /// The speakers' own: what they tell of their nodes.
    pub(crate) states: Reflection<ConfigurationState>,
    pub(crate) config_maps: Reflection<ConfigMap>,
    pub(crate) statuses: Reflection<Seen>,
    pub(crate) secrets: Reflection<Secret>,
    pub(crate) bgp: BgpStores,
}

impl Stores {
    /// Starts all watches. Pools and advertisements count only in our own namespace, as in MetalLB; of the Services those of
    /// this class.
    ///
    /// The process waits for all but the statuses, which only `reported` waits for, and what BGP needs, which only `routed`
    /// waits for: to announce does not depend on them.
    pub(crate) fn watch(
        process: &Process,
        class: Option<String>,
        reported: &Readiness,
        routed: &Readiness,
    ) -> Self {
        let (client, reports) = (&process.client, &process.reports);
        let namespace = process.namespace.as_str();
        let names = Arc::<Shared<str>>::default();
        let of_reports = Reports {
            readiness: reported.clone(),
            ..reports.clone()
        };
        Self {
            services: Watch::cluster(client.clone())
                .keep(Shown::reader(class, names.clone()))
                .start(reports),
            slices: Watch::cluster(client.clone())
                .labels(NOT_HEADLESS)
                .keep(Slice::reader(names.clone()))
                .start(reports),
            nodes: Watch::cluster(client.clone()).keep(keep_of_node).start(reports),
            pools: Watch::namespace(client.clone(), namespace).start(reports),
            adverts: Watch::namespace(client.clone(), namespace).start(reports),
            states: Watch::namespace(client.clone(), namespace)
                .labels(&format!("{STATE_COMPONENT}=speaker"))
                .keep(keep_of_state)
                .start(reports),
            config_maps: Watch::namespace(client.clone(), namespace)
                .fields(&format!("metadata.name={CONFIG_MAP}"))
                .start(reports),
            statuses: Watch::namespace(client.clone(), namespace)
                .keep(Seen::reader(names.clone()))
                .start(&of_reports),
            secrets: Watch::namespace(client.clone(), namespace)
                .fields(&format!("metadata.name={KEY_SECRET}"))
                .start(reports),
            bgp: BgpStores::watch(client, namespace, reports, routed),
        }
    }
}

/// What is kept of an EndpointSlice.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    /// The name of its Service; empty if it has none.
    pub(crate) service: Arc<str>,
    pub(crate) endpoints: domain::Slice,
}

impl Slice {
    /// The Service that the slice of this name belongs to.
    pub(crate) fn service_key(&self, name: &ObjectKey) -> ServiceKey {
        ServiceKey::new(name.namespace.clone(), self.service.clone())
    }

    /// Reads slices, with names that they share with other objects.
    pub(crate) fn reader(
        names: Arc<Shared<str>>,
    ) -> impl FnMut(&ObjectKey, EndpointSlice) -> Self + Send + Sync {
        move |_, slice| Self {
            service: names.of(slice.labels().get(SERVICE_NAME).map_or("", String::as_str)),
            endpoints: domain::Slice::read(&slice, |name| names.of(name).into()),
        }
    }
}

fn keep_of_node(_: &ObjectKey, mut node: Node) -> Node {
    node.metadata = ObjectMeta {
        labels: node.metadata.labels.take(),
        ..identity(&node.metadata)
    };
    node
}

/// Nothing is kept of the state of another speaker but what it tells of its node.
fn keep_of_state(_: &ObjectKey, mut state: ConfigurationState) -> ConfigurationState {
    state.metadata = ObjectMeta {
        labels: only(state.metadata.labels.take(), |name| name == STATE_NODE),
        annotations: only(state.metadata.annotations.take(), |name| {
            name == LINKS || name == SESSIONS
        }),
        ..identity(&state.metadata)
    };
    state.status = None;
    state
}

fn identity(meta: &ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        creation_timestamp: meta.creation_timestamp.clone(),
        ..ObjectMeta::default()
    }
}

fn only(
    map: Option<BTreeMap<String, String>>,
    keep: impl Fn(&String) -> bool,
) -> Option<BTreeMap<String, String>> {
    let kept: BTreeMap<String, String> = map.into_iter().flatten().filter(|(name, _)| keep(name)).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use ferrolb_crds::domain::Node as NodeView;
    use serde_json::json;

    use super::*;

    /// What the projection drops must not be missed.
    #[test]
    fn a_node_is_read_the_same_as_in_full() {
        let node: Node = serde_json::from_value(json!({"metadata": {"name": "n1", "labels": {"zone": "z"}},
            "spec": {"unschedulable": true, "podCIDR": "10.244.1.0/24"},
            "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.11"}],
                "conditions": [{"type": "Ready", "status": "True"}], "images": []}}))
        .unwrap();
        let full = NodeView::read(&node);
        assert_eq!(NodeView::read(&keep_of_node(&ObjectKey::default(), node)), full);
    }
}
