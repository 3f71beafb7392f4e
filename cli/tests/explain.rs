//! `ferrolb explain`, `ferrolb status` and what a shell gets of the commands, as their users run them.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::{Command, Output};

use rstest::rstest;
use serde_json::Value;

const MANIFESTS: &str = "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan, namespace: metallb-system}
spec: {addresses: [192.0.2.200/32]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: lan, namespace: metallb-system}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
---
apiVersion: v1
kind: Service
metadata: {name: a-web, namespace: shop}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: b-web, namespace: shop}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a-web-1, namespace: shop, labels: {kubernetes.io/service-name: a-web}}
addressType: IPv4
endpoints: [{addresses: [10.244.0.1], nodeName: n1}]
";

fn ferrolb(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .args(arguments)
        .env("KUBECONFIG", "nowhere")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .unwrap()
}

/// Explains manifests; exit code and standard output.
fn explain(arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.yaml");
    std::fs::write(&path, MANIFESTS).unwrap();
    let files = ["explain", "-f", path.to_str().unwrap()];
    let output = ferrolb(&[&files, arguments].concat());
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[rstest]
#[case::announced(
    "svc/shop/a-web",
    0,
    "shop/a-web would be announced: 192.0.2.200 from node n1\n"
)]
#[case::exhausted(
    "svc/shop/b-web",
    3,
    "shop/b-web has no address (NoAddress): pool lan has no free IPv4 address\n"
)]
#[case::not_there(
    "svc/b-web",
    3,
    "default/b-web is not served (NotFound): there is no Service default/b-web\n"
)]
fn manifests_are_explained_without_a_cluster(
    #[case] subject: &str,
    #[case] code: i32,
    #[case] first_line: &str,
) {
    let (ended, text) = explain(&[subject]);
    assert!(text.starts_with(first_line), "{text}");
    assert_eq!(ended, Some(code));
}

#[test]
fn the_json_has_cause_and_chain() {
    let (_, text) = explain(&["-o", "json", "-n", "shop", "svc/b-web"]);
    let explanation: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(explanation["causes"][0]["reason"], "NoAddress");
    assert_eq!(explanation["chain"]["service"]["policy"], "Cluster");
    assert_eq!(explanation["healthy"], false);
}

#[rstest]
#[case::explain(&["explain", "svc/web"])]
#[case::status(&["status"])]
#[case::support_bundle(&["support-bundle", "-o", "-"])]
fn a_cluster_that_cannot_be_reached_is_an_error(#[case] arguments: &[&str]) {
    let output = ferrolb(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("ferrolb {}: cannot use the kubeconfig: ", arguments[0]);
    assert!(error.starts_with(&expected), "{error}");
}

#[rstest]
#[case::no_subject(&["explain"], "<SERVICE|ADDRESS>")]
#[case::a_pod(&["explain", "pod/web"], "must be svc/NAME, svc/NAMESPACE/NAME or an address")]
#[case::mapping_of_nothing(&["support-bundle", "--mapping", "m.json"], "--anonymize")]
#[case::no_time(&["support-bundle", "--since", "10"], "must be a time as 90s, 10m or 2h")]
#[case::all_and_one(&["status", "-A", "-n", "shop"], "cannot be used with")]
fn wrong_arguments_are_named(#[case] arguments: &[&str], #[case] message: &str) {
    let output = ferrolb(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains(message), "{error}");
}

#[test]
fn called_as_a_plugin_of_kubectl_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("kubectl-ferrolb");
    std::os::unix::fs::symlink(Path::new(env!("CARGO_BIN_EXE_ferrolb")), &plugin).unwrap();
    let output = Command::new(plugin).args(["explain", "--help"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Usage: kubectl ferrolb explain "), "{text}");
}

#[rstest]
#[case("bash", "complete -F")]
#[case("zsh", "#compdef ferrolb")]
#[case("fish", "complete -c ferrolb")]
fn a_shell_can_complete_the_commands(#[case] shell: &str, #[case] expected: &str) {
    let output = ferrolb(&["completion", shell]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(expected) && text.contains("explain"), "{text}");
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let output = ferrolb(&["man", pages.to_str().unwrap()]);
    assert!(output.status.success());
    for page in [
        "ferrolb.1",
        "ferrolb-explain.1",
        "ferrolb-status.1",
        "ferrolb-pool-drain.1",
    ] {
        assert!(pages.join(page).is_file(), "{page}");
    }
}
