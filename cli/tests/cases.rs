//! Inputs that people reported of load balancers like this one, and what is right for each. The files are also fed to kubectl and
//! the API server (`tests/controller/reading.rs`).

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use rstest::rstest;
use serde_json::{Value, json};

fn case(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/controller/manifests")
        .join(format!("case-{name}"))
}

fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .args(["plan", "-f"])
        .arg(case(name))
        .args(arguments)
        .output()
        .unwrap()
}

fn report(name: &str, arguments: &[&str]) -> Value {
    let output = run(name, &[arguments, &["-o", "json"]].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn table(name: &str) -> String {
    String::from_utf8(run(name, &[]).stdout).unwrap()
}

/// The addresses of the Service of this name.
fn addresses(report: &Value, service: &str) -> Value {
    let services = report["services"].as_array().unwrap();
    services.iter().find(|one| one["name"] == service).unwrap()["addresses"].clone()
}

/// Whether a problem of this object says this.
fn says(report: &Value, object: &str, words: &str) -> bool {
    let problems = report["problems"].as_array().unwrap();
    problems
        .iter()
        .any(|one| one["object"] == object && one["message"].as_str().unwrap().contains(words))
}

const DUAL: &[&str] = &["--cluster-families", "IPv4,IPv6"];

#[rstest]
#[case::an_empty_cluster_ip_asks_for_any("30-cluster-ip-empty.yaml", &[], "web", &["192.0.2.200"])]
#[case::a_pinned_service_gets_the_other_family_too("32-cluster-ip-pinned-dual.yaml", DUAL, "web", &["192.0.2.200", "2001:db8:1::200"])]
#[case::every_namespace_has_the_label_of_its_name("25-namespace-not-in-manifests.yaml", &[], "site", &["192.0.2.156"])]
#[case::a_merge_key_is_applied("34-merge-key.yaml", &[], "web2", &["192.0.2.201"])]
#[case::null_pools_are_no_pools("37-null-pools.yaml", &[], "web", &["192.0.2.200"])]
#[case::null_selectors_are_none("39-null-node-selectors.yaml", &[], "web", &["192.0.2.200"])]
#[case::the_status_of_a_pool_does_not_matter("41-pool-status-empty.yaml", &[], "web", &["192.0.2.200"])]
#[case::json_objects_may_stand_in_a_row("44-two-json-objects.json", &[], "web", &["192.0.2.0"])]
#[case::no_is_false("46-yaml11-boolean.yaml", &[], "web", &[])]
#[case::a_byte_order_mark_is_skipped("48-bom.yaml", &[], "web", &["192.0.2.200"])]
#[case::typed_lists_are_lists("42-typed-list.yaml", &[], "web", &["192.0.2.0"])]
fn manifests_mean_what_kubectl_makes_of_them(
    #[case] name: &str,
    #[case] arguments: &[&str],
    #[case] service: &str,
    #[case] expected: &[&str],
) {
    assert_eq!(addresses(&report(name, arguments), service), json!(expected));
}

#[test]
fn what_announces_nowhere_because_of_null_selectors_is_announced_everywhere() {
    for name in ["37-null-pools.yaml", "39-null-node-selectors.yaml"] {
        assert_eq!(
            report(name, &[])["services"][0]["announced"][0]["node"],
            "n1",
            "{name}"
        );
    }
}

#[test]
fn a_pool_of_addresses_that_no_load_balancer_can_have_is_reported_and_gives_out_none() {
    let report = report("61-loopback-pool.yaml", &[]);
    assert_eq!(addresses(&report, "web"), json!([]));
    let words = "spec.addresses[0]: \"127.0.0.1/32\": must not hold unspecified, loopback";
    assert!(
        says(&report, "IPAddressPool/metallb-system/shared", words),
        "{report:#}"
    );
}

#[test]
fn a_kustomization_in_a_folder_is_passed_over_and_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["kustomization.yaml", "pool.yaml"] {
        fs::copy(
            case(&format!("56-kustomize-dir-{name}")),
            folder.path().join(name),
        )
        .unwrap();
    }
    let plan = |path: PathBuf| {
        Command::new(env!("CARGO_BIN_EXE_ferrolb"))
            .args(["plan", "-f"])
            .arg(path)
            .output()
            .unwrap()
    };
    let output = plan(folder.path().to_owned());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && error.contains("kustomization.yaml: passed over"),
        "{error}"
    );
    let output = plan(folder.path().join("kustomization.yaml"));
    assert_eq!(output.status.code(), Some(2), "the user named it");
}

#[test]
fn a_misspelt_annotation_is_named_with_those_that_are_read() {
    let report = report("70-annotation-misspelt-and-port-clash.yaml", &[]);
    let words = "annotation metallb.universe.tf/allow-shared: is not read";
    assert!(says(&report, "Service/shop/b", words), "{report:#}");
    assert!(
        says(&report, "Service/shop/b", "metallb.io/allow-shared-ip"),
        "{report:#}"
    );
    assert!(
        says(&report, "Service/shop/c", "spec.ports[0].name: Required value"),
        "{report:#}"
    );
}

#[test]
fn an_advertisement_of_a_pool_that_is_not_there_is_a_problem() {
    let report = report("21-advert-names-unknown-pool.yaml", &[]);
    let words = "spec.ipAddressPools[1]: there is no IPAddressPool vip-pool-that-is-not";
    assert!(
        says(&report, "L2Advertisement/metallb-system/adv", words),
        "{report:#}"
    );
}

#[test]
fn kinds_of_metallb_that_are_not_read_are_named() {
    let report = report("69-old-and-bgp-kinds.yaml", &[]);
    assert!(
        says(
            &report,
            "AddressPool/metallb-system/old",
            "is not read: IPAddressPool and L2Advertisement"
        ),
        "{report:#}"
    );
}

#[test]
fn a_preference_for_both_families_on_an_assumed_one_hints_at_the_flag() {
    let name = "71-prefer-dual-default-families.yaml";
    assert!(says(&report(name, &[]), "Service/shop/a", "--cluster-families"));
    let told = report(name, DUAL);
    assert_eq!(
        (addresses(&told, "a"), &told["problems"]),
        (json!(["192.0.2.40", "2001:db8:7::40"]), &json!([]))
    );
    assert_eq!(
        report(name, &["--cluster-families", "IPv4"])["problems"],
        json!([]),
        "nobody assumed it"
    );
}

#[test]
fn host_bits_of_a_prefix_are_named_with_what_it_gives_out() {
    let words = "192.0.2.200/28 has host bits: it gives out 192.0.2.192 to 192.0.2.207";
    let report = report("72-host-bits-in-prefix.yaml", &[]);
    assert!(
        says(&report, "IPAddressPool/metallb-system/lan", words),
        "{report:#}"
    );
}

#[test]
fn the_class_of_a_service_that_is_not_ours_is_named() {
    let text = table("62-other-class.yaml");
    assert!(
        text.contains("shop/web: spec.loadBalancerClass is \"example.com/other\""),
        "{text}"
    );
}
