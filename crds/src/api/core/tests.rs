use std::net::IpAddr;

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::domain::{Endpoints, Node as NodeView, ServiceView};

/// A Service with an address and these conditions, as the API server stores it.
fn service(conditions: Value) -> Service {
    let status = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}, "conditions": conditions});
    serde_json::from_value(
        json!({"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer"}, "status": status}),
    )
    .unwrap()
}

fn assigned(time: Value) -> Value {
    json!({"type": "ferrolb.io/Assigned", "status": "True", "reason": "Assigned", "message": "",
        "lastTransitionTime": time})
}

/// The API server (1.36) stores each of these.
#[rstest]
#[case::without_a_time(json!([{"type": "example.com/A", "status": "True", "lastTransitionTime": null, "reason": "", "message": ""}]))]
#[case::without_a_type(json!([{"type": "", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "", "message": ""}]))]
#[case::twice(json!([{"type": "example.com/A", "status": "True"}, {"type": "example.com/A", "status": "False"}]))]
#[case::with_a_very_long_message(json!([{"type": "example.com/A", "status": "True", "message": "m".repeat(1 << 20)}]))]
#[case::of_no_form_at_all(json!([7, null, "True", [], {"type": 7}, {"lastTransitionTime": 7}]))]
#[case::null(json!(null))]
#[case::no_list(json!("none"))]
fn conditions_of_others_are_no_reason_not_to_read_a_service(#[case] mut conditions: Value) {
    let others = service(conditions.clone());
    assert!(
        others
            .status
            .as_ref()
            .unwrap()
            .conditions
            .iter()
            .flatten()
            .next()
            .is_none()
    );
    assert_eq!(ServiceView::read(&others).ingress.to_string(), "192.0.2.7");
    if let Some(all) = conditions.as_array_mut() {
        all.push(assigned(json!("2026-01-01T00:00:00Z")));
        let view = ServiceView::read(&service(conditions));
        assert!(
            view.assigned_since_unix_seconds.is_some(),
            "ours is read beside them"
        );
    }
}

#[test]
fn our_condition_without_a_time_is_read_and_holds_since_no_time() {
    let service = service(json!([assigned(Value::Null)]));
    let conditions = service.status.as_ref().unwrap().conditions.as_ref().unwrap();
    assert_eq!(conditions[0].last_transition_time, None);
    assert_eq!(ServiceView::read(&service).assigned_since_unix_seconds, None);
}

#[test]
fn null_is_the_same_as_absent() {
    let spec: ServiceSpec = serde_json::from_value(json!({"type": null, "loadBalancerClass": null, "loadBalancerIP": null,
        "externalTrafficPolicy": null, "clusterIP": null, "clusterIPs": null, "ipFamilies": null, "ipFamilyPolicy": null,
        "externalIPs": null, "ports": null, "selector": null}))
    .unwrap();
    assert_eq!(spec, ServiceSpec::default());
    let service: Service =
        serde_json::from_value(json!({"metadata": {}, "spec": null, "status": null})).unwrap();
    assert_eq!(service, Service::default());
    let slice: EndpointSlice = serde_json::from_value(json!({"endpoints": null})).unwrap();
    assert_eq!(slice, EndpointSlice::default());
    let endpoint = json!({"addresses": null, "conditions": null, "nodeName": null, "targetRef": null});
    let slice: EndpointSlice = serde_json::from_value(json!({"endpoints": [endpoint]})).unwrap();
    assert_eq!(slice.endpoints, [Endpoint::default()]);
    let node = json!({"spec": {"taints": null, "unschedulable": null, "podCIDRs": null},
        "status": {"addresses": null, "conditions": null}});
    let node: Node = serde_json::from_value(node).unwrap();
    let expected = Node {
        spec: Some(NodeSpec::default()),
        status: Some(NodeStatus::default()),
        ..Node::default()
    };
    assert_eq!(node, expected);
}

#[test]
fn an_odd_entry_of_a_node_is_left_out_and_the_others_are_read() {
    let node = json!({"metadata": {"name": "n"}, "spec": {"taints": [{"effect": "NoSchedule"}]}, "status": {
        "addresses": [{"type": "InternalIP"}, {"type": "InternalIP", "address": "192.0.2.11"}],
        "conditions": [{"status": "True"}, {"type": "Ready", "status": "True", "lastTransitionTime": null}]}});
    let (_, node) = NodeView::read(&serde_json::from_value(node).unwrap());
    assert!(node.ready);
    assert_eq!(node.addresses.len(), 1);
}

#[test]
fn the_pod_and_the_node_of_an_endpoint_are_read() {
    let slice = json!({"metadata": {"name": "web-x"}, "addressType": "IPv4", "ports": null, "endpoints": [
        {"addresses": ["10.244.1.2"], "conditions": {"ready": null, "serving": true, "terminating": null}, "nodeName": "n1",
            "hints": null, "targetRef": {"kind": "Pod", "name": "web-1", "uid": "u"}}]});
    let slice: EndpointSlice = serde_json::from_value(slice).unwrap();
    assert!(Endpoints::from_slices([&slice]).serving_on(&"n1".into()));
}

#[test]
fn an_object_of_no_form_still_tells_its_addresses() {
    let ingress = json!([{"ip": "192.0.2.7"}, {"ip": "2001:db8::7", "ports": "x"}, {"ip": 7}, {"hostname": "a.example"}, 7]);
    let raw = json!({"spec": {"ports": [{"port": "x"}]}, "status": {"loadBalancer": {"ingress": ingress}}});
    let expected: [IpAddr; 2] = ["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    assert_eq!(Service::addresses_in(&raw).collect::<Vec<_>>(), expected);
    assert_eq!(Service::addresses_in(&json!({"status": 7})).count(), 0);
    let raw = json!({"status": {"addresses": [{"address": "n1"}, {"address": "192.0.2.11"}]}});
    assert_eq!(Node::addresses_in(&raw).count(), 1);
}
