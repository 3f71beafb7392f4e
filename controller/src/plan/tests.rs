use std::sync::Arc;

use ferrolb_crds::domain::{Pool, Pools, ServiceView};
use kube::runtime::events::EventType;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::alloc::{GivenBack, World, decide};
use crate::observed::Observed;
use crate::snapshot::SeenPool;

fn now() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

/// A Service of type LoadBalancer with this status and these annotations, merged over the rest.
fn service(annotations: Value, status: Value) -> Value {
    json!({
        "metadata": { "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7", "annotations": annotations },
        "spec": { "type": "LoadBalancer", "clusterIPs": ["10.96.0.9"], "ports": [{ "port": 80 }] },
        "status": status,
    })
}

fn snapshot(object: Value, addresses: &[&str]) -> Snapshot {
    let object: Arc<ferrolb_crds::api::core::Service> = Arc::new(serde_json::from_value(object).unwrap());
    let view = Arc::new(ServiceView::read(&object));
    let seen = Seen {
        observed: Arc::new(Observed::read(&object)),
        object,
    };
    let pool = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": "p" }, "spec": { "addresses": addresses } });
    let pools: Vec<Pool> = if addresses.is_empty() {
        Vec::new()
    } else {
        vec![Pool::read(&serde_json::from_value(pool).unwrap())]
    };
    let seen_pool = |pool: &Pool| {
        (
            pool.name.clone(),
            SeenPool {
                reference: k8s_openapi::api::core::v1::ObjectReference::default(),
                status: None,
            },
        )
    };
    Snapshot {
        pools: pools.iter().map(seen_pool).collect(),
        world: World {
            services: [(view.key.clone(), view.clone())].into(),
            pools: Pools::new(pools).0,
            ..World::default()
        },
        services: [(view.key.clone(), seen)].into(),
        left: Default::default(),
        invalid: Vec::new(),
        doubtful: Vec::new(),
    }
}

fn writes(object: Value, addresses: &[&str]) -> Vec<StatusWrite> {
    writes_of(&snapshot(object, addresses))
}

fn writes_of(snapshot: &Snapshot) -> Vec<StatusWrite> {
    service_writes(
        snapshot,
        &decide(&snapshot.world),
        &mut Settled::default(),
        |_, _| true,
        |_| None,
        now(),
    )
}

fn reasons(write: &StatusWrite) -> Vec<&str> {
    write
        .notices
        .iter()
        .map(|notice| notice.reason.as_str())
        .collect()
}

/// The object as it is once the write has landed.
fn landed(mut object: Value, write: &StatusWrite) -> Value {
    let body = &write.body;
    object["metadata"]["annotations"] = body["metadata"]
        .get("annotations")
        .cloned()
        .unwrap_or_else(|| json!({}));
    object["status"] = body["status"].clone();
    object
}

#[test]
fn a_new_address_is_written_with_all_that_is_ours() {
    let [write] = &writes(service(json!({}), json!({})), &["192.0.2.0/24"])[..] else {
        panic!("one write")
    };
    assert_eq!(
        write.body,
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7",
                "annotations": { "metallb.io/ip-allocated-from-pool": "p" } },
            "status": {
                "loadBalancer": { "ingress": [{ "ip": "192.0.2.0", "ipMode": "VIP" }] },
                "conditions": [{ "type": "ferrolb.io/Assigned", "status": "True", "reason": "Assigned",
                    "message": "192.0.2.0 from pool p", "lastTransitionTime": "2026-03-01T00:00:00Z" }],
            },
        })
    );
    assert_eq!(
        (reasons(write), write.notices[0].note.as_str()),
        (vec!["IPAllocated"], "Assigned IP [\"192.0.2.0\"]")
    );
}

#[rstest]
#[case::assigned(&["192.0.2.0/24"])]
#[case::refused(&[])]
fn nothing_is_written_when_nothing_changed(#[case] addresses: &[&str]) {
    let object = service(json!({}), json!({}));
    let first = writes(object.clone(), addresses);
    assert_eq!(writes(landed(object, &first[0]), addresses), []);
}

#[test]
fn the_order_of_addresses_alone_is_no_reason_to_write() {
    let mut object = service(json!({}), json!({}));
    object["spec"]["clusterIPs"] = json!(["10.96.0.9", "fd00:10:96::9"]);
    object["spec"]["ipFamilyPolicy"] = json!("RequireDualStack");
    let pool = ["192.0.2.0/24", "2001:db8::/64"];
    let first = writes(object.clone(), &pool);
    let mut object = landed(object, &first[0]);
    object["status"]["loadBalancer"]["ingress"]
        .as_array_mut()
        .unwrap()
        .reverse();
    assert_eq!(writes(object, &pool), []);
}

#[rstest]
#[case::of_another_pool("q", json!({ "metallb.io/ip-allocated-from-pool": "p", "ferrolb.io/second-allocated-from-pool": "q" }))]
#[case::of_the_same_pool("p", json!({ "metallb.io/ip-allocated-from-pool": "p" }))]
fn the_pool_of_the_second_address_is_written_where_it_is_another(
    #[case] second: &str,
    #[case] expected: Value,
) {
    let both = json!([{ "ip": "192.0.2.0" }, { "ip": "2001:db8::7" }]);
    let annotations =
        json!({ "metallb.io/ip-allocated-from-pool": "p", "ferrolb.io/second-allocated-from-pool": second });
    let mut object = service(annotations, json!({ "loadBalancer": { "ingress": both } }));
    object["spec"]["clusterIPs"] = json!(["10.96.0.9", "fd00:10:96::9"]);
    object["spec"]["ipFamilyPolicy"] = json!("RequireDualStack");
    // Pool p holds the first one, no pool the second.
    let write = &writes(object.clone(), &["192.0.2.0/24"])[0];
    assert_eq!(write.body["metadata"]["annotations"], expected);
    let message = format!("192.0.2.0 from pool p, 2001:db8::7 from pool {second}; 2001:db8::7 is outside");
    let condition = &write.body["status"]["conditions"][0];
    assert!(
        condition["message"].as_str().unwrap().starts_with(&message),
        "{condition}"
    );
    assert_eq!(writes(landed(object, write), &["192.0.2.0/24"]), []);
}

#[test]
fn an_address_whose_udp_flows_may_go_on_is_told_by_an_event_alone() {
    let mut snapshot = snapshot(service(json!({}), json!({})), &["192.0.2.0/32"]);
    let last = GivenBack {
        by: ServiceKey::new("shop", "gone"),
        had_udp: true,
    };
    snapshot.world.cooling = [("192.0.2.0".parse().unwrap(), last)].into();
    let write = &writes_of(&snapshot)[0];
    assert_eq!(reasons(write), ["IPAllocated", "AddressReused"]);
    assert_eq!(write.body["status"]["conditions"][0]["reason"], "Assigned");
}

#[test]
fn what_others_know_of_an_address_is_carried_over() {
    let entry = json!({ "ip": "192.0.2.0", "ipMode": "Proxy", "ports": [{ "port": 80, "protocol": "TCP" }] });
    let from_pool = json!({ "metallb.io/ip-allocated-from-pool": "p" });
    let object = service(from_pool, json!({ "loadBalancer": { "ingress": [entry] } }));
    let written = &writes(object, &["192.0.2.0/24"])[0];
    assert_eq!(written.body["status"]["loadBalancer"]["ingress"], json!([entry]));
    assert_eq!(reasons(written), Vec::<&str>::new());
}

#[test]
fn a_refusal_is_told_once_with_its_reason() {
    let object = service(json!({}), json!({}));
    let [write] = &writes(object, &[])[..] else {
        panic!("one write")
    };
    let condition = &write.body["status"]["conditions"][0];
    assert_eq!(
        (&condition["status"], &condition["reason"]),
        (&json!("False"), &json!("NoPools"))
    );
    let notice = &write.notices[0];
    assert_eq!(
        (notice.severity, notice.reason.as_str()),
        (EventType::Warning, "AllocationFailed")
    );
    assert_eq!(
        notice.note,
        "Failed to allocate IP for \"shop/web\": there is no IPAddressPool"
    );
}

#[test]
fn an_address_that_is_not_kept_is_cleared_and_told() {
    let status = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.77", "ipMode": "VIP" }] } });
    let from_pool = json!({ "metallb.io/ip-allocated-from-pool": "p" });
    let mut snapshot = snapshot(service(from_pool, status), &["192.0.2.77/32"]);
    snapshot.world.nodes = [("192.0.2.77".parse().unwrap(), "solo".into())].into();
    let [write] = &writes_of(&snapshot)[..] else {
        panic!("one write")
    };
    assert_eq!(write.body["status"]["loadBalancer"], json!({ "ingress": [] }));
    assert_eq!(reasons(write), ["ClearAssignment", "AllocationFailed"]);
}

#[test]
fn what_another_implementation_wrote_stays_where_there_is_nothing_else() {
    let status = json!({ "loadBalancer": { "ingress": [{ "ip": "203.0.113.9", "ipMode": "VIP" }, { "hostname": "lb.example.com" }] } });
    let [write] = &writes(service(json!({}), status), &[])[..] else {
        panic!("one write")
    };
    assert_eq!(write.body["status"].get("loadBalancer"), None);
    assert_eq!(write.body["status"]["conditions"][0]["reason"], "NoPools");
    assert_eq!(
        write.body["status"]["conditions"][0]["message"],
        "there is no IPAddressPool; 203.0.113.9 in the status is not from this controller and is left alone"
    );
    assert_eq!(reasons(write), ["AllocationFailed"]);
    assert_eq!(write.assumed.addresses.to_string(), "203.0.113.9");
}

#[test]
fn a_service_that_stops_being_ours_loses_only_what_we_wrote() {
    let mut object = service(json!({ "metallb.io/ip-allocated-from-pool": "p" }), json!({}));
    object["spec"]["type"] = json!("ClusterIP");
    let [write] = &writes(object.clone(), &["192.0.2.0/24"])[..] else {
        panic!("one write")
    };
    assert_eq!(write.body["status"], json!({}));
    assert_eq!(write.body["metadata"].get("annotations"), None);
    object["metadata"]["annotations"] = json!({});
    assert_eq!(writes(object, &["192.0.2.0/24"]), []);
}

#[test]
fn a_service_of_another_class_is_never_touched() {
    let status = json!({ "loadBalancer": { "ingress": [{ "ip": "203.0.113.9" }] } });
    // Another installation of ours writes the same annotation, under the same field manager.
    for annotations in [
        json!({}),
        json!({ "metallb.io/ip-allocated-from-pool": "theirs" }),
    ] {
        let mut object = service(annotations, status.clone());
        object["spec"]["loadBalancerClass"] = json!("example.com/other");
        assert_eq!(writes(object, &["192.0.2.0/24"]), []);
    }
}

#[test]
fn what_we_wrote_under_another_class_is_taken_off_and_the_address_stays_in_use_until_then() {
    let status = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.0" }] } });
    let mut object = service(json!({ "metallb.io/ip-allocated-from-pool": "p" }), status);
    object["spec"]["loadBalancerClass"] = json!("was-ours");
    let mut snapshot = snapshot(object, &["192.0.2.0/24"]);
    snapshot.left = [ServiceKey::new("shop", "web")].into();
    let [write] = &writes_of(&snapshot)[..] else {
        panic!("one write")
    };
    assert_eq!(write.body["status"], json!({}));
    assert_eq!(write.body["metadata"].get("annotations"), None);
    assert_eq!(write.assumed.addresses.to_string(), "192.0.2.0");
}

#[test]
fn the_time_of_transition_stays_while_the_status_does() {
    let condition = json!([{ "type": "ferrolb.io/Assigned", "status": "False", "reason": "NoAddress", "message": "old",
        "lastTransitionTime": "2026-01-01T00:00:00Z" }]);
    let write = &writes(service(json!({}), json!({ "conditions": condition })), &[])[0];
    assert_eq!(
        write.body["status"]["conditions"][0]["lastTransitionTime"],
        json!("2026-01-01T00:00:00Z")
    );
    let assigned = &writes(
        service(json!({}), json!({ "conditions": condition })),
        &["192.0.2.0/24"],
    )[0];
    assert_eq!(
        assigned.body["status"]["conditions"][0]["lastTransitionTime"],
        json!("2026-03-01T00:00:00Z")
    );
}

#[test]
fn deprecated_annotations_are_named_when_the_service_is_written() {
    let object = service(json!({ "metallb.universe.tf/address-pool": "p" }), json!({}));
    let write = &writes(object, &["192.0.2.0/24"])[0];
    assert_eq!(reasons(write), ["IPAllocated", "deprecatedAnnotation"]);
    assert!(
        write.notices[1]
            .note
            .ends_with("metallb.universe.tf/address-pool")
    );
}

#[test]
fn counters_of_a_pool_are_written_when_they_differ() {
    let mut snapshot = snapshot(service(json!({}), json!({})), &["192.0.2.0/30"]);
    let usage = decide(&snapshot.world).usage;
    let [write] = &pool_writes(&snapshot, &usage)[..] else {
        panic!("one write")
    };
    assert_eq!((write.status.assigned_ipv4, write.status.available_ipv4), (1, 3));
    snapshot.pools.get_mut(&write.pool).unwrap().status = Some(write.status.clone());
    assert_eq!(pool_writes(&snapshot, &usage), []);
}

#[test]
fn a_status_that_is_left_to_another_says_so_once_and_nothing_else_is_touched() {
    let held = json!({ "loadBalancer": { "ingress": [{ "ip": "203.0.113.9" }] } });
    let left_to = |object: Value| {
        let snapshot = snapshot(object, &["192.0.2.0/24"]);
        let kube_vip = |_: &ServiceKey| Some("kube-vip".to_owned());
        service_writes(
            &snapshot,
            &decide(&snapshot.world),
            &mut Settled::default(),
            |_, _| true,
            kube_vip,
            now(),
        )
        .remove(0)
    };
    let first = left_to(service(json!({}), held.clone()));
    let condition = &first.body["status"]["conditions"][0];
    assert_eq!(
        (&condition["reason"], first.whole),
        (&json!("StatusDisputed"), false)
    );
    assert_eq!(
        (first.body["status"].get("loadBalancer"), reasons(&first)),
        (None, vec!["StatusDisputed"])
    );
    let mut told = held;
    told["conditions"] = json!([condition]);
    assert!(
        left_to(service(json!({}), told)).whole,
        "later writes ask for everything again"
    );
}

#[test]
fn what_was_found_settled_is_compared_again_when_the_outcome_is_another() {
    let object = service(json!({}), json!({}));
    let first = &writes(object.clone(), &["192.0.2.0/24"])[0];
    let written = landed(object, first);
    let (mut settled, snapshot) = (Settled::default(), snapshot(written, &["192.0.2.0/24"]));
    let none = |_: &ServiceKey| None;
    let decision = decide(&snapshot.world);
    for _ in 0..2 {
        assert_eq!(
            service_writes(&snapshot, &decision, &mut settled, |_, _| true, none, now()),
            []
        );
    }
    let emptied = decide(&World::default());
    let refused = Decision {
        outcomes: [(ServiceKey::new("shop", "web"), Outcome::Refused(Reason::NoPools))].into(),
        ..emptied
    };
    assert_eq!(
        service_writes(&snapshot, &refused, &mut settled, |_, _| true, none, now()).len(),
        1
    );
}
