//! Which resources the speaker watches, and what of them it keeps.

use std::collections::BTreeMap;

use ferrolb_crds::api::core::{EndpointSlice, Node, Service, ServicePort, ServiceSpec, ServiceStatus};
use ferrolb_crds::api::{Condition, ConfigurationState, IPAddressPool, L2Advertisement, ServiceL2Status};
use ferrolb_crds::names::{
    ALLOCATED_FROM_POOL, ALLOW_SHARED_IP, CONDITION_ANNOUNCED, CONDITION_ASSIGNED, DEPRECATED_PREFIX,
    KEY_SECRET, LINKS, PREFIX, SECOND_ALLOCATED_FROM_POOL, STATE_COMPONENT, STATE_NODE,
};
use ferrolb_runtime::ready::Readiness;
use ferrolb_runtime::reflect::{Reflection, Reports, Watch};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;

use super::exclude::CONFIG_MAP;

/// Label of an `EndpointSlice`: the Service it belongs to.
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Slices of headless Services, which are never load balancers.
const NOT_HEADLESS: &str = "!service.kubernetes.io/headless";

/// Everything the speaker reads.
pub(crate) struct Stores {
    pub(crate) services: Reflection<Service>,
    pub(crate) slices: Reflection<EndpointSlice>,
    pub(crate) nodes: Reflection<Node>,
    pub(crate) pools: Reflection<IPAddressPool>,
    pub(crate) adverts: Reflection<L2Advertisement>,
    /// The speakers' own: what they tell of their nodes.
    pub(crate) states: Reflection<ConfigurationState>,
    pub(crate) config_maps: Reflection<ConfigMap>,
    pub(crate) statuses: Reflection<ServiceL2Status>,
    pub(crate) secrets: Reflection<Secret>,
}

impl Stores {
    /// Starts all watches. Pools and advertisements count only in our own namespace, as in MetalLB; of the Services those of
    /// this class.
    ///
    /// `reports` waits for all but the statuses, which only `reported` waits for: to announce does not depend on them.
    pub(crate) fn watch(
        client: &Client,
        namespace: &str,
        class: Option<String>,
        reports: &Reports,
        reported: &Readiness,
    ) -> Self {
        let of_reports = Reports {
            readiness: reported.clone(),
            ..reports.clone()
        };
        Self {
            services: Watch::cluster(client.clone())
                .project(move |service| keep_of_service(service, class.as_deref()))
                .start(reports),
            slices: Watch::cluster(client.clone())
                .labels(NOT_HEADLESS)
                .project(keep_of_slice)
                .start(reports),
            nodes: Watch::cluster(client.clone())
                .project(keep_of_node)
                .start(reports),
            pools: Watch::namespace(client.clone(), namespace).start(reports),
            adverts: Watch::namespace(client.clone(), namespace).start(reports),
            states: Watch::namespace(client.clone(), namespace)
                .labels(&format!("{STATE_COMPONENT}=speaker"))
                .project(keep_of_state)
                .start(reports),
            config_maps: Watch::namespace(client.clone(), namespace)
                .fields(&format!("metadata.name={CONFIG_MAP}"))
                .start(reports),
            statuses: Watch::namespace(client.clone(), namespace).start(&of_reports),
            secrets: Watch::namespace(client.clone(), namespace)
                .fields(&format!("metadata.name={KEY_SECRET}"))
                .start(reports),
        }
    }
}

/// Nothing is kept of a Service that is no load balancer of ours but its name, and our condition as long as it has it. The
/// condition of one that has a controller of our kind is left to the speakers of its class.
fn keep_of_service(service: &mut Service, class: Option<&str>) {
    let spec = service.spec.take().unwrap_or_default();
    let status = service.status.take().unwrap_or_default();
    let is_load_balancer = spec.type_.as_deref() == Some("LoadBalancer");
    let is_ours = is_load_balancer && spec.load_balancer_class.as_deref() == class;
    let is_of_others = is_load_balancer && !is_ours && has(CONDITION_ASSIGNED, status.conditions.as_ref());
    let conditions = our_condition(status.conditions).filter(|_| !is_of_others);
    if !is_ours {
        service.metadata = identity(&service.metadata);
        service.status = conditions.is_some().then(|| ServiceStatus {
            conditions,
            ..ServiceStatus::default()
        });
        return;
    }
    let shares = |name: &String, prefix| name.strip_prefix(prefix) == Some(ALLOW_SHARED_IP);
    let is_read = |name: &String| {
        let origins = [ALLOCATED_FROM_POOL, SECOND_ALLOCATED_FROM_POOL];
        origins.contains(&name.as_str()) || shares(name, PREFIX) || shares(name, DEPRECATED_PREFIX)
    };
    service.metadata = ObjectMeta {
        labels: service.metadata.labels.take(),
        annotations: only(service.metadata.annotations.take(), is_read),
        ..identity(&service.metadata)
    };
    service.spec = Some(ServiceSpec {
        type_: spec.type_,
        load_balancer_class: spec.load_balancer_class,
        external_traffic_policy: spec.external_traffic_policy,
        // Flows of UDP alone are forgotten.
        ports: spec.ports.map(udp),
        ..ServiceSpec::default()
    });
    service.status = Some(ServiceStatus {
        load_balancer: status.load_balancer,
        conditions,
    });
}

fn udp(mut ports: Vec<ServicePort>) -> Vec<ServicePort> {
    ports.retain(|port| port.protocol.as_deref() == Some("UDP"));
    ports
}

fn has(type_: &str, conditions: Option<&Vec<Condition>>) -> bool {
    conditions.into_iter().flatten().any(|one| one.type_ == type_)
}

fn our_condition(conditions: Option<Vec<Condition>>) -> Option<Vec<Condition>> {
    let conditions = conditions.into_iter().flatten();
    let ours = conditions
        .filter(|one| one.type_ == CONDITION_ANNOUNCED)
        .collect::<Vec<_>>();
    (!ours.is_empty()).then_some(ours)
}

fn keep_of_slice(slice: &mut EndpointSlice) {
    slice.metadata = ObjectMeta {
        labels: only(slice.metadata.labels.take(), |name| name == SERVICE_NAME),
        ..identity(&slice.metadata)
    };
}

fn keep_of_node(node: &mut Node) {
    node.metadata = ObjectMeta {
        labels: node.metadata.labels.take(),
        ..identity(&node.metadata)
    };
}

/// Nothing is kept of the state of another speaker but what it tells of its node.
fn keep_of_state(state: &mut ConfigurationState) {
    state.metadata = ObjectMeta {
        labels: only(state.metadata.labels.take(), |name| name == STATE_NODE),
        annotations: only(state.metadata.annotations.take(), |name| name == LINKS),
        ..identity(&state.metadata)
    };
    state.status = None;
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
    use ferrolb_crds::domain::{Endpoints, Node as NodeView, ServiceView};
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    /// What the projection drops must not be missed.
    #[test]
    fn a_load_balancer_is_read_the_same_as_in_full() {
        let mut service: Service = serde_json::from_value(json!({
            "metadata": {"namespace": "shop", "name": "web", "uid": "u", "labels": {"app": "web"},
                "annotations": {"metallb.io/ip-allocated-from-pool": "p", "ferrolb.io/second-allocated-from-pool": "q", "metallb.universe.tf/allow-shared-ip": "",
                    "metallb.io/somebody-elses": "0123456789", "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": "c", "externalTrafficPolicy": "Local"},
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}))
        .unwrap();
        let full = ServiceView::read(&service);
        keep_of_service(&mut service, Some("c"));
        let kept = ServiceView::read(&service);
        assert_eq!(
            (&kept.key, &kept.labels, &kept.class),
            (&full.key, &full.labels, &full.class)
        );
        assert_eq!((kept.policy, kept.ingress), (full.policy, full.ingress));
        assert_eq!(
            (kept.sharing_annotated, &kept.allocated_from),
            (true, &full.allocated_from)
        );
        assert_eq!(service.metadata.annotations.unwrap().len(), 3);
    }

    #[rstest]
    #[case::of_another_type("ClusterIP", None)]
    #[case::of_another_class("LoadBalancer", Some("other"))]
    fn of_another_service_only_the_name_is_kept(#[case] kind: &str, #[case] class: Option<&str>) {
        let mut service: Service = serde_json::from_value(json!({
            "metadata": {"namespace": "shop", "name": "web", "labels": {"app": "web"}},
            "spec": {"type": kind, "loadBalancerClass": class, "clusterIP": "10.96.0.9"}}))
        .unwrap();
        keep_of_service(&mut service, None);
        assert_eq!(
            serde_json::to_value(&service.metadata).unwrap(),
            json!({"namespace": "shop", "name": "web"})
        );
        assert_eq!((service.spec, service.status), (None, None));
    }

    const ANNOUNCED: &[&str] = &[CONDITION_ANNOUNCED];
    const BOTH: &[&str] = &[CONDITION_ASSIGNED, CONDITION_ANNOUNCED];

    #[rstest]
    #[case::load_balancer("LoadBalancer", None, BOTH, ANNOUNCED)]
    #[case::no_load_balancer("ClusterIP", None, BOTH, ANNOUNCED)]
    #[case::of_a_class_that_was_ours("LoadBalancer", Some("was-ours"), ANNOUNCED, ANNOUNCED)]
    #[case::of_another_installation("LoadBalancer", Some("theirs"), BOTH, &[])]
    fn of_the_conditions_ours_is_kept(
        #[case] kind: &str,
        #[case] class: Option<&str>,
        #[case] conditions: &[&str],
        #[case] expected: &[&str],
    ) {
        let condition = |kind: &&str| {
            json!({"type": kind, "status": "True", "reason": "r", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        let conditions: Vec<_> = conditions.iter().map(condition).collect();
        let mut service: Service = serde_json::from_value(json!({"metadata": {"name": "web"},
            "spec": {"type": kind, "loadBalancerClass": class}, "status": {"conditions": conditions}}))
        .unwrap();
        keep_of_service(&mut service, None);
        let kept = service.status.and_then(|status| status.conditions);
        let kept = kept.into_iter().flatten().map(|one| one.type_);
        assert_eq!(kept.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn endpoints_and_nodes_are_read_the_same_as_in_full() {
        let mut slice: EndpointSlice = serde_json::from_value(json!({"addressType": "IPv4", "ports": [],
            "metadata": {"name": "web-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web", "a": "b"}},
            "endpoints": [{"addresses": ["10.244.1.2"], "nodeName": "n1", "zone": "z", "conditions": {"ready": false, "serving": true},
                "targetRef": {"kind": "Pod", "name": "web-1"}}]}))
        .unwrap();
        let full = Endpoints::from_slices([&slice]);
        keep_of_slice(&mut slice);
        assert_eq!(Endpoints::from_slices([&slice]), full);
        assert_eq!(slice.metadata.labels.unwrap().len(), 1);

        let mut node: Node =
            serde_json::from_value(json!({"metadata": {"name": "n1", "labels": {"zone": "z"}},
            "spec": {"unschedulable": true, "podCIDR": "10.244.1.0/24"},
            "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.11"}],
                "conditions": [{"type": "Ready", "status": "True"}], "images": []}}))
            .unwrap();
        let full = NodeView::read(&node);
        keep_of_node(&mut node);
        assert_eq!(NodeView::read(&node), full);
    }
}
