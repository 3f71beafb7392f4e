use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::doctor::fixture::{Scene, kube_proxy, workload};
use crate::explain::tests::fixture::{condition, metallb, object, peer, pod, service, session};

#[test]
fn in_a_healthy_cluster_nothing_is_found_and_everything_was_looked_at() {
    let report = Scene::healthy().report();
    assert!(report.checks.is_empty(), "{:?}", report.checks);
    assert!(report.not_looked_at.is_empty(), "{:?}", report.not_looked_at);
    assert_eq!(report.table(false), "nothing found\n");
}

#[rstest]
#[case::no_address(
    |it: &mut Scene| it.evidence.without_address(json!([])),
    |it: &mut Scene| it.evidence.objects.pools.clear(),
    "FD01 error Service/shop/web: there is no IPAddressPool"
)]
#[case::no_endpoint(
    |it: &mut Scene| it.evidence.objects.slices.clear(),
    |it: &mut Scene| it.evidence.announced("False", "NoEndpoints", "no endpoint can serve"),
    "FD02 error Service/shop/web: no endpoint can serve"
)]
#[case::silent_on_the_wire(
    |it: &mut Scene| it.evidence.announced("False", "WireSilent", "n2 asks for 192.0.2.200 and hears nothing"),
    nothing,
    "FD03 warning Service/shop/web: n2 asks for 192.0.2.200 and hears nothing"
)]
#[case::of_another_class(
    |it: &mut Scene| {
        let other = json!({"metadata": {"annotations": null}, "spec": {"loadBalancerClass": "example.com/other"}, "status": null});
        it.evidence.objects.services.push(object(service("mail", "192.0.2.201", other)));
    },
    nothing,
    "FD04 warning Service/shop/mail: spec.loadBalancerClass is \"example.com/other\"; Services without one are ours (--lb-class)"
)]
#[case::no_lease(
    |it: &mut Scene| it.evidence.live().lease = None,
    nothing,
    "FD06 error Lease/metallb-system/ferrolb-controller: no controller leads: there is no Lease ferrolb-controller"
)]
#[case::no_speaker(
    |it: &mut Scene| it.evidence.live().pods = Some(vec![object(pod("n1", "True"))]),
    nothing,
    "FD07 error Node/n2: its speaker: no speaker"
)]
#[case::of_a_speaker_without_a_right(
    |it: &mut Scene| it.evidence.live().pods = Some(vec![object(pod("n1", "True")), object(pod("n2", "False"))]),
    |it: &mut Scene| drop(it.waiting.insert("n2".into(), "not ready: nodes".to_owned())),
    "FD07 error Node/n2: its speaker: not ready: nodes"
)]
#[case::no_advertisement(
    |it: &mut Scene| it.evidence.objects.pools.push(metallb("IPAddressPool", "quiet", json!({"spec": {"addresses": ["192.0.2.220/32"]}}))),
    |it: &mut Scene| it.evidence.objects.adverts = vec![metallb("L2Advertisement", "lan", json!({"spec": {"ipAddressPools": ["lan"]}}))],
    "FD09 warning IPAddressPool/metallb-system/quiet: no L2Advertisement selects pool quiet"
)]
#[case::of_bgp_and_without_a_peer(
    |it: &mut Scene| it.evidence.objects.bgp.adverts = vec![metallb("BGPAdvertisement", "all", json!({}))],
    |it: &mut Scene| it.evidence.objects.adverts = Vec::new(),
    "FD03 warning Service/shop/web: there is no BGPPeer for it"
)]
#[case::pool_of_services(
    |it: &mut Scene| it.beside.service_cidrs = vec![json!({"spec": {"cidrs": ["192.0.2.128/25"]}})],
    nothing,
    "FD10 error IPAddressPool/metallb-system/lan: overlaps 192.0.2.128/25, the network of the Services inside the cluster"
)]
#[case::metallb(
    |it: &mut Scene| it.beside.workloads.push(workload("DaemonSet", "old", json!({"image": "quay.example/metallb/speaker:v0.16.1"}))),
    nothing,
    "FD11 error DaemonSet/metallb-system/old: MetalLB runs here; when the webhook is gone: kubectl delete -n metallb-system daemonset old"
)]
#[case::servicelb(
    |it: &mut Scene| it.beside.workloads.push(json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {
        "namespace": "kube-system", "name": "svclb-web", "labels": {"svccontroller.k3s.cattle.io/svcname": "web"}}})),
    nothing,
    "FD12 error DaemonSet/kube-system/svclb-web: k3s runs its own load balancer for Service web"
)]
#[case::kube_vip(
    |it: &mut Scene| it.beside.workloads.push(workload("DaemonSet", "vip",
        json!({"image": "example.com/kube-vip/kube-vip", "env": [{"name": "svc_enable", "value": "true"}]}))),
    nothing,
    "FD12 error DaemonSet/metallb-system/vip: kube-vip serves Services too (svc_enable)"
)]
#[case::cilium(
    |it: &mut Scene| it.beside.cilium_policies.push(json!({"kind": "CiliumL2AnnouncementPolicy", "metadata": {"name": "all"}})),
    nothing,
    "FD12 error CiliumL2AnnouncementPolicy/all: Cilium announces addresses of Services on layer 2 too"
)]
#[case::strict_arp(
    |it: &mut Scene| it.beside.kube_proxy = Some(kube_proxy("ipvs", false)),
    nothing,
    "FD13 error ConfigMap/kube-system/kube-proxy: kube-proxy runs in IPVS mode, so every node answers ARP for every address of a Service"
)]
#[case::pod_security(
    |it: &mut Scene| it.evidence.objects.namespaces = vec![object(json!({"metadata": {
        "name": "metallb-system", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}))],
    nothing,
    "FD14 error Namespace/metallb-system: admits no new pods of the speakers: Pod Security level baseline is enforced"
)]
#[case::deaf(
    |it: &mut Scene| it.of_node("n1", json!({"segments": {"eth0": {"peers": {"n2": {"state": "vouched", "silent_ms": 5000}}}}})),
    nothing,
    "FD15 error Node/n1: its speaker does not hear node n2 on eth0; the last frame came 5000 ms ago"
)]
#[case::lossy(
    |it: &mut Scene| it.of_node("n1", json!({"segments": {"eth0": {"peers": {"n2": {"lost_permille": 125}}}}})),
    nothing,
    "FD15 warning Node/n1: its speaker lost 12.5 % of the frames of node n2 on eth0"
)]
#[case::no_key(
    |it: &mut Scene| it.of_node("n2", json!({"key": null})),
    nothing,
    "FD16 error Node/n2: its speaker has no key, and announces nothing"
)]
#[case::rp_filter(
    |it: &mut Scene| it.of_node("n2", json!({"default_route": "eth1"})),
    nothing,
    "FD17 error Node/n2: the kernel drops packets that clients beyond the segment of eth0 send: answers would leave by eth1"
)]
#[case::kernel_address(
    |it: &mut Scene| it.of_node("n2", json!({"kernel_addresses": [{"address": "192.0.2.200", "interface": "eth0"}]})),
    nothing,
    "FD18 error Node/n2: the kernel answers for 192.0.2.200 of a Service, because interface eth0 has it"
)]
#[case::ipv6_off(
    |it: &mut Scene| it.of_node("n2", json!({"segments": {"eth0": {"held": ["2001:db8::200"]}}, "interfaces": {"eth0": {"ipv6_disabled": true}}})),
    nothing,
    "FD19 error Node/n2: announces 2001:db8::200, but IPv6 is off on eth0: the kernel drops the packets that follow"
)]
#[case::kube_proxy_gone(
    |it: &mut Scene| it.of_node("n2", json!({"kube_proxy": "silent"})),
    |it: &mut Scene| it.of_node("n1", json!({"kube_proxy": "healthy"})),
    "FD24 error Node/n2: kube-proxy there does not answer its health check any more: changes of endpoints may not reach the kernel"
)]
#[case::kube_proxy_never_seen(
    |it: &mut Scene| it.of_node("n2", json!({"kube_proxy": "healthy"})),
    nothing,
    "FD24 warning Node/n1: no kube-proxy answers its health check there, as it does on other nodes"
)]
#[case::wireless(
    |it: &mut Scene| it.of_node("n2", json!({"interfaces": {"eth0": {"wireless": true}}})),
    nothing,
    "FD20 warning Node/n2: announces on eth0, which is a radio: access points lose ARP requests"
)]
#[case::mtu(
    |it: &mut Scene| it.of_node("n2", json!({"interfaces": {"eth0": {"mtu": 1400}}})),
    nothing,
    "FD21 warning Node/n2: eth0 carries packets of 1400 bytes, and that of other nodes 1500: longer ones are lost"
)]
#[case::versions(
    |it: &mut Scene| it.of_node("n2", json!({"version": "0.2.0"})),
    nothing,
    "FD22 warning DaemonSet/metallb-system/speaker: different versions run: 0.1.0 on n1; 0.2.0 on n2"
)]
#[case::no_port(
    |it: &mut Scene| it.of_node("n2", json!({"interfaces": {"eth1": {"up": true, "mtu": 1500}}})),
    nothing,
    "FD23 error Node/n2: its speaker does not take part on eth1"
)]
#[case::no_session(
    |it: &mut Scene| it.evidence.objects.sessions = vec![session("n1", "Active", "no answer to the attempt to connect"), session("n2", "Established", "")],
    nothing,
    "FD25 warning BGPPeer/metallb-system/tor: no session of n1 with 192.0.2.1 is up: no answer to the attempt to connect"
)]
#[case::no_session_at_all(
    |it: &mut Scene| it.evidence.objects.sessions = vec![session("n1", "Idle", "cease"), session("n2", "Active", "cease")],
    nothing,
    "FD25 error BGPPeer/metallb-system/tor: no session of n1, n2 with 192.0.2.1 is up: cease"
)]
#[case::a_peer_of_nobody(
    |it: &mut Scene| it.evidence.objects.bgp.peers = vec![peer(json!([{"matchLabels": {"rack": "a"}}]))],
    nothing,
    "FD26 warning BGPPeer/metallb-system/tor: no node has a session with it"
)]
fn what_is_broken_is_found_and_nothing_else(
    #[case] breaking: fn(&mut Scene),
    #[case] further: fn(&mut Scene),
    #[case] expected: &str,
) {
    let mut scene = Scene::healthy();
    breaking(&mut scene);
    further(&mut scene);
    assert_eq!(scene.found(), [expected]);
}

fn nothing(_: &mut Scene) {}

#[test]
fn a_speaker_that_says_that_it_is_ready_is_no_finding_although_kubernetes_does_not_know_it_yet() {
    let mut scene = Scene::healthy();
    scene.evidence.live().pods = Some(vec![object(pod("n1", "True")), object(pod("n2", "False"))]);
    scene.waiting.insert("n2".into(), String::new());
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn when_every_node_is_excluded_it_is_said_once() {
    let mut scene = Scene::healthy();
    for node in &mut scene.evidence.objects.nodes {
        let labels = node.metadata.labels.get_or_insert_default();
        labels.insert(ferrolb_crds::names::EXCLUDE_NODE.to_owned(), String::new());
    }
    let found = scene.found();
    assert!(
        found.len() == 1 && found[0].starts_with("FD08 warning Node/*: every node carries"),
        "{found:?}"
    );
}

#[test]
fn an_object_that_is_skipped_is_named_with_its_field() {
    let mut scene = Scene::healthy();
    let pool = metallb(
        "IPAddressPool",
        "odd",
        json!({"spec": {"addresses": ["192.0.2.300"]}}),
    );
    scene.evidence.objects.pools.push(pool);
    let found = scene.found();
    assert!(
        found.len() == 1 && found[0].starts_with("FD05 warning IPAddressPool/metallb-system/odd: "),
        "{found:?}"
    );
}

#[rstest]
#[case::strict("ipvs", true)]
#[case::another_mode("nftables", false)]
fn kube_proxy_that_answers_no_arp_is_no_finding(#[case] mode: &str, #[case] strict_arp: bool) {
    let mut scene = Scene::healthy();
    scene.beside.kube_proxy = Some(kube_proxy(mode, strict_arp));
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn the_addresses_that_ipvs_puts_on_its_own_interface_do_no_harm_where_arp_is_strict() {
    let both = json!({"kernel_addresses": [{"address": "192.0.2.200", "interface": "kube-ipvs0"}]});
    let mut scene = Scene::healthy();
    scene.of_node("n2", both.clone());
    assert_eq!(scene.found().len(), 1);
    let mut scene = Scene::healthy();
    scene.of_node("n2", both);
    scene.of_node("n2", json!({"interfaces": {"eth0": {"arp_ignore": 1}}}));
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn a_session_that_is_down_for_a_moment_or_was_told_of_by_a_speaker_that_is_gone_is_no_finding() {
    let mut scene = Scene::healthy();
    let mut young = session("n1", "Connect", "");
    young.status.as_mut().unwrap().since = Some(Time("2026-01-01T00:59:55Z".parse().unwrap()));
    scene.evidence.objects.sessions = vec![young, session("n9", "Active", "cease")];
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn an_address_that_bgp_alone_announces_has_no_holder_and_that_is_no_finding() {
    let mut scene = Scene::healthy();
    let objects = &mut scene.evidence.objects;
    objects.adverts.clear();
    objects.statuses.clear();
    objects.bgp.peers = vec![peer(json!([]))];
    objects.bgp.adverts = vec![metallb("BGPAdvertisement", "all", json!({}))];
    objects.sessions = vec![session("n1", "Established", ""), session("n2", "Established", "")];
    let told = "192.0.2.200 announced by BGP from n1, n2 to tor";
    scene.evidence.announced("True", "Announced", told);
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn nodes_of_different_segments_need_not_hear_each_other() {
    let mut scene = Scene::healthy();
    scene.of_node("n1", json!({"segments": {"eth0": {"peers": {"n2": null}}}}));
    scene.of_node("n2", json!({"segments": {"eth0": {"peers": {"n1": null}}}}));
    assert_eq!(scene.found(), Vec::<String>::new());
}

#[test]
fn two_that_never_heard_each_other_and_are_heard_by_a_third_should() {
    let mut scene = Scene::healthy();
    scene.of_node("n1", json!({"segments": {"eth0": {"peers": {"n2": null}}}}));
    let found = scene.found();
    assert_eq!(
        found,
        ["FD15 error Node/n1: its speaker never heard node n2 on eth0"]
    );
}

#[test]
fn what_may_not_be_read_is_said_of_its_checks_and_stops_no_other() {
    let mut scene = Scene::healthy();
    let why = "may not list configmaps: no (RBAC: verb \"list\" on resource \"configmaps\")";
    scene.unseen.insert("configmaps".to_owned(), why.to_owned());
    scene
        .unasked
        .insert("n3".into(), "no answer within 10 s".to_owned());
    scene.evidence.objects.slices.clear();
    let report = scene.report();
    let numbers: Vec<&str> = report.checks.iter().map(|section| section.check).collect();
    assert_eq!(numbers, ["FD03"]);
    let of_map = report.not_looked_at.iter().find(|gap| gap.why == why).unwrap();
    assert_eq!(of_map.checks, ["FD13"]);
    let of_node = report
        .not_looked_at
        .iter()
        .find(|gap| gap.why.starts_with("node n3: "))
        .unwrap();
    assert!(of_node.checks.contains(&"FD15") && !of_node.checks.contains(&"FD01"));
}

#[test]
fn a_condition_is_said_in_its_own_words() {
    let mut scene = Scene::healthy();
    let disputed = condition("Assigned", "False", "StatusDisputed", "someone else writes it");
    scene.evidence.without_address(json!([disputed]));
    assert_eq!(
        scene.found(),
        ["FD01 error Service/shop/web: someone else writes it"]
    );
}

#[test]
fn every_check_has_a_number_of_its_own_and_a_section_and_no_section_is_without_a_check() {
    let page = include_str!("../../../../docs/doctor.md");
    let sections: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### FD"))
        .collect();
    let numbers: Vec<&str> = ALL.iter().map(|check| check.number).collect();
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len());
    let expected: Vec<&str> = numbers.iter().map(|number| &number[2..]).collect();
    assert_eq!(sections, expected);
    for check in ALL {
        let (_, section) = page.split_once(&format!("### {}\n", check.number)).unwrap();
        let section = section.split("\n### ").next().unwrap();
        assert!(
            section.contains(&format!("**{}.**", check.name)),
            "{}",
            check.number
        );
        assert!(section.contains("**Remedy.**"), "{}", check.number);
    }
}
