//! Who gets which address, and why not.

use super::*;

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
#[case::dual_stack(svc("a").dual("RequireDualStack"), "192.0.2.0, 2001:db8::1")]
#[case::ipv6_only(svc("a").spec("clusterIPs", json!(["fd00:10:96::9"])), "2001:db8::1")]
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
#[case::from_one_pool_that_has_both("PreferDualStack", &["four", "six", "both"], "10.0.0.0, 2001:db8:1::1")]
#[case::from_two_pools("RequireDualStack", &["four", "six"], "192.0.2.0, 2001:db8::1")]
#[case::preferred_but_one_family("PreferDualStack", &["four"], "192.0.2.0")]
#[case::preferred_but_the_second_family("PreferDualStack", &["six"], "2001:db8::1")]
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
fn each_address_names_its_pool() {
    let pools = vec![plain("four", &["192.0.2.0/24"]), plain("six", &["2001:db8::/64"])];
    let world = world(pools, &[svc("a").dual("PreferDualStack")]);
    let Outcome::Assigned(assignment) = &decide(&world).outcomes[&key("a")] else {
        panic!("has addresses")
    };
    assert_eq!(assignment.pools, ["four".into(), "six".into()]);
}
