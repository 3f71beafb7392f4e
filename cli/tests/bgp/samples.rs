//! Configurations as users of MetalLB have them: which prefixes each peer would be told, by which nodes.

use serde_json::{Value, json};

use crate::ferrolb;

/// Three nodes in two racks, a pool of each family, and a Service with an address of each.
const CLUSTER: &str = r#"
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: a1, labels: {rack: a}}}
- {apiVersion: v1, kind: Node, metadata: {name: a2, labels: {rack: a}}}
- {apiVersion: v1, kind: Node, metadata: {name: b1, labels: {rack: b}}}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: wan, namespace: metallb-system, labels: {zone: wan}}
spec: {addresses: [198.51.100.0/28, "2001:db8:f::/124"]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lab, namespace: metallb-system}
spec: {addresses: [203.0.113.0/28], autoAssign: false}
---
apiVersion: v1
kind: Service
metadata:
  name: web
  annotations: {metallb.io/loadBalancerIPs: "198.51.100.7,2001:db8:f::7"}
spec: {type: LoadBalancer, ipFamilyPolicy: RequireDualStack, ipFamilies: [IPv4, IPv6], selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata:
  name: bench
  labels: {tier: lab}
  annotations: {metallb.io/loadBalancerIPs: 203.0.113.9}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: bench}, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-4, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.244.2.7], nodeName: a2}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-6, labels: {kubernetes.io/service-name: web}}
addressType: IPv6
endpoints: [{addresses: ["2001:db8:2::7"], nodeName: a2}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: bench-1, labels: {kubernetes.io/service-name: bench}}
addressType: IPv4
endpoints: [{addresses: [10.244.3.7], nodeName: b1}]
"#;

/// A peer, or anything else that is MetalLB's.
fn object(kind: &str, name: &str, spec: &str) -> String {
    let version = if kind == "BGPPeer" { "v1beta2" } else { "v1beta1" };
    format!(
        "\n---\napiVersion: metallb.io/{version}\nkind: {kind}\n\
         metadata: {{name: {name}, namespace: metallb-system}}\nspec: {{{spec}}}\n"
    )
}

fn peer(name: &str, more: &str) -> String {
    object(
        "BGPPeer",
        name,
        &format!("myASN: 64512, peerASN: 64500, peerAddress: 192.0.2.1{more}"),
    )
}

fn advert(name: &str, spec: &str) -> String {
    object("BGPAdvertisement", name, spec)
}

/// The plan of a cluster with both families.
fn plan(manifests: &str) -> Value {
    let arguments = ["plan", "-o", "json", "--cluster-families", "IPv4,IPv6"];
    serde_json::from_str(&ferrolb(&arguments, manifests)).unwrap()
}

/// What would be told: prefix, peer, nodes; and what is wrong with the configuration.
fn told(objects: &[String]) -> (Vec<String>, Vec<String>) {
    let report = plan(&[&[CLUSTER.to_owned()], objects].concat().concat());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let route = |route: &Value| {
        let nodes: Vec<String> = route["nodes"].as_array().unwrap().iter().map(text).collect();
        format!(
            "{} {} {}",
            text(&route["prefix"]),
            text(&route["peer"]),
            nodes.join(",")
        )
    };
    let routes = report["routes"]
        .as_array()
        .map(|all| all.iter().map(route).collect());
    let problems = report["problems"].as_array().unwrap();
    let problems = problems.iter().map(|one| text(&one["message"])).collect();
    (routes.unwrap_or_default(), problems)
}

/// What would be told, if nothing is wrong.
fn routes(objects: &[String]) -> Vec<String> {
    let (routes, problems) = told(objects);
    assert_eq!(problems, Vec::<String>::new());
    routes
}

#[test]
fn one_peer_and_all_pools() {
    assert_eq!(
        routes(&[peer("tor", ", dualStackAddressFamily: true"), advert("all", "")]),
        [
            "198.51.100.7/32 tor a1,a2,b1",
            "2001:db8:f::7/128 tor a1,a2,b1",
            "203.0.113.9/32 tor b1"
        ]
    );
}

#[test]
fn peers_that_are_limited_to_the_nodes_of_their_rack() {
    let of = |rack: &str| format!(", nodeSelectors: [{{matchLabels: {{rack: {rack}}}}}]");
    assert_eq!(
        routes(&[
            peer("tor-a", &of("a")),
            peer("tor-b", &of("b")).replace("192.0.2.1", "192.0.2.129"),
            advert("wan", "ipAddressPoolSelectors: [{matchLabels: {zone: wan}}]"),
        ]),
        ["198.51.100.7/32 tor-a a1,a2", "198.51.100.7/32 tor-b b1"]
    );
}

#[test]
fn an_advertisement_that_is_limited_to_nodes_and_one_peer() {
    let spec = "ipAddressPools: [wan], peers: [tor-b], nodeSelectors: [{matchExpressions: \
                [{key: kubernetes.io/hostname, operator: DoesNotExist}, {key: rack, operator: In, values: [b]}]}]";
    let peers = [
        peer("tor-a", ""),
        peer("tor-b", "").replace("192.0.2.1", "192.0.2.129"),
    ]
    .concat();
    assert_eq!(
        routes(&[peers, advert("some", spec)]),
        ["198.51.100.7/32 tor-b b1"]
    );
}

#[test]
fn a_peer_that_is_watched_by_bfd() {
    let profile = "receiveInterval: 180, transmitInterval: 180, detectMultiplier: 5, passiveMode: true, minimumTtl: 250";
    let watched = peer("tor", ", bfdProfile: slow");
    let lab = advert("lab", "ipAddressPools: [lab]");
    assert_eq!(
        routes(&[
            watched.clone(),
            object("BFDProfile", "slow", profile),
            lab.clone()
        ]),
        ["203.0.113.9/32 tor b1"]
    );
    let echo = object("BFDProfile", "slow", "echoMode: true, echoInterval: 50");
    let (routes, problems) = told(&[watched, echo, lab]);
    assert_eq!(routes, ["203.0.113.9/32 tor b1"]);
    assert!(problems[0].starts_with("spec.echoMode: "), "{problems:?}");
}

#[test]
fn communities_and_a_local_pref_for_an_internal_peer() {
    let names = "communities: [{name: backup, value: \"64512:66\"}, {name: big, value: \"large:64512:1:2\"}]";
    let spec = "ipAddressPools: [lab], localPref: 150, communities: [backup, big, \"64512:100\"]";
    let report = plan(
        &[
            CLUSTER.to_owned(),
            peer("tor", "").replace("64500", "64512"),
            advert("lab", spec),
            object("Community", "ours", names),
        ]
        .concat(),
    );
    assert_eq!(report["problems"], json!([]));
    assert_eq!(
        report["routes"],
        json!([{"prefix": "203.0.113.9/32", "peer": "tor", "nodes": ["b1"], "local_pref": 150,
            "communities": ["64512:66", "64512:100", "large:64512:1:2"]}])
    );
}

#[test]
fn an_aggregate_of_each_family() {
    let spec = "ipAddressPools: [wan], aggregationLength: 28, aggregationLengthV6: 124";
    assert_eq!(
        routes(&[peer("tor", ", dualStackAddressFamily: true"), advert("net", spec)]),
        ["198.51.100.0/28 tor a1,a2,b1", "2001:db8:f::/124 tor a1,a2,b1"]
    );
}

#[test]
fn two_advertisements_for_one_pool() {
    let net = advert(
        "net",
        "ipAddressPools: [lab], aggregationLength: 28, communities: [\"64512:1\"]",
    );
    let host = advert(
        "host",
        "ipAddressPools: [lab], localPref: 100, communities: [no-advertise]",
    );
    assert_eq!(
        routes(&[peer("tor", ""), net, host]),
        ["203.0.113.0/28 tor b1", "203.0.113.9/32 tor b1"]
    );
}

#[test]
fn an_advertisement_for_some_services() {
    let spec = "serviceSelectors: [{matchLabels: {tier: lab}}]";
    assert_eq!(
        routes(&[peer("tor", ""), advert("lab", spec)]),
        ["203.0.113.9/32 tor b1"]
    );
}

#[test]
fn a_peer_in_a_vrf_and_one_at_the_same_address_outside_of_it() {
    let lab = advert("lab", "ipAddressPools: [lab], peers: [inside]");
    let wan = advert("wan", "ipAddressPools: [wan], peers: [outside]");
    assert_eq!(
        routes(&[peer("inside", ", vrf: red"), peer("outside", ""), lab, wan]),
        ["198.51.100.7/32 outside a1,a2,b1", "203.0.113.9/32 inside b1"]
    );
}

#[test]
fn a_peer_several_hops_away_with_a_port_times_and_an_address_to_dial_from() {
    let more = ", ebgpMultiHop: true, peerPort: 1179, holdTime: 30s, keepaliveTime: 10s, connectTime: 10s, \
                sourceAddress: 198.18.0.1, routerID: 198.18.0.1, enableGracefulRestart: true";
    let lab = advert("lab", "ipAddressPools: [lab]");
    assert_eq!(
        routes(&[peer("core", more), lab.clone()]),
        ["203.0.113.9/32 core b1"]
    );
    let (routes, problems) = told(&[peer("core", more).replace("64500", "64512"), lab]);
    assert_eq!(routes, Vec::<String>::new());
    assert!(
        problems.iter().any(|one| one.starts_with("spec.ebgpMultiHop: ")),
        "{problems:?}"
    );
}

#[test]
fn a_session_of_each_family_in_place_of_one_of_both() {
    let six = peer("six", "").replace("192.0.2.1", "\"2001:db8::1\"");
    assert_eq!(
        routes(&[peer("four", ""), six, advert("wan", "ipAddressPools: [wan]")]),
        ["198.51.100.7/32 four a1,a2,b1", "2001:db8:f::7/128 six a1,a2,b1"]
    );
}

#[test]
fn a_peer_of_any_other_as_with_another_as_of_ours() {
    let spec = "myASN: 64512, localASN: 64499, dynamicASN: external, peerAddress: 192.0.2.1";
    let objects = [
        object("BGPPeer", "tor", spec),
        advert("lab", "ipAddressPools: [lab]"),
    ];
    assert_eq!(routes(&objects), ["203.0.113.9/32 tor b1"]);
}

#[test]
fn a_password_that_is_in_a_secret() {
    let secret = "\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: tor, namespace: metallb-system}\n\
                  type: kubernetes.io/basic-auth\nstringData: {password: example}\n";
    let objects = [
        peer("tor", ", passwordSecret: {name: tor}"),
        secret.to_owned(),
        advert("lab", "ipAddressPools: [lab]"),
    ];
    assert_eq!(routes(&objects), ["203.0.113.9/32 tor b1"]);
    let twice = peer("tor", ", password: example, passwordSecret: {name: tor}");
    let (routes, problems) = told(&[twice, advert("lab", "ipAddressPools: [lab]")]);
    assert_eq!(routes, Vec::<String>::new());
    assert!(
        problems.iter().any(|one| one.starts_with("spec.password: ")),
        "{problems:?}"
    );
}
