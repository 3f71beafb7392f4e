//! `ferrolb plan` as its users run it: files in, text or JSON and an exit code out.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Manifests in a folder of their own, by file name.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn plan(path: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .arg("plan")
        .arg("-f")
        .arg(path)
        .args(arguments)
        .output()
        .unwrap()
}

fn json(files: &[(&str, &str)], arguments: &[&str]) -> Value {
    let folder = folder(files);
    let output = plan(folder.path(), &[arguments, &["-o", "json"]].concat());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Exit code and standard error for one file.
fn refused(text: &str) -> (Option<i32>, String) {
    let folder = folder(&[("pools.yaml", text)]);
    let output = plan(&folder.path().join("pools.yaml"), &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    (
        output.status.code(),
        error.replace(&folder.path().display().to_string(), ""),
    )
}

const POOLS: &str = r#"
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan4, namespace: metallb-system}
spec: {addresses: ["192.0.2.200-192.0.2.201"]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan6, namespace: metallb-system}
spec: {addresses: ["2001:db8:1::200/120"]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: all, namespace: metallb-system}
"#;

const NODES: &str = r#"
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: n1}}
- {apiVersion: v1, kind: Node, metadata: {name: n2}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.244.2.7], nodeName: n2}]
"#;

const WEB: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
"#;

#[test]
fn a_service_gets_an_address_and_the_node_with_its_endpoint() {
    let report = json(
        &[("pools.yaml", POOLS), ("nodes.yaml", NODES), ("web.yaml", WEB)],
        &[],
    );
    let expected = json!({
        "services": [{
            "namespace": "default", "name": "web", "pool": "lan4", "pools": ["lan4"],
            "addresses": ["192.0.2.200"], "refused": null, "keeps": [], "gains": ["192.0.2.200"], "loses": [], "notes": [],
            "announced": [{ "address": "192.0.2.200", "node": "n2", "interfaces": [], "refused": null }],
        }],
        "problems": [],
    });
    assert_eq!(report, expected);
}

#[test]
fn scores_say_what_ranks_the_nodes() {
    let files = [("pools.yaml", POOLS), ("nodes.yaml", NODES), ("web.yaml", WEB)];
    let score = |node: &str, saves_hop: bool, place: u32| {
        json!({ "node": node, "preference": 0, "place": place,
            "locality": { "ready_here": 0, "ready_in_all": 0, "saves_hop": saves_hop } })
    };
    // By hash alone n1 would come first: docs/election.md.
    let expected = json!([score("n2", true, 2), score("n1", false, 1)]);
    let report = json(&files, &["--scores"]);
    assert_eq!(report["services"][0]["announced"][0]["scores"], expected);

    let folder = folder(&files);
    let text = String::from_utf8(plan(folder.path(), &["--scores"]).stdout).unwrap();
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(
        lines.contains(&vec!["192.0.2.200", "n2", "0", "endpoint", "2"]),
        "{text}"
    );
    assert!(
        lines.contains(&vec!["192.0.2.200", "n1", "0", "-", "1"]),
        "{text}"
    );
}

#[test]
fn a_node_that_comes_after_the_others_says_why() {
    let nodes = NODES.replace("{name: n2}}", "{name: n2}, spec: {unschedulable: true}}");
    assert_ne!(nodes, NODES);
    let report = json(
        &[("pools.yaml", POOLS), ("nodes.yaml", &nodes), ("web.yaml", WEB)],
        &["--scores"],
    );
    let announced = &report["services"][0]["announced"][0];
    assert_eq!(announced["node"], "n1");
    let last = &announced["scores"][1];
    assert_eq!(
        (&last["node"], &last["later"]["reason"]),
        (&json!("n2"), &json!("Cordoned"))
    );
    assert_eq!(announced["scores"][0].get("later"), None);
}

#[test]
fn a_dual_stack_service_gets_both_families_from_two_pools() {
    let web = WEB.replace("spec: {", "spec: {ipFamilyPolicy: RequireDualStack, ");
    let files = [("pools.yaml", POOLS), ("nodes.yaml", NODES), ("web.yaml", &web)];
    let service = &json(&files, &["--cluster-families", "IPv4,IPv6"])["services"][0];
    assert_eq!(service["addresses"], json!(["192.0.2.200", "2001:db8:1::200"]));
    assert_eq!(
        (&service["pool"], &service["pools"]),
        (&json!("lan4"), &json!(["lan4", "lan6"]))
    );
    assert_eq!(service["announced"][1]["node"], "n2");
}

#[test]
fn an_address_in_a_status_is_in_use() {
    let annotated = "name: holder, annotations: {metallb.io/ip-allocated-from-pool: lan4}";
    let status = "status: {loadBalancer: {ingress: [{ip: 192.0.2.200}]}}";
    let holder = WEB.replace("name: web", annotated) + status;
    let report = json(
        &[("pools.yaml", POOLS), ("a.yaml", WEB), ("b.yaml", &holder)],
        &[],
    );
    assert_eq!(
        report["services"][0]["addresses"],
        json!(["192.0.2.200"]),
        "holder keeps it"
    );
    assert_eq!(report["services"][1]["addresses"], json!(["192.0.2.201"]));
}

#[test]
fn every_refusal_has_its_reason() {
    let cluster_ip = "{apiVersion: v1, kind: Service, metadata: {name: inner}, spec: {type: ClusterIP}}";
    let full = "{apiVersion: v1, kind: Service, metadata: {name: six}, spec: {type: LoadBalancer, ipFamilies: [IPv6], ports: [{port: 80}]}}";
    let pools = POOLS.replace("2001:db8:1::200/120", "192.0.2.210/32");
    let files = [
        ("p.yaml", pools.as_str()),
        ("a.yaml", cluster_ip),
        ("b.yaml", full),
        ("web.yaml", WEB),
    ];
    let report = json(&files, &["--cluster-families", "IPv4,IPv6"]);
    let refused = |at: usize| report["services"][at]["refused"].clone();
    assert_eq!(refused(0)["reason"], "NotOurs");
    assert_eq!(
        refused(1),
        json!({ "reason": "NoAddress", "message": "pool lan4 has no IPv6 addresses; pool lan6 has no IPv6 addresses" })
    );
    let announced = &report["services"][2]["announced"][0];
    assert_eq!(
        (&announced["node"], &announced["refused"]["reason"]),
        (&Value::Null, &json!("NoEndpoints"))
    );
}

#[test]
fn the_interfaces_that_an_advertisement_names_are_shown() {
    let pools = POOLS.replace(
        "name: all, namespace: metallb-system}",
        "name: all}\nspec: {interfaces: [eth1, eth0]}",
    );
    let report = json(&[("p.yaml", &pools), ("n.yaml", NODES), ("web.yaml", WEB)], &[]);
    assert_eq!(
        report["services"][0]["announced"][0]["interfaces"],
        json!(["eth0", "eth1"])
    );
}

#[test]
fn what_is_wrong_with_one_object_is_a_problem_and_the_others_work() {
    let bad = POOLS.replace("192.0.2.200-192.0.2.201", "2001:db8::9-2001:db8::1");
    let elsewhere = POOLS
        .replace(
            "name: lan6, namespace: metallb-system",
            "name: lan7, namespace: default",
        )
        .replace("name: lan4", "name: lan9");
    let report = json(
        &[("a.yaml", &bad), ("b.yaml", &elsewhere), ("web.yaml", WEB)],
        &[],
    );
    assert_eq!(report["services"][0]["addresses"], json!(["192.0.2.200"]));
    let problems = report["problems"].as_array().unwrap();
    let texts: Vec<String> = problems
        .iter()
        .map(|one| format!("{}: {}", one["object"], one["message"]))
        .collect();
    assert_eq!(
        texts,
        [
            r#""IPAddressPool/default/lan7": "metadata.namespace: is not \"metallb-system\", so nobody reads it""#,
            r#""IPAddressPool/metallb-system/lan4": "spec.addresses[0]: \"2001:db8::9-2001:db8::1\": the start of a range must not be above its end""#,
            r#""L2Advertisement/metallb-system/all": "stands more than once; the last one counts""#,
        ]
    );
}

#[rstest]
#[case::syntax("a: [", "/pools.yaml: document 1: line ")]
#[case::wrong_type(
    "---\n---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: 7}",
    "/pools.yaml: document 1: line 6: IPAddressPool p: spec.addresses: must be of type array, not 7"
)]
#[case::unknown_field(
    "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [], autoAsign: false}",
    "/pools.yaml: document 1: line 4: IPAddressPool p: spec.addresses: should have at least 1 items\nferrolb plan: /pools.yaml: document 1: line 4: IPAddressPool p: spec.autoAsign: unknown field"
)]
#[case::missing_field(
    "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {}",
    "/pools.yaml: document 1: line 4: IPAddressPool p: spec.addresses: Required value"
)]
#[case::no_name(
    "apiVersion: v1\nkind: Service\nmetadata: {}",
    "/pools.yaml: document 1: line 3: Service: metadata.name: must not be empty"
)]
#[case::no_kind(
    "apiVersion: v1",
    "/pools.yaml: document 1: line 1: object: kind: must be a text that is not empty"
)]
#[case::deep_in_a_service(
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}, {port: x}]}",
    "/pools.yaml: document 1: line 4: Service web: spec.ports[1].port: must be of type integer, not \"x\""
)]
fn a_malformed_manifest_names_file_document_and_field(#[case] text: &str, #[case] message: &str) {
    let (code, error) = refused(text);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.starts_with(&format!("ferrolb plan: {message}")), "{error}");
}

#[test]
fn all_faults_of_all_files_are_named_and_the_rest_is_planned() {
    let bad = "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec:\n  typo: LoadBalancer\n  ports: [{port: x}]\n---\na: [\n---\n";
    let other = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {autoAssign: 5, addresses: [192.0.2.0/28]}";
    let folder = folder(&[
        ("a.yaml", &format!("{bad}{WEB}")),
        ("b.yaml", other),
        ("pools.yaml", POOLS),
    ]);
    let output = plan(folder.path(), &["-o", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    for words in [
        "a.yaml: document 1: line 5: Service bad: spec.typo: unknown field",
        "a.yaml: document 1: line 6: Service bad: spec.ports[0].port: must be of type integer, not \"x\"",
        "a.yaml: document 2: line ",
        "b.yaml: document 1: line 4: IPAddressPool p: spec.autoAssign: must be of type boolean, not 5",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["services"][0]["addresses"], json!(["192.0.2.200"]));
}

#[test]
fn what_is_kept_gained_and_lost_is_said() {
    let moved = WEB.replace("name: web", "name: moved, annotations: {metallb.io/loadBalancerIPs: 192.0.2.201, metallb.io/ip-allocated-from-pool: lan4}")
        + "status: {loadBalancer: {ingress: [{ip: 192.0.2.200}]}}";
    let inner = "{apiVersion: v1, kind: Service, metadata: {name: inner, annotations: {metallb.io/ip-allocated-from-pool: lan4}}, spec: {ports: [{port: 80}]}, status: {loadBalancer: {ingress: [{ip: 192.0.2.209}]}}}";
    let files = [("pools.yaml", POOLS), ("a.yaml", &moved), ("b.yaml", inner)];
    let report = json(&files, &[]);
    let of = |at: usize| ["keeps", "gains", "loses"].map(|field| report["services"][at][field].clone());
    assert_eq!(of(0), [json!([]), json!([]), json!(["192.0.2.209"])]);
    assert_eq!(of(1), [json!([]), json!(["192.0.2.201"]), json!(["192.0.2.200"])]);
    let folder = folder(&files);
    let text = String::from_utf8(plan(folder.path(), &[]).stdout).unwrap();
    assert!(
        text.contains("default/moved: gains 192.0.2.201; loses 192.0.2.200"),
        "{text}"
    );
    assert!(text.contains("default/inner: loses 192.0.2.209"), "{text}");
}

#[test]
fn a_dash_stands_for_standard_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .args(["plan", "-f", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(format!("{POOLS}---{WEB}").as_bytes())
        .unwrap();
    let report: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(report["services"][0]["addresses"], json!(["192.0.2.200"]));
}

#[test]
fn one_line_names_the_services_that_want_no_address() {
    let inner = |name: &str| {
        format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{ports: [{{port: 80}}]}}}}\n---\n"
        )
    };
    let all: String = ["a", "b", "c", "d", "e"].map(inner).concat();
    let folder = folder(&[("all.yaml", &all)]);
    let text = String::from_utf8(plan(folder.path(), &[]).stdout).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("default/")).collect();
    assert_eq!(
        lines,
        ["  default/a, default/b, default/c and 2 more: not of type LoadBalancer"]
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = plan(Path::new("nowhere.yaml"), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.yaml: No such file"));
}

#[test]
fn the_table_shows_what_people_ask_for() {
    let folder = folder(&[("pools.yaml", POOLS), ("nodes.yaml", NODES), ("web.yaml", WEB)]);
    let text = String::from_utf8(plan(folder.path(), &[]).stdout).unwrap();
    let words: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        words,
        [
            vec!["NAMESPACE", "NAME", "ADDRESS", "POOL", "NODE", "INTERFACES"],
            vec!["default", "web", "192.0.2.200", "lan4", "n2", "-"],
        ]
    );
}

#[test]
fn the_examples_that_are_shipped_are_planned_without_a_problem() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples");
    let output = plan(&examples, &["-o", "json", "--cluster-families", "IPv4,IPv6"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["problems"], json!([]));
    let refused: Vec<&Value> = report["services"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|service| !service["refused"].is_null())
        .collect();
    assert_eq!(refused, Vec::<&Value>::new());
}

/// `ferrolb plan` with these arguments and this kubeconfig.
fn against(kubeconfig: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .arg("plan")
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn without_a_cluster_there_must_be_manifests() {
    let (code, error) = against(Path::new("nowhere"), &[]);
    assert_eq!(code, Some(2));
    assert!(error.contains("--file <DIR|FILE>"), "{error}");
}

#[test]
fn a_cluster_that_cannot_be_reached_is_an_error_of_its_own() {
    let (code, error) = against(Path::new("nowhere"), &["--against-cluster"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.starts_with("ferrolb plan: cannot use the kubeconfig: "),
        "{error}"
    );
}

#[test]
fn a_malformed_manifest_is_named_before_the_cluster_is_asked() {
    let folder = folder(&[("pools.yaml", "apiVersion: v1")]);
    let path = folder.path().join("pools.yaml").display().to_string();
    let (code, error) = against(Path::new("nowhere"), &["--against-cluster", "-f", &path]);
    assert_eq!(code, Some(2));
    assert!(
        error.contains("document 1: line 1: object: kind: must be"),
        "{error}"
    );
}
