//! Each cause in a cluster that is healthy but for it.

use ferrolb_crds::api::ServiceL2Status;
use ferrolb_speaker::may::Options;
use rstest::rstest;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::live::Live;
use super::*;
use crate::objects::Objects;

const NOW: &str = "2026-01-01T01:00:00Z";

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn metallb<K: DeserializeOwned>(kind: &str, name: &str, more: Value) -> K {
    let mut object = json!({"apiVersion": "metallb.io/v1beta1", "kind": kind,
        "metadata": {"name": name, "namespace": "metallb-system"}, "spec": {}});
    merge(&mut object, more);
    self::object(object)
}

/// As a merge patch does it.
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(fields), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(fields.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch,
    }
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": format!("ferrolb.io/{type_}"), "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

fn service(name: &str, address: &str, more: Value) -> Value {
    let assigned = condition(
        "Assigned",
        "True",
        "Assigned",
        &format!("{address} from pool lan"),
    );
    let said = format!("{address} announced from node n1 on eth0");
    let announced = condition("Announced", "True", "Announced", &said);
    let mut service = json!({
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"metallb.io/ip-allocated-from-pool": "lan"}},
        "spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"], "selector": {"app": name},
            "ports": [{"port": 80, "protocol": "TCP"}]},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}, "conditions": [assigned, announced]}});
    merge(&mut service, more);
    service
}

fn slice(service: &str, node: &str) -> Value {
    json!({"metadata": {"name": format!("{service}-{node}"), "namespace": "shop",
            "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["10.244.0.1"], "nodeName": node}]})
}

fn node(name: &str, address: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {}}, "status": {
        "addresses": [{"type": "InternalIP", "address": address}],
        "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn state(node: &str) -> Value {
    json!({"metadata": {"labels": {"metallb.io/node-name": node}, "annotations": {
        "ferrolb.io/links": r#"{"eth0":{"subnets":["192.0.2.0/24"],"mac":"02:00:c0:00:02:0b"}}"#}}})
}

fn pod(node: &str, ready: &str) -> Value {
    json!({"metadata": {"name": format!("speaker-{node}")}, "spec": {"nodeName": node}, "status": {
        "conditions": [{"type": "Ready", "status": ready}]}})
}

fn held_by(node: &str) -> ServiceL2Status {
    metallb(
        "ServiceL2Status",
        &format!("l2-{node}"),
        json!({"metadata": {"creationTimestamp": "2026-01-01T00:30:00Z"},
            "status": {"node": node, "serviceName": "web", "serviceNamespace": "shop"}}),
    )
}

/// Service shop/web with 192.0.2.200, announced from n1; n2 could too.
fn healthy() -> Evidence {
    let pool = json!({"spec": {"addresses": ["192.0.2.200-192.0.2.201"]}});
    let live = Live {
        pods: Some(vec![object(pod("n1", "True")), object(pod("n2", "True"))]),
        lease: Some(json!({"spec": {"holderIdentity": "c_1", "renewTime": NOW, "leaseDurationSeconds": 15}})),
        events: vec![
            json!({"type": "Normal", "reason": "nodeAssigned", "reportingComponent": "metallb-speaker",
            "message": "announcing from node \"n1\" with protocol \"layer2\"", "lastTimestamp": "2026-01-01T00:30:00Z"}),
        ],
        ..Live::default()
    };
    Evidence {
        objects: Objects {
            pools: vec![metallb("IPAddressPool", "lan", pool)],
            adverts: vec![metallb("L2Advertisement", "lan", json!({}))],
            services: vec![object(service("web", "192.0.2.200", json!({})))],
            slices: vec![object(slice("web", "n1"))],
            nodes: vec![object(node("n1", "192.0.2.11")), object(node("n2", "192.0.2.12"))],
            states: ["n1", "n2"]
                .map(|node| metallb("ConfigurationState", &format!("speaker-{node}"), state(node)))
                .into(),
            statuses: vec![held_by("n1")],
            ..Objects::default()
        },
        problems: Vec::new(),
        live: Some(live),
        options: Options::default(),
        now: NOW.parse().unwrap(),
    }
}

impl Evidence {
    /// Makes something else of the Service.
    fn of_service(&mut self, more: Value) {
        self.objects.services[0] = object(service("web", "192.0.2.200", more));
    }

    /// Takes address and conditions from the Service, and gives it these.
    fn without_address(&mut self, conditions: Value) {
        self.of_service(json!({"metadata": {"annotations": null},
            "status": {"loadBalancer": null, "conditions": conditions}}));
        self.objects.statuses.clear();
    }

    fn announced(&mut self, status: &str, reason: &str, message: &str) {
        let assigned = condition("Assigned", "True", "Assigned", "192.0.2.200 from pool lan");
        let announced = condition("Announced", status, reason, message);
        self.of_service(json!({"status": {"conditions": [assigned, announced]}}));
    }

    fn live(&mut self) -> &mut Live {
        self.live.as_mut().unwrap()
    }

    fn about(&self, subject: &str) -> Explanation {
        let subject: Subject = subject.parse().unwrap();
        self.explain(&subject.within("shop"))
    }
}

/// Breaks something in the healthy cluster; the first line.
fn headline(breaking: impl FnOnce(&mut Evidence)) -> String {
    let mut evidence = healthy();
    breaking(&mut evidence);
    let explanation = evidence.about("svc/web");
    assert!(!explanation.healthy, "{}", explanation.headline);
    assert!(
        !explanation.causes[0].advice.is_empty(),
        "{}",
        explanation.headline
    );
    explanation.headline
}

#[test]
fn a_healthy_service_is_said_to_be_so() {
    let explanation = healthy().about("svc/web");
    assert!(explanation.healthy, "{}", explanation.headline);
    assert_eq!(
        explanation.headline,
        "shop/web is announced: 192.0.2.200 from node n1 on eth0 (02:00:c0:00:02:0b)"
    );
    assert_eq!(healthy().about("192.0.2.200").headline, explanation.headline);
}

#[test]
fn a_service_that_is_not_there_is_named() {
    let explanation = healthy().about("svc/other/web");
    assert_eq!(
        explanation.headline,
        "other/web is not served (NotFound): there is no Service other/web"
    );
}

#[test]
fn a_service_that_cannot_be_read_names_the_field() {
    let first_line = headline(|it| {
        it.objects.services.clear();
        let id = ObjectId::new("Service", "shop", "web");
        it.problems
            .push(Problem::new(id, "spec.ports[0].port: must be a number"));
    });
    assert_eq!(
        first_line,
        "shop/web is not served (Unreadable): the Service cannot be read: spec.ports[0].port: must be a number"
    );
}

#[rstest]
#[case::another_class(
    json!({"spec": {"loadBalancerClass": "example.com/other"}}),
    "shop/web is not served (NotOurs): spec.loadBalancerClass is \"example.com/other\"; Services without one are ours (--lb-class)"
)]
#[case::another_type(
    json!({"spec": {"type": "ClusterIP"}}),
    "shop/web is not served (NotOurs): not of type LoadBalancer"
)]
fn a_service_that_is_not_ours_is_not_served(#[case] more: Value, #[case] expected: &str) {
    assert_eq!(headline(|it| it.of_service(more)), expected);
}

#[test]
fn without_a_pool_there_is_no_address() {
    let first_line = headline(|it| {
        it.without_address(json!([condition(
            "Assigned",
            "False",
            "NoPools",
            "there is no IPAddressPool"
        )]));
        it.objects.pools.clear();
    });
    assert_eq!(
        first_line,
        "shop/web has no address (NoPools): there is no IPAddressPool"
    );
}

/// Two other Services have both addresses of the pool.
fn fill(it: &mut Evidence) {
    let others = [("mail", "192.0.2.200"), ("chat", "192.0.2.201")];
    it.objects
        .services
        .extend(others.map(|(name, address)| object(service(name, address, json!({})))));
}

#[test]
fn an_exhausted_pool_is_named() {
    let first_line = headline(|it| {
        it.without_address(json!([]));
        fill(it);
    });
    assert_eq!(
        first_line,
        "shop/web has no address (NoAddress): pool lan has no free IPv4 address"
    );
}

#[rstest]
#[case::taken(
    "loadBalancerIPs",
    "192.0.2.200",
    "shop/web has no address (InUse): 192.0.2.200 is in use by shop/mail: it has no annotation metallb.io/allow-shared-ip"
)]
#[case::of_a_node(
    "loadBalancerIPs",
    "192.0.2.11",
    "shop/web has no address (NotInAnyPool): 192.0.2.11 is in no pool"
)]
#[case::unknown_pool(
    "address-pool",
    "dmz",
    "shop/web has no address (UnknownPool): pool dmz does not exist or is invalid"
)]
#[case::unreadable(
    "loadBalancerIPs",
    "soon",
    "shop/web has no address (InvalidRequest): metallb.io/loadBalancerIPs: \"soon\""
)]
fn what_a_service_asks_for_and_cannot_have_is_named(
    #[case] annotation: &str,
    #[case] value: &str,
    #[case] expected: &str,
) {
    let first_line = headline(|it| {
        it.without_address(json!([]));
        fill(it);
        let annotations = it.objects.services[0]
            .metadata
            .annotations
            .get_or_insert_default();
        annotations.insert(format!("metallb.io/{annotation}"), value.to_owned());
    });
    let beginning = expected.split(": it has").next().unwrap();
    assert!(first_line.starts_with(beginning), "{first_line}");
}

#[test]
fn a_pool_that_is_for_others_is_named() {
    let first_line = headline(|it| {
        it.without_address(json!([]));
        let spec =
            json!({"spec": {"addresses": ["192.0.2.200/31"], "serviceAllocation": {"namespaces": ["bank"]}}});
        it.objects.pools = vec![metallb("IPAddressPool", "lan", spec)];
    });
    assert!(
        first_line.starts_with("shop/web has no address (NoAddress): pool lan does not admit the Service"),
        "{first_line}"
    );
}

#[test]
fn a_status_that_another_controller_keeps_writing_is_the_cause() {
    let message = "other-lb keeps writing the status of this Service, which is left alone";
    let first_line = headline(|it| {
        let disputed = condition("Assigned", "False", "StatusDisputed", message);
        it.of_service(json!({"status": {"conditions": [disputed],
            "loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}}));
    });
    assert_eq!(
        first_line,
        format!("shop/web has no address (StatusDisputed): {message}")
    );
}

#[rstest]
#[case::released(json!({"holderIdentity": ""}), "Lease ferrolb-controller has no holder")]
#[case::not_renewed(
    json!({"renewTime": "2026-01-01T00:50:00.000000Z"}),
    "Lease ferrolb-controller was last renewed at 2026-01-01T00:50:00Z, by c_1"
)]
fn a_service_waits_while_no_controller_leads(#[case] lease: Value, #[case] why: &str) {
    let first_line = headline(|it| {
        it.without_address(json!([]));
        merge(it.live().lease.as_mut().unwrap(), json!({"spec": lease}));
    });
    assert_eq!(
        first_line,
        format!("shop/web has no address (NoController): no controller leads: {why}")
    );
}

#[test]
fn a_service_that_no_controller_has_seen_yet_waits() {
    let first_line = headline(|it| it.without_address(json!([])));
    assert_eq!(
        first_line,
        "shop/web has no address (NotWritten): the controller would give it 192.0.2.200, and has not written that into the status yet"
    );
}

#[test]
fn an_address_keeps_a_service_healthy_while_no_controller_leads() {
    let mut evidence = healthy();
    evidence.live().lease = None;
    assert!(evidence.about("svc/web").healthy);
}

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

/// Says of the links of n1.
fn links(it: &mut Evidence, links: &str) {
    let annotations = it.objects.states[0].metadata.annotations.as_mut().unwrap();
    annotations.insert("ferrolb.io/links".to_owned(), links.to_owned());
}

#[test]
fn an_interface_without_carrier_is_doubtful() {
    let first_line = headline(|it| links(it, r#"{"eth0":{"subnets":["192.0.2.0/24"],"carrier":false}}"#));
    assert_eq!(
        first_line,
        "shop/web is announced, but may not be reached (NoCarrier): interface eth0 of node n1, which announces it, has no carrier"
    );
}

#[test]
fn an_address_on_no_subnet_of_a_node_is_doubtful_unless_it_was_asked_for() {
    let elsewhere = |it: &mut Evidence| {
        it.objects.states.truncate(1);
        links(it, r#"{"eth0":{"subnets":["198.51.100.0/24"]}}"#);
    };
    let first_line = headline(elsewhere);
    assert!(
        first_line.starts_with("shop/web is announced, but may not be reached (OffSubnet): "),
        "{first_line}"
    );
    let mut asked_for = healthy();
    elsewhere(&mut asked_for);
    let spec = json!({"spec": {"interfaces": ["eth0"]}});
    asked_for.objects.adverts = vec![metallb("L2Advertisement", "lan", spec)];
    let explanation = asked_for.about("svc/web");
    assert!(explanation.healthy, "{}", explanation.headline);
}

#[test]
fn nodes_that_may_announce_and_do_not_say_that_they_do_are_named() {
    let first_line = headline(|it| {
        it.objects.statuses.clear();
        it.of_service(json!({"status": {"conditions": [condition("Assigned", "True", "Assigned", "")]}}));
    });
    assert_eq!(
        first_line,
        "shop/web is not announced (NotHeld): no node says that it announces it (ServiceL2Status), although n1, n2 may"
    );
}

#[rstest]
#[case::another_node(vec![held_by("n2")], "n2")]
#[case::no_node(vec![], "no node")]
fn a_condition_that_the_objects_contradict_is_doubtful(
    #[case] statuses: Vec<ServiceL2Status>,
    #[case] named: &str,
) {
    let first_line = headline(|it| it.objects.statuses = statuses);
    assert_eq!(
        first_line,
        format!(
            "shop/web is announced, but may not be reached (SaysOtherwise): condition ferrolb.io/Announced says \
             \"192.0.2.200 announced from node n1 on eth0\", but ServiceL2Status names {named}"
        )
    );
}

#[test]
fn several_holders_are_what_the_condition_says() {
    let message = "192.0.2.200 announced from node n1 on eth0; also announced, by its own word, from node n2, which node n1 does not hear";
    let first_line = headline(|it| {
        it.objects.statuses.push(held_by("n2"));
        it.announced("True", "SeveralHolders", message);
    });
    assert_eq!(
        first_line,
        format!("shop/web is announced, but may not be reached (SeveralHolders): {message}")
    );
}

#[test]
fn a_holder_whose_speaker_is_not_ready_is_doubtful() {
    let first_line = headline(|it| {
        it.live().pods = Some(vec![object(pod("n1", "False")), object(pod("n2", "True"))]);
    });
    assert_eq!(
        first_line,
        "shop/web is announced, but may not be reached (SpeakerNotReady): node n1 announces it, and its speaker is not ready"
    );
}

#[test]
fn what_the_speakers_say_stands_where_nothing_else_speaks_against_it() {
    let message = "192.0.2.200 not announced: something that only they know";
    let first_line = headline(|it| it.announced("False", "Unheard", message));
    assert!(first_line.ends_with(message), "{first_line}");
}

#[test]
fn without_the_rights_to_judge_the_conditions_are_the_answer() {
    let mut evidence = healthy();
    evidence.objects.nodes.clear();
    evidence.objects.adverts.clear();
    evidence.live().unseen = [("nodes".to_owned(), "may not list nodes".to_owned())].into();
    let explanation = evidence.about("svc/web");
    assert!(explanation.healthy, "{}", explanation.headline);
    evidence.announced(
        "False",
        "NotAdvertised",
        "192.0.2.200 not announced: no L2Advertisement selects pool lan",
    );
    assert_eq!(
        evidence.about("svc/web").headline,
        "shop/web is not announced (NotAdvertised): 192.0.2.200 not announced: no L2Advertisement selects pool lan"
    );
}

#[rstest]
#[case::of_a_node("192.0.2.12", "192.0.2.12 is not served (Elsewhere): it belongs to node n2")]
#[case::external(
    "198.51.100.9",
    "198.51.100.9 is not served (Elsewhere): it is an external IP of Service shop/chat (spec.externalIPs)"
)]
#[case::of_another_class(
    "198.51.100.8",
    "198.51.100.8 is not served (Elsewhere): it is in the status of Service shop/mail, and not from this controller"
)]
#[case::free(
    "192.0.2.201",
    "192.0.2.201 is not served (Free): no Service has it; pool lan holds it"
)]
#[case::in_no_pool(
    "198.51.100.1",
    "198.51.100.1 is not served (InNoPool): no Service has it, and 198.51.100.1 is in no pool"
)]
fn an_address_that_no_service_of_ours_has_is_somebody_elses(#[case] address: &str, #[case] expected: &str) {
    let mut evidence = healthy();
    let external = json!({"spec": {"type": "ClusterIP", "externalIPs": ["198.51.100.9"]}, "status": null});
    let foreign = json!({"spec": {"loadBalancerClass": "example.com/other"}, "status": {"conditions": null}});
    evidence.objects.services.extend([
        object(service("chat", "192.0.2.201", external)),
        object(service("mail", "198.51.100.8", foreign)),
    ]);
    assert_eq!(evidence.about(address).headline, expected);
}

#[test]
fn of_two_addresses_the_one_that_is_not_announced_is_named() {
    let mut evidence = healthy();
    let pool6 = json!({"spec": {"addresses": ["2001:db8::200/127"]}});
    evidence
        .objects
        .pools
        .push(metallb("IPAddressPool", "lan6", pool6));
    let only = json!({"spec": {"ipAddressPools": ["lan"]}});
    evidence.objects.adverts = vec![metallb("L2Advertisement", "lan", only)];
    evidence.of_service(json!({
        "metadata": {"annotations": {"ferrolb.io/second-allocated-from-pool": "lan6"}},
        "spec": {"clusterIPs": ["10.96.0.7", "2001:db8:9::7"], "ipFamilyPolicy": "RequireDualStack"},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.200"}, {"ip": "2001:db8::200"}]},
            "conditions": [condition("Assigned", "True", "Assigned", ""), condition("Announced", "False", "NotAdvertised", "")]}}));
    let first_line = evidence.about("svc/web").headline;
    assert!(
        first_line.contains(
            "is not announced at 2001:db8::200 (NotAdvertised): no L2Advertisement selects pool lan6"
        ),
        "{first_line}"
    );
}

#[test]
fn the_screen_shows_the_whole_chain() {
    let evidence = healthy();
    let screen = render::render(&evidence.about("svc/web"), evidence.now);
    assert_eq!(
        screen,
        "\
shop/web is announced: 192.0.2.200 from node n1 on eth0 (02:00:c0:00:02:0b)

Service      type LoadBalancer, class none, externalTrafficPolicy Cluster
Endpoints    ready on n1 (1)
Address      192.0.2.200 from pool lan
  Advertised L2Advertisement lan
  Nodes      n1: may announce; speaker ready
             n2: may announce; speaker ready
  Holder     node n1 on eth0 (02:00:c0:00:02:0b), since 2026-01-01T00:30:00Z (30m ago)
Assigned     True Assigned: 192.0.2.200 from pool lan, since 2026-01-01T00:00:00Z (60m ago)
Announced    True Announced: 192.0.2.200 announced from node n1 on eth0, since 2026-01-01T00:00:00Z (60m ago)
Events       30m ago Normal nodeAssigned: announcing from node \"n1\" with protocol \"layer2\"
"
    );
}

#[test]
fn the_screen_says_what_to_do_before_the_chain() {
    let mut evidence = healthy();
    evidence.without_address(json!([]));
    fill(&mut evidence);
    evidence.live().lease = None;
    let screen = render::render(&evidence.about("svc/web"), evidence.now);
    assert_eq!(
        screen,
        "\
shop/web has no address (NoAddress): pool lan has no free IPv4 address

Besides:
  has no address (NoController): no controller leads: there is no Lease ferrolb-controller

What to do:
  Add addresses to a pool that is for the Service; what each pool lacks is said above. ferrolb status shows how full they are.
  Find out why no controller runs: kubectl get pods -n metallb-system -l component=controller, and their logs.

Service      type LoadBalancer, class none, externalTrafficPolicy Cluster
Pools        pool lan has no free IPv4 address
Endpoints    ready on n1 (1)
Events       30m ago Normal nodeAssigned: announcing from node \"n1\" with protocol \"layer2\"
"
    );
}
