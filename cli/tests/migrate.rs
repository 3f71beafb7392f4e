//! `ferrolb migrate check` on manifests: what it says of each thing that MetalLB has, and how it ends.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::process::{Command, Output};

use rstest::rstest;
use serde_json::Value;

const LAYER_2: &str = r#"
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan, namespace: metallb-system}
spec: {addresses: [192.0.2.200-192.0.2.219]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: lan, namespace: metallb-system}
spec: {ipAddressPools: [lan]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {metallb.io/ip-allocated-from-pool: lan}}
spec: {type: LoadBalancer, clusterIP: 10.96.0.7, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.200}]}}
"#;

fn check(more: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("all.yaml"), format!("{LAYER_2}---\n{more}")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .args(["migrate", "check", "-f"])
        .arg(folder.path())
        .args(arguments)
        .output()
        .unwrap()
}

/// Verdict, object and message of each finding.
fn findings(more: &str) -> Vec<String> {
    let output = check(more, &["-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let all = report["findings"].as_array().unwrap();
    all.iter()
        .map(|one| {
            format!(
                "{} {}: {}",
                text(one, "verdict"),
                text(one, "object"),
                text(one, "message")
            )
        })
        .collect()
}

#[test]
fn layer_2_alone_works_as_it_is() {
    let output = check("", &[]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        "nothing to do but to exchange the program\n\nworks as it is: 1 IPAddressPool, 1 L2Advertisement, 1 Service\n"
    );
}

#[rstest]
#[case::pool_of_0_12(
    "{apiVersion: metallb.io/v1beta1, kind: AddressPool, metadata: {name: p, namespace: metallb-system}}",
    "stops AddressPool/metallb-system/p: this kind is not read: IPAddressPool and L2Advertisement have taken its place (MetalLB 0.13)"
)]
#[case::configuration_of_0_12(
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: config, namespace: metallb-system}, data: {config: x}}",
    "stops ConfigMap/metallb-system/config: is not read: IPAddressPool and L2Advertisement have taken its place (MetalLB 0.13)"
)]
#[case::webhook(
    "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: hook}, webhooks: [{rules: [{apiGroups: [metallb.io]}]}]}",
    "todo ValidatingWebhookConfiguration/hook: refuses every change of pools and advertisements when MetalLB is gone; first: kubectl delete validatingwebhookconfiguration hook"
)]
#[case::definition_of_helm(
    "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: ipaddresspools.metallb.io, labels: {app.kubernetes.io/managed-by: Helm}}, spec: {group: metallb.io}}",
    "todo CustomResourceDefinition/ipaddresspools.metallb.io: `helm uninstall` would delete it and all its objects; first: kubectl annotate crd ipaddresspools.metallb.io helm.sh/resource-policy=keep"
)]
#[case::conversion(
    "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: bgppeers.metallb.io}, spec: {group: metallb.io, conversion: {strategy: Webhook}}}",
    "todo CustomResourceDefinition/bgppeers.metallb.io: is converted by MetalLB's webhook, and cannot be read in its older version without it; if nothing needs its objects: kubectl delete crd bgppeers.metallb.io"
)]
#[case::program(
    "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: speaker, namespace: metallb-system}, spec: {template: {spec: {containers: [{image: 'registry.example.com:5000/metallb/speaker:v0.16.1'}]}}}}",
    "todo DaemonSet/metallb-system/speaker: MetalLB runs here; when the webhook is gone: kubectl delete -n metallb-system daemonset speaker"
)]
#[case::address_outside(
    "{apiVersion: v1, kind: Service, metadata: {name: old, namespace: shop}, spec: {type: LoadBalancer, clusterIP: 10.96.0.8, ports: [{port: 80}]}, status: {loadBalancer: {ingress: [{ip: 198.51.100.7}]}}}",
    "stops Service/shop/old: loses 198.51.100.7 and gets 192.0.2.201"
)]
fn each_thing_that_needs_a_look_is_named(#[case] object: &str, #[case] expected: &str) {
    assert_eq!(findings(object), [expected]);
}

#[test]
fn flags_and_another_namespace_are_carried_over() {
    let program = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: metallb-controller, namespace: lb}, spec: {template: {spec: {containers: [{image: example.com/metallb/controller, args: [--port=9120, --lb-class=lan]}]}}}}";
    let all = findings(program).join("\n");
    assert!(
        all.contains("runs with --lb-class=lan: give controller and speakers the same flag"),
        "{all}"
    );
    assert!(
        all.contains("is in another namespace than metallb-system: install FerroLB in lb"),
        "{all}"
    );
}

#[rstest]
#[case::nothing("", 0)]
#[case::to_do(
    "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: speaker, namespace: metallb-system}, spec: {template: {spec: {containers: [{image: metallb/speaker}]}}}}",
    0
)]
#[case::stops(
    "{apiVersion: metallb.io/v1beta1, kind: AddressPool, metadata: {name: b, namespace: metallb-system}}",
    3
)]
#[case::unreadable(
    "{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: b}, spec: {addresses: 7}}",
    2
)]
fn the_exit_code_says_whether_anything_stops(#[case] object: &str, #[case] code: i32) {
    assert_eq!(check(object, &[]).status.code(), Some(code));
}

#[test]
fn a_program_of_ours_is_not_metallb() {
    let program = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: speaker, namespace: metallb-system}, spec: {template: {spec: {containers: [{image: 'localhost/ferrolb:dev'}]}}}}";
    assert_eq!(findings(program), Vec::<String>::new());
}
