use rstest::rstest;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn merged(mut object: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    object
}

/// A Service in use, as the cluster shows it.
fn live(spec: &Value) -> Objects {
    let usual = json!({"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"], "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack", "ports": [{"port": 80}]});
    let service = object(json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"tier": "old"},
            "annotations": {"metallb.io/ip-allocated-from-pool": "lan", "metallb.io/address-pool": "lan"}},
        "spec": merged(usual, spec),
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}));
    Objects {
        services: vec![service],
        ..Objects::default()
    }
}

fn manifest(spec: &Value) -> Objects {
    let usual = json!({"type": "LoadBalancer", "ports": [{"port": 80}]});
    let service =
        object(json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": merged(usual, spec)}));
    Objects {
        services: vec![service],
        ..Objects::default()
    }
}

fn applied(old: &Value, new: &Value) -> (Service, Vec<String>) {
    let mut applied = apply(&live(old), manifest(new), &[Family::V4, Family::V6]);
    assert_eq!(applied.objects.services.len(), 1);
    let problems = applied.problems.into_iter().map(|one| one.message).collect();
    (applied.objects.services.remove(0), problems)
}

#[test]
fn an_apply_touches_neither_status_nor_what_the_controller_wrote() {
    let (service, problems) = applied(&json!({}), &json!({}));
    let kept = live(&json!({})).services.remove(0);
    assert_eq!(service.status, kept.status);
    assert_eq!(service.metadata.uid, kept.metadata.uid);
    assert_eq!(
        service.metadata.creation_timestamp,
        kept.metadata.creation_timestamp
    );
    let annotations: Vec<&String> = service.annotations().keys().collect();
    assert_eq!(
        annotations,
        [ALLOCATED_FROM_POOL],
        "what its owner no longer writes is gone"
    );
    assert!(service.labels().is_empty());
    assert_eq!(problems, Vec::<String>::new());
}

#[rstest]
#[case::nothing_said(json!({}), json!({}), &["IPv4"], "SingleStack")]
#[case::dual_stack_stays(
    json!({"clusterIPs": ["2001:db8:9::7", "10.96.0.7"], "ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "PreferDualStack"}),
    json!({}), &["IPv6", "IPv4"], "PreferDualStack"
)]
#[case::an_upgrade_keeps_the_first_family(
    json!({"clusterIPs": ["2001:db8:9::7"], "ipFamilies": ["IPv6"]}),
    json!({"ipFamilyPolicy": "RequireDualStack"}), &["IPv6", "IPv4"], "RequireDualStack"
)]
#[case::a_downgrade_keeps_the_first_family(
    json!({"clusterIPs": ["2001:db8:9::7", "10.96.0.7"], "ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "RequireDualStack"}),
    json!({"ipFamilyPolicy": "SingleStack"}), &["IPv6"], "SingleStack"
)]
fn families_change_only_as_asked(
    #[case] old: Value,
    #[case] new: Value,
    #[case] families: &[&str],
    #[case] policy: &str,
) {
    let (service, problems) = applied(&old, &new);
    let spec = service.spec.unwrap();
    assert_eq!(spec.ip_families.unwrap(), families);
    assert_eq!(spec.cluster_ips.unwrap().len(), families.len());
    assert_eq!(spec.ip_family_policy.as_deref(), Some(policy));
    assert_eq!(problems, Vec::<String>::new());
}

#[rstest]
#[case::nothing(json!({}), false)]
#[case::a_port(json!({"ports": [{"port": 81}]}), true)]
fn a_change_of_the_terms_of_sharing_is_remembered(#[case] spec: Value, #[case] changed: bool) {
    let applied = apply(&live(&json!({})), manifest(&spec), &[Family::V4]);
    assert_eq!(applied.changed.contains(&ServiceKey::new("shop", "web")), changed);
}

#[test]
fn what_the_manifests_do_not_name_stays_and_what_is_new_is_added() {
    let mut manifests = manifest(&json!({}));
    manifests.services[0].metadata.name = Some("new".to_owned());
    let applied = apply(&live(&json!({})), manifests, &[Family::V4]);
    let names: Vec<String> = applied
        .objects
        .services
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    assert_eq!(names, ["new", "web"]);
}

#[test]
fn a_node_keeps_its_status_and_the_labels_of_its_kubelet() {
    let node = |labels: Value, status: Value| {
        object::<Node>(json!({"metadata": {"name": "n1", "labels": labels}, "status": status}))
    };
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    let live = Objects {
        nodes: vec![node(
            json!({"kubernetes.io/hostname": "n1", "rack": "a"}),
            ready.clone(),
        )],
        ..Objects::default()
    };
    let manifests = Objects {
        nodes: vec![node(json!({"rack": "b"}), json!({}))],
        ..Objects::default()
    };
    let applied = apply(&live, manifests, &[Family::V4]);
    assert_eq!(
        applied.objects.nodes,
        [node(json!({"kubernetes.io/hostname": "n1", "rack": "b"}), ready)]
    );
}

#[rstest]
#[case::of_the_api_server_first(&["2001:db8:9::1"], &["10.96.0.7"], json!([]), &[Family::V6, Family::V4])]
#[case::of_the_pods(&["10.96.0.1"], &["10.96.0.7"], json!(["10.244.0.0/24", "2001:db8:8::/64"]), &[Family::V4, Family::V6])]
#[case::one_only(&["10.96.0.1"], &["10.96.0.7"], json!(["10.244.0.0/24"]), &[Family::V4])]
fn the_families_of_a_cluster(
    #[case] api_server: &[&str],
    #[case] web: &[&str],
    #[case] pods: Value,
    #[case] expected: &[Family],
) {
    let service = |namespace: &str, name: &str, addresses: &[&str]| {
        object(json!({"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIPs": addresses}}))
    };
    let live = Objects {
        services: vec![
            service("a", "web", web),
            service("default", "kubernetes", api_server),
        ],
        nodes: vec![object(
            json!({"metadata": {"name": "n1"}, "spec": {"podCIDRs": pods}}),
        )],
        ..Objects::default()
    };
    assert_eq!(families(&live), expected);
}
