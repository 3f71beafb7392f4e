//! What `ferrolb plan` and `ferrolb migrate check` say of BGP.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "bgp/samples.rs"]
mod samples;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const OBJECTS: &str = r#"
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: n1}}
- {apiVersion: v1, kind: Node, metadata: {name: n2}}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: wan, namespace: metallb-system}
spec: {addresses: [198.51.100.0/28]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, loadBalancerIP: 198.51.100.7, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.244.2.7], nodeName: n2}]
"#;

const PEER: &str = r#"
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor, namespace: metallb-system}
spec: {myASN: 64512, peerASN: 64500, peerAddress: 192.0.2.1, bfdProfile: quick}
"#;

const ADVERT: &str = r#"
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: wan, namespace: metallb-system}
spec: {ipAddressPools: [wan], localPref: 200, communities: [gold, no-export]}
---
apiVersion: metallb.io/v1beta1
kind: Community
metadata: {name: names, namespace: metallb-system}
spec: {communities: [{name: gold, value: "64512:7"}]}
---
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: {name: quick, namespace: metallb-system}
spec: {transmitInterval: 50}
"#;

fn ferrolb(arguments: &[&str], manifests: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .args(arguments)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(manifests.as_bytes())
        .unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

fn plan(manifests: &str) -> Value {
    serde_json::from_str(&ferrolb(&["plan", "-o", "json"], manifests)).unwrap()
}

#[test]
fn each_peer_is_told_the_prefix_by_every_node_with_its_attributes() {
    let report = plan(&[OBJECTS, PEER, ADVERT].concat());
    assert_eq!(
        report["routes"],
        json!([{"prefix": "198.51.100.7/32", "peer": "tor", "nodes": ["n1", "n2"], "local_pref": 200,
            "communities": ["64512:7", "no-export"]}])
    );
    assert_eq!(
        report["services"][0]["announced"],
        json!([{"address": "198.51.100.7", "node": null, "interfaces": [], "refused": null,
            "bgp": {"nodes": ["n1", "n2"], "peers": ["tor"], "refused": null}}])
    );
    assert_eq!(report["problems"], json!([]));
}

#[test]
fn the_table_shows_routes_below_the_services() {
    let text = ferrolb(&["plan"], &[OBJECTS, PEER, ADVERT].concat());
    assert_eq!(
        text,
        " NAMESPACE  NAME  ADDRESS       POOL  NODE  INTERFACES
 default    web   198.51.100.7  wan   BGP   -

 PREFIX           PEER  NODES  LOCALPREF  COMMUNITIES
 198.51.100.7/32  tor   n1,n2  200        64512:7,no-export
"
    );
}

#[test]
fn what_is_named_and_not_there_is_a_problem_and_why_nobody_tells_is_said() {
    let advert = ADVERT.split("\n---\n").nth(1).unwrap();
    let report = plan(&[OBJECTS, "\n---\n", advert].concat());
    let told = &report["services"][0]["announced"][0]["bgp"]["refused"];
    assert_eq!(told["reason"], "NoPeer");
    let problems: Vec<&str> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["message"].as_str().unwrap())
        .collect();
    assert!(
        problems[0].starts_with("spec.communities[0]: \"gold\" is no community"),
        "{problems:?}"
    );
    let report = plan(&[OBJECTS, PEER].concat());
    assert_eq!(
        report["problems"][0]["message"],
        "spec.bfdProfile: there is no BFDProfile quick; the hold time alone tells that the peer is gone"
    );
}

#[test]
fn a_peer_of_the_older_version_is_read_and_a_field_that_it_has_not_is_a_fault() {
    let older = PEER.replace("v1beta2", "v1beta1");
    let report = plan(&[OBJECTS, &older, ADVERT].concat());
    assert_eq!(report["routes"][0]["peer"], "tor");
    let newer_field = older.replace("bfdProfile: quick", "vrf: red");
    let report = plan(&[OBJECTS, &newer_field, ADVERT].concat());
    assert_eq!(report["routes"], Value::Null);
}

#[test]
fn objects_of_metallbs_bgp_work_as_they_are() {
    let text = ferrolb(&["migrate", "check"], &[OBJECTS, PEER, ADVERT].concat());
    assert_eq!(
        text,
        "nothing to do but to exchange the program\n\n\
         works as it is: 1 BFDProfile, 1 BGPAdvertisement, 1 BGPPeer, 1 Community, 1 IPAddressPool, 1 Service\n"
    );
}

#[test]
fn an_advertisement_without_a_peer_stops_the_exchange() {
    let service = OBJECTS.replace(
        "spec: {type: LoadBalancer, loadBalancerIP: 198.51.100.7",
        "spec: {type: LoadBalancer, clusterIP: 10.96.0.8",
    );
    let text = ferrolb(&["migrate", "check"], &[&service, ADVERT].concat());
    assert!(
        text.contains("nobody announces 198.51.100.0: NoPeer: there is no BGPPeer"),
        "{text}"
    );
}

#[test]
fn explain_says_who_would_tell_it_or_why_nobody_would() {
    let explain = ["explain", "svc/web", "-n", "default"];
    let text = ferrolb(&explain, &[OBJECTS, PEER, ADVERT].concat());
    let first = text.lines().next().unwrap();
    assert_eq!(
        first,
        "default/web would be announced: 198.51.100.7 by BGP from n1, n2 to tor"
    );
    assert!(text.contains("  Advertised by BGP alone\n"), "{text}");
    assert!(text.contains("  BGP        from n1, n2 to tor"), "{text}");
    let text = ferrolb(&explain, &[OBJECTS, ADVERT].concat());
    let first = text.lines().next().unwrap();
    assert!(
        first.starts_with("default/web is not announced (NoPeer): "),
        "{text}"
    );
}
