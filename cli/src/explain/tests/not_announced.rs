//! An address is not announced.

use serde_json::json;

use super::fixture::*;

#[test]
fn a_pool_without_an_advertisement_is_named() {
    let first_line = headline(|it| {
        it.objects.adverts.clear();
        it.announced(
            "False",
            "NotAdvertised",
            "192.0.2.200 not announced: no L2Advertisement selects pool lan",
        );
    });
    assert_eq!(
        first_line,
        "shop/web is not announced (NotAdvertised): no L2Advertisement selects pool lan"
    );
}

#[test]
fn a_service_without_endpoints_is_not_announced() {
    let first_line = headline(|it| {
        it.objects.slices.clear();
        it.announced(
            "False",
            "NoEndpoints",
            "192.0.2.200 not announced: no endpoint can serve",
        );
    });
    assert_eq!(
        first_line,
        "shop/web is not announced (NoEndpoints): no endpoint can serve"
    );
}

#[test]
fn nodes_that_are_labelled_are_named_with_those_that_are_not_selected() {
    let first_line = headline(|it| {
        let spec = json!({"spec": {"nodeSelectors": [{"matchLabels": {"lan": "yes"}}]}});
        it.objects.adverts = vec![metallb("L2Advertisement", "lan", spec)];
        let label = "node.kubernetes.io/exclude-from-external-load-balancers";
        let mut labelled = node("n1", "192.0.2.11");
        labelled["metadata"]["labels"] = json!({"lan": "yes", label: ""});
        it.objects.nodes[0] = object(labelled);
        it.announced(
            "False",
            "NoEligibleNode",
            "192.0.2.200 not announced: no node may announce it",
        );
    });
    assert_eq!(
        first_line,
        "shop/web is not announced (NoEligibleNode): no node may announce it: n2: no L2Advertisement selects \
         the node (spec.nodeSelectors); n1: labelled node.kubernetes.io/exclude-from-external-load-balancers"
    );
}

#[test]
fn a_label_that_every_node_carries_is_ignored_and_said_so() {
    let mut evidence = healthy();
    for (at, name) in ["n1", "n2"].into_iter().enumerate() {
        let mut labelled = node(name, "192.0.2.11");
        labelled["metadata"]["labels"] =
            json!({"node.kubernetes.io/exclude-from-external-load-balancers": ""});
        evidence.objects.nodes[at] = object(labelled);
    }
    let explanation = evidence.about("svc/web");
    assert!(explanation.healthy, "{}", explanation.headline);
    assert_eq!(
        explanation.notes,
        [
            "every node carries the label node.kubernetes.io/exclude-from-external-load-balancers, so it is ignored"
        ]
    );
}

#[test]
fn speakers_that_do_not_run_are_named() {
    let first_line = headline(|it| {
        it.live().pods = Some(vec![object(pod("n1", "False"))]);
        it.announced(
            "False",
            "NoEligibleNode",
            "192.0.2.200 not announced: no node may announce it",
        );
    });
    assert_eq!(
        first_line,
        "shop/web is not announced (NoEligibleNode): no node may announce it: n1, n2: not alive: its speaker is not heard"
    );
}

#[test]
fn the_speakers_know_better_why_they_are_silent() {
    let message = "192.0.2.200 not announced: the speakers have no key (Secret memberlist)";
    let first_line = headline(|it| {
        it.live().pods = Some(vec![object(pod("n1", "False"))]);
        it.announced("False", "NoKey", message);
    });
    assert_eq!(
        first_line,
        format!("shop/web is not announced (NoKey): {message}")
    );
}

#[test]
fn a_policy_of_local_endpoints_on_a_node_without_a_speaker_names_both() {
    let first_line = headline(|it| {
        it.announced(
            "False",
            "NoEligibleNode",
            "192.0.2.200 not announced: no node may announce it",
        );
        let conditions = it.objects.services[0].status.as_ref().unwrap().conditions.clone();
        it.of_service(
            json!({"spec": {"externalTrafficPolicy": "Local"}, "status": {"conditions": conditions}}),
        );
        it.live().pods = Some(vec![object(pod("n2", "True"))]);
    });
    assert_eq!(
        first_line,
        "shop/web is not announced (NoEligibleNode): no node may announce it: n1: not alive: its speaker is not heard; \
         n2: no local endpoint of shop/web can serve (externalTrafficPolicy: Local)"
    );
}

#[test]
fn an_interface_that_no_node_has_is_the_reason_of_each() {
    let first_line = headline(|it| {
        let spec = json!({"spec": {"interfaces": ["eth7"]}});
        it.objects.adverts = vec![metallb("L2Advertisement", "lan", spec)];
        it.announced(
            "False",
            "NoEligibleNode",
            "192.0.2.200 not announced: no node may announce it",
        );
    });
    assert_eq!(
        first_line,
        "shop/web is not announced (NoEligibleNode): no node may announce it: n1, n2: has no interface that an \
         L2Advertisement allows"
    );
}

#[test]
fn a_station_that_has_the_address_is_named_and_nothing_is_said_of_another_address() {
    let taken = "192.0.2.200 not announced: another station (MAC address 52:54:00:00:00:09, QEMU/KVM), which is no node, \
                 answers when node n1 asks for the address on eth0 before its first use";
    let said = [
        condition("Assigned", "True", "Assigned", ""),
        condition("Announced", "False", "WireTaken", taken),
    ];
    let asked_for = json!({"metadata": {"annotations": {"metallb.io/loadBalancerIPs": "192.0.2.200"}},
        "status": {"conditions": said}});
    let first_line = headline(|it| it.of_service(asked_for));
    assert_eq!(
        first_line,
        format!("shop/web is not announced (WireTaken): {taken}")
    );
    let mut both = healthy();
    let message = format!("{taken}; 2001:db8::200 announced from node n1");
    both.of_service(
        json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.200"}, {"ip": "2001:db8::200"}]},
        "conditions": [condition("Announced", "False", "WireTaken", &message)]}}),
    );
    let causes = both.about("svc/web").causes;
    let taken = causes.iter().filter(|cause| cause.reason == "WireTaken");
    let addresses: Vec<String> = taken
        .flat_map(|cause| &cause.addresses)
        .map(ToString::to_string)
        .collect();
    assert_eq!(addresses, ["192.0.2.200"]);
}

#[test]
fn where_no_session_is_up_the_advice_is_by_what_the_router_says() {
    let message = "192.0.2.200 not announced by BGP: no BGP session with tor is up";
    let mut it = healthy();
    it.objects.adverts.clear();
    it.announced("False", "NoSession", message);
    let why = "peer says: OPEN message error: bad peer AS (2/2)";
    it.objects.sessions = vec![session("n1", "Idle", why), session("n2", "Active", why)];
    it.objects.bgp.peers = vec![peer(json!([]))];
    let explanation = it.about("svc/web");
    assert_eq!(
        explanation.headline,
        format!("shop/web is not announced (NoSession): {message}")
    );
    assert_eq!(
        explanation.causes[0].advice,
        [format!(
            "BGPPeer tor: no session of n1, n2 with 192.0.2.1 is up: {why}. The router expects another AS number of these \
             nodes than AS 64512: correct spec.myASN of the BGPPeer, or the router's neighbour."
        )]
    );
}
