use std::net::IpAddr;

use ferrolb_crds::domain::{Pools, ServiceView};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

mod laws;

/// A pool as its manifest says; `spec` is merged over nothing else.
fn pool(name: &str, spec: Value) -> Pool {
    let object = json!({ "metadata": { "name": name, "namespace": "metallb-system" }, "spec": spec });
    let mut object = object;
    object["apiVersion"] = json!("metallb.io/v1beta1");
    object["kind"] = json!("IPAddressPool");
    Pool::parse(&serde_json::from_value(object).unwrap()).unwrap()
}

/// A plain pool of these addresses.
fn plain(name: &str, addresses: &[&str]) -> Pool {
    pool(name, json!({ "addresses": addresses }))
}

/// What a test says of a Service; the rest is what the API server would fill in for one IPv4 Service.
#[derive(Clone, Debug)]
struct Svc(Value);

fn svc(name: &str) -> Svc {
    Svc(json!({
        "metadata": { "name": name, "namespace": "shop", "annotations": {}, "labels": {},
                      "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "type": "LoadBalancer", "clusterIPs": ["10.96.0.9"], "ipFamilies": ["IPv4"],
                  "ipFamilyPolicy": "SingleStack", "ports": [{ "port": 80 }] },
    }))
}

impl Svc {
    fn annotated(mut self, name: &str, value: &str) -> Self {
        self.0["metadata"]["annotations"][format!("metallb.io/{name}")] = json!(value);
        self
    }
    fn labelled(mut self, name: &str, value: &str) -> Self {
        self.0["metadata"]["labels"][name] = json!(value);
        self
    }
    fn created(mut self, time: &str) -> Self {
        self.0["metadata"]["creationTimestamp"] = json!(time);
        self
    }
    fn spec(mut self, field: &str, value: Value) -> Self {
        self.0["spec"][field] = value;
        self
    }
    fn port(self, port: u16) -> Self {
        self.spec("ports", json!([{ "port": port }]))
    }
    fn dual(self, policy: &str) -> Self {
        self.spec("clusterIPs", json!(["10.96.0.9", "fd00:10:96::9"]))
            .spec("ipFamilies", json!(["IPv4", "IPv6"]))
            .spec("ipFamilyPolicy", json!(policy))
    }
    /// The status holds these addresses, written by us from this pool.
    fn holding(self, addresses: &[&str], pool: &str) -> Self {
        self.status(addresses).annotated("ip-allocated-from-pool", pool)
    }
    fn status(mut self, addresses: &[&str]) -> Self {
        let ingress: Vec<Value> = addresses.iter().map(|address| json!({ "ip": address })).collect();
        self.0["status"]["loadBalancer"] = json!({ "ingress": ingress });
        self
    }
    fn assigned_since(mut self, time: &str) -> Self {
        self.0["status"]["conditions"] = json!([{ "type": "ferrolb.io/Assigned", "status": "True",
            "lastTransitionTime": time, "reason": "Assigned", "message": "" }]);
        self
    }
    fn view(&self) -> ServiceView {
        ServiceView::read(&serde_json::from_value(self.0.clone()).unwrap())
    }
}

fn world(pools: Vec<Pool>, services: &[Svc]) -> World {
    let views = services.iter().map(Svc::view);
    World {
        services: views.map(|view| (view.key.clone(), view.into())).collect(),
        pools: Pools::new(pools).0,
        ..World::default()
    }
}

fn key(name: &str) -> ServiceKey {
    ServiceKey::new("shop", name)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The addresses of a Service in words, or the reason why it has none.
fn outcome(world: &World, name: &str) -> String {
    match &decide(world).outcomes[&key(name)] {
        Outcome::Assigned(assignment) => assignment.addresses.to_string(),
        Outcome::Refused(refusal) => refusal.reason().to_owned(),
        Outcome::NotOurs => "NotOurs".to_owned(),
    }
}

fn notes(world: &World, name: &str) -> Vec<&'static str> {
    match &decide(world).outcomes[&key(name)] {
        Outcome::Assigned(assignment) => assignment.notes.iter().map(Note::reason).collect(),
        other => panic!("{other:?} has no notes"),
    }
}

fn message(world: &World, name: &str) -> String {
    match &decide(world).outcomes[&key(name)] {
        Outcome::Refused(refusal) => refusal.to_string(),
        other => panic!("{other:?} is no refusal"),
    }
}

#[test]
fn a_service_gets_the_lowest_free_address() {
    let world = world(
        vec![plain("p", &["192.0.2.0/30"])],
        &[svc("a").holding(&["192.0.2.0"], "p"), svc("b"), svc("c")],
    );
    assert_eq!(outcome(&world, "b"), "192.0.2.1");
    assert_eq!(outcome(&world, "c"), "192.0.2.2");
}

#[test]
fn a_waiting_service_never_takes_the_address_of_one_that_has_it() {
    let old = svc("old-but-waiting").created("2020-01-01T00:00:00Z");
    let world = world(
        vec![plain("p", &["192.0.2.1/32"])],
        &[old, svc("holder").holding(&["192.0.2.1"], "p")],
    );
    assert_eq!(outcome(&world, "holder"), "192.0.2.1");
    assert_eq!(outcome(&world, "old-but-waiting"), "NoAddress");
}

#[test]
fn who_waits_longest_is_served_first() {
    let young = svc("a").created("2026-02-01T00:00:00Z");
    let old = svc("z").created("2026-01-01T00:00:00Z");
    let world = world(vec![plain("p", &["192.0.2.1/32"])], &[young, old]);
    assert_eq!(
        (outcome(&world, "z"), outcome(&world, "a")),
        ("192.0.2.1".into(), "NoAddress".into())
    );
}

#[rstest]
#[case::not_a_load_balancer(svc("a").spec("type", json!("ClusterIP")), "NotOurs")]
#[case::another_class(svc("a").spec("loadBalancerClass", json!("x")), "NotOurs")]
#[case::no_cluster_address(svc("a").spec("clusterIPs", json!([])), "InvalidFamilies")]
#[case::requires_both_but_has_one(svc("a").spec("ipFamilyPolicy", json!("RequireDualStack")), "InvalidFamilies")]
#[case::unreadable_request(svc("a").annotated("loadBalancerIPs", "nonsense"), "InvalidRequest")]
#[case::address_asked_for_in_the_annotation(svc("a").annotated("loadBalancerIPs", "192.0.2.9"), "192.0.2.9")]
#[case::address_asked_for_in_the_field(svc("a").spec("loadBalancerIP", json!("192.0.2.9")), "192.0.2.9")]
#[case::address_in_no_pool(svc("a").annotated("loadBalancerIPs", "203.0.113.9"), "NotInAnyPool")]
#[case::address_of_the_wrong_family(svc("a").annotated("loadBalancerIPs", "2001:db8::9"), "FamilyMismatch")]
#[case::one_address_for_a_dual_stack_service(svc("a").dual("PreferDualStack").annotated("loadBalancerIPs", "192.0.2.9"), "FamilyMismatch")]
#[case::both_addresses(svc("a").dual("RequireDualStack").annotated("loadBalancerIPs", "2001:db8::9,192.0.2.9"), "192.0.2.9, 2001:db8::9")]
#[case::pool_asked_for(svc("a").annotated("address-pool", "manual"), "198.51.100.0")]
#[case::pool_that_is_not_there(svc("a").annotated("address-pool", "nope"), "UnknownPool")]
#[case::address_and_pool_that_fit(svc("a").annotated("address-pool", "manual").annotated("loadBalancerIPs", "198.51.100.7"), "198.51.100.7")]
#[case::address_and_pool_that_do_not(svc("a").annotated("address-pool", "manual").annotated("loadBalancerIPs", "192.0.2.7"), "NotInPool")]
#[case::address_asked_for_of_a_manual_pool(svc("a").annotated("loadBalancerIPs", "198.51.100.7"), "198.51.100.7")]
#[case::dual_stack(svc("a").dual("RequireDualStack"), "192.0.2.0, 2001:db8::")]
#[case::ipv6_only(svc("a").spec("clusterIPs", json!(["fd00:10:96::9"])), "2001:db8::")]
fn assigns_by_what_is_asked(#[case] service: Svc, #[case] expected: &str) {
    let pools = vec![
        plain("auto", &["192.0.2.0/24", "2001:db8::/64"]),
        pool(
            "manual",
            json!({ "addresses": ["198.51.100.0/24"], "autoAssign": false }),
        ),
    ];
    assert_eq!(outcome(&world(pools, &[service]), "a"), expected);
}

#[rstest]
#[case::class_given(Some("x"), svc("a").spec("loadBalancerClass", json!("x")), "192.0.2.0")]
#[case::class_given_but_not_on_the_service(Some("x"), svc("a"), "NotOurs")]
fn handles_only_its_own_class(#[case] class: Option<&str>, #[case] service: Svc, #[case] expected: &str) {
    let mut world = world(vec![plain("p", &["192.0.2.0/24"])], &[service]);
    world.class = class.map(str::to_owned);
    assert_eq!(outcome(&world, "a"), expected);
}

#[test]
fn without_pools_the_reason_says_so() {
    assert_eq!(
        message(&world(vec![], &[svc("a")]), "a"),
        "there is no IPAddressPool"
    );
}

#[test]
fn a_second_request_for_an_address_is_refused_and_says_who_has_it() {
    let first = svc("a")
        .annotated("loadBalancerIPs", "192.0.2.9")
        .created("2026-01-01T00:00:00Z");
    let second = svc("b")
        .annotated("loadBalancerIPs", "192.0.2.9")
        .created("2026-01-02T00:00:00Z");
    let world = world(vec![plain("p", &["192.0.2.0/24"])], &[first, second]);
    assert_eq!(outcome(&world, "a"), "192.0.2.9");
    assert_eq!(
        message(&world, "b"),
        "192.0.2.9 is in use by shop/a: it is not shared (annotation metallb.io/allow-shared-ip)"
    );
}

#[test]
fn every_pool_that_was_tried_is_named_with_its_reason() {
    let pools = vec![
        plain("full", &["192.0.2.1/32"]),
        plain("six", &["2001:db8::/64"]),
        pool(
            "manual",
            json!({ "addresses": ["198.51.100.0/24"], "autoAssign": false }),
        ),
        pool(
            "other",
            json!({ "addresses": ["203.0.113.0/24"], "serviceAllocation": { "namespaces": ["red"] } }),
        ),
    ];
    let world = world(pools, &[svc("a").holding(&["192.0.2.1"], "full"), svc("b")]);
    assert_eq!(
        message(&world, "b"),
        "pool full has no free IPv4 address; pool six has no IPv4 addresses; pool other does not admit the \
         Service (spec.serviceAllocation); pool manual is not assigned automatically (autoAssign: false)"
    );
}

#[rstest]
#[case::priority_orders_pinned_pools("web", "198.51.100.0")]
#[case::a_pinned_pool_without_priority_comes_before_plain_ones("db", "203.0.113.0")]
#[case::plain_pools_last("other", "192.0.2.0")]
fn pools_made_for_a_service_come_first(#[case] app: &str, #[case] expected: &str) {
    let for_app = |apps: &[&str], priority: i64, addresses: &str| {
        let selector = json!([{ "matchExpressions": [{ "key": "app", "operator": "In", "values": apps }] }]);
        json!({ "addresses": [addresses], "serviceAllocation": { "priority": priority, "serviceSelectors": selector } })
    };
    let pools = vec![
        plain("a-plain", &["192.0.2.0/24"]),
        pool("unprioritised", for_app(&["web", "db"], 0, "203.0.113.0/24")),
        pool("second", for_app(&["web"], 20, "10.0.0.0/24")),
        pool("first", for_app(&["web"], 10, "198.51.100.0/24")),
    ];
    assert_eq!(
        outcome(&world(pools, &[svc("a").labelled("app", app)]), "a"),
        expected
    );
}

#[rstest]
#[case::from_one_pool_that_has_both("PreferDualStack", &["four", "six", "both"], "10.0.0.0, 2001:db8:1::")]
#[case::from_two_pools("RequireDualStack", &["four", "six"], "192.0.2.0, 2001:db8::")]
#[case::preferred_but_one_family("PreferDualStack", &["four"], "192.0.2.0")]
#[case::preferred_but_the_second_family("PreferDualStack", &["six"], "2001:db8::")]
#[case::required_but_one_family("RequireDualStack", &["four"], "NoAddress")]
fn dual_stack(#[case] policy: &str, #[case] pools: &[&str], #[case] expected: &str) {
    let all = vec![
        plain("four", &["192.0.2.0/24"]),
        plain("six", &["2001:db8::/64"]),
        plain("both", &["10.0.0.0/24", "2001:db8:1::/64"]),
    ];
    let chosen = all
        .into_iter()
        .filter(|pool| pools.contains(&pool.name.as_str()))
        .collect();
    assert_eq!(outcome(&world(chosen, &[svc("a").dual(policy)]), "a"), expected);
}

#[test]
fn a_family_that_appears_later_is_added_and_the_first_address_stays() {
    let holder = svc("a").dual("PreferDualStack").holding(&["192.0.2.7"], "p");
    let before = world(vec![plain("p", &["192.0.2.0/24"])], std::slice::from_ref(&holder));
    assert_eq!(
        (outcome(&before, "a"), notes(&before, "a")),
        ("192.0.2.7".into(), vec!["Lacks"])
    );
    let pools = vec![
        plain("another", &["2001:db8:9::/64"]),
        plain("p", &["192.0.2.0/24", "2001:db8::/64"]),
    ];
    let after = world(pools, &[holder]);
    assert_eq!(outcome(&after, "a"), "192.0.2.7, 2001:db8::");
}

#[test]
fn a_service_that_wants_one_family_less_keeps_the_other_address() {
    let holder = svc("a").holding(&["192.0.2.7", "2001:db8::7"], "p");
    let world = world(vec![plain("p", &["192.0.2.0/24", "2001:db8::/64"])], &[holder]);
    assert_eq!(outcome(&world, "a"), "192.0.2.7");
}

#[test]
fn requiring_both_gives_up_the_one_address_for_whoever_waits() {
    let greedy = svc("a").dual("RequireDualStack").holding(&["192.0.2.1"], "p");
    let world = world(vec![plain("p", &["192.0.2.1/32"])], &[greedy, svc("b")]);
    assert_eq!(
        (outcome(&world, "a"), outcome(&world, "b")),
        ("NoAddress".into(), "192.0.2.1".into())
    );
}

#[rstest]
#[case::shrunk(plain("p", &["192.0.2.0/30"]), "OutsidePools")]
#[case::renamed(plain("q", &["192.0.2.0/30"]), "OutsidePools")]
#[case::scoped_away(pool("p", json!({ "addresses": ["192.0.2.0/24"], "serviceAllocation": { "namespaces": ["red"] } })), "NoLongerAdmitted")]
#[case::avoiding_buggy_addresses(pool("p", json!({ "addresses": ["192.0.2.0/24"], "avoidBuggyIPs": true })), "NowAvoided")]
fn a_pool_edit_takes_no_address_away(#[case] edited: Pool, #[case] note: &str) {
    let world = world(vec![edited], &[svc("a").holding(&["192.0.2.255"], "p")]);
    assert_eq!(
        (outcome(&world, "a"), notes(&world, "a")),
        ("192.0.2.255".into(), vec![note])
    );
}

#[test]
fn deleting_all_pools_takes_no_address_away() {
    let world = world(vec![], &[svc("a").holding(&["192.0.2.9"], "p")]);
    assert_eq!(outcome(&world, "a"), "192.0.2.9");
}

#[test]
fn switching_auto_assign_off_takes_no_address_away() {
    let manual = pool("p", json!({ "addresses": ["192.0.2.0/24"], "autoAssign": false }));
    assert_eq!(
        outcome(
            &world(vec![manual], &[svc("a").holding(&["192.0.2.9"], "p")]),
            "a"
        ),
        "192.0.2.9"
    );
}

#[rstest]
#[case::in_a_pool_it_is_adopted("192.0.2.9", "192.0.2.9")]
#[case::outside_every_pool_it_is_replaced("203.0.113.9", "192.0.2.0")]
#[case::not_an_address_of_a_pool_for_this_service("198.51.100.9", "192.0.2.0")]
fn an_address_that_was_never_ours(#[case] address: &str, #[case] expected: &str) {
    let red = json!({ "addresses": ["198.51.100.0/24"], "serviceAllocation": { "namespaces": ["red"] } });
    let pools = vec![plain("p", &["192.0.2.0/24"]), pool("red", red)];
    assert_eq!(
        outcome(&world(pools, &[svc("a").status(&[address])]), "a"),
        expected
    );
}

#[rstest]
#[case::another_address(svc("a").annotated("loadBalancerIPs", "192.0.2.50"), "192.0.2.50")]
#[case::another_address_that_is_taken(svc("a").annotated("loadBalancerIPs", "192.0.2.1"), "InUse")]
#[case::another_pool(svc("a").annotated("address-pool", "q"), "198.51.100.0")]
#[case::the_same_address(svc("a").annotated("loadBalancerIPs", "192.0.2.7"), "192.0.2.7")]
#[case::nonsense_keeps_what_is_there(svc("a").annotated("loadBalancerIPs", "nonsense"), "192.0.2.7")]
fn the_owner_may_ask_for_something_else(#[case] service: Svc, #[case] expected: &str) {
    let pools = vec![plain("p", &["192.0.2.0/24"]), plain("q", &["198.51.100.0/24"])];
    let world = world(
        pools,
        &[
            service.holding(&["192.0.2.7"], "p"),
            svc("b").holding(&["192.0.2.1"], "p"),
        ],
    );
    assert_eq!(outcome(&world, "a"), expected);
}

fn sharing(name: &str, port: u16) -> Svc {
    svc(name).annotated("allow-shared-ip", "k").port(port)
}

fn local(service: Svc, app: &str) -> Svc {
    service
        .spec("externalTrafficPolicy", json!("Local"))
        .spec("selector", json!({ "app": app }))
}

#[rstest]
#[case::other_ports(sharing("b", 443), "192.0.2.0")]
#[case::same_port(sharing("b", 80), "192.0.2.1")]
#[case::same_port_other_protocol(sharing("b", 80).spec("ports", json!([{ "port": 80, "protocol": "UDP" }])), "192.0.2.0")]
#[case::another_key(svc("b").annotated("allow-shared-ip", "other").port(443), "192.0.2.1")]
#[case::no_key(svc("b").port(443), "192.0.2.1")]
#[case::an_empty_key(svc("b").annotated("allow-shared-ip", "").port(443), "192.0.2.1")]
#[case::cluster_with_local(local(sharing("b", 443), "web"), "192.0.2.1")]
#[case::cluster_with_local_without_selector(sharing("b", 443).spec("externalTrafficPolicy", json!("Local")), "192.0.2.0")]
fn an_address_is_shared_with(#[case] service: Svc, #[case] expected: &str) {
    let world = world(
        vec![plain("p", &["192.0.2.0/30"])],
        &[sharing("a", 80).holding(&["192.0.2.0"], "p"), service],
    );
    assert_eq!(outcome(&world, "b"), expected);
}

#[rstest]
#[case::the_same_pods("web", "192.0.2.0")]
#[case::other_pods("db", "192.0.2.1")]
fn local_services_share_for(#[case] app: &str, #[case] expected: &str) {
    let holder = local(sharing("a", 80), "web").holding(&["192.0.2.0"], "p");
    let world = world(
        vec![plain("p", &["192.0.2.0/30"])],
        &[holder, local(sharing("b", 443), app)],
    );
    assert_eq!(outcome(&world, "b"), expected);
}

#[test]
fn when_two_hold_one_address_the_older_claim_stays() {
    let young = svc("a")
        .holding(&["192.0.2.1"], "p")
        .assigned_since("2026-02-02T00:00:00Z");
    let old = svc("b")
        .holding(&["192.0.2.1"], "p")
        .assigned_since("2026-02-01T00:00:00Z");
    let world = world(vec![plain("p", &["192.0.2.0/24"])], &[young, old]);
    assert_eq!(
        (outcome(&world, "b"), outcome(&world, "a")),
        ("192.0.2.1".into(), "192.0.2.0".into())
    );
    assert_eq!(notes(&world, "a"), ["Lost"]);
}

#[test]
fn who_changes_the_terms_of_sharing_leaves_even_if_his_claim_is_older() {
    let old = sharing("a", 443)
        .holding(&["192.0.2.1"], "p")
        .assigned_since("2026-01-01T00:00:00Z");
    let young = sharing("b", 443)
        .holding(&["192.0.2.1"], "p")
        .assigned_since("2026-02-01T00:00:00Z");
    let mut world = world(vec![plain("p", &["192.0.2.0/24"])], &[old, young]);
    world.changed.insert(key("a"));
    assert_eq!(
        (outcome(&world, "a"), outcome(&world, "b")),
        ("192.0.2.0".into(), "192.0.2.1".into())
    );
}

#[test]
fn a_deleted_service_gets_its_address_back_when_it_is_made_again() {
    let mut world = world(vec![plain("p", &["192.0.2.0/24"])], &[svc("a"), svc("b")]);
    world.cooling.insert(ip("192.0.2.77"), key("b"));
    assert_eq!(
        (outcome(&world, "a"), outcome(&world, "b")),
        ("192.0.2.0".into(), "192.0.2.77".into())
    );
}

#[test]
fn an_address_given_back_a_moment_ago_is_the_last_choice_of_others_but_a_choice() {
    let mut world = world(vec![plain("p", &["192.0.2.0/31"])], &[svc("a"), svc("b")]);
    world.cooling.insert(ip("192.0.2.0"), key("gone"));
    assert_eq!(
        (outcome(&world, "a"), outcome(&world, "b")),
        ("192.0.2.1".into(), "192.0.2.0".into())
    );
}

#[rstest]
#[case::never_by_itself(svc("a"), "192.0.2.12")]
#[case::but_on_request(svc("a").annotated("loadBalancerIPs", "192.0.2.11"), "192.0.2.11")]
fn addresses_of_nodes_are_given_out(#[case] service: Svc, #[case] expected: &str) {
    let mut world = world(vec![plain("p", &["192.0.2.11-192.0.2.20"])], &[service]);
    world.reserved.insert(ip("192.0.2.11"));
    assert_eq!(outcome(&world, "a"), expected);
}

#[rstest]
#[case::never_by_itself(svc("a"), "192.0.2.1")]
#[case::but_on_request(svc("a").annotated("loadBalancerIPs", "192.0.2.0"), "192.0.2.0")]
fn buggy_addresses_are_given_out(#[case] service: Svc, #[case] expected: &str) {
    let avoiding = pool(
        "p",
        json!({ "addresses": ["192.0.2.0/24"], "avoidBuggyIPs": true }),
    );
    assert_eq!(outcome(&world(vec![avoiding], &[service]), "a"), expected);
}

#[test]
fn usage_counts_an_address_once_however_many_share_it() {
    let shared = [
        sharing("a", 80).holding(&["192.0.2.1"], "p"),
        sharing("b", 443).holding(&["192.0.2.1"], "p"),
    ];
    let world = world(vec![plain("p", &["192.0.2.0/30", "2001:db8::/64"])], &shared);
    let usage = decide(&world).usage[&PoolName::from("p")];
    assert_eq!(
        (usage.total_ipv4, usage.used_ipv4, usage.available_ipv4()),
        (4, 1, 3)
    );
    assert_eq!(
        (usage.total_ipv6, usage.used_ipv6, usage.available_ipv6()),
        (i64::MAX, 0, i64::MAX)
    );
}

#[test]
fn each_address_names_its_pool() {
    let pools = vec![plain("four", &["192.0.2.0/24"]), plain("six", &["2001:db8::/64"])];
    let world = world(pools, &[svc("a").dual("PreferDualStack")]);
    let Outcome::Assigned(assignment) = &decide(&world).outcomes[&key("a")] else {
        panic!("has addresses")
    };
    assert_eq!(assignment.pools, ["four".into(), "six".into()]);
}
