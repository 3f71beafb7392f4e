//! What a Service keeps, and what it gets back.

use super::*;
use crate::alloc::GivenBack;

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
    assert_eq!(outcome(&after, "a"), "192.0.2.7, 2001:db8::1");
}

#[test]
fn a_service_that_wants_one_family_less_keeps_the_other_address() {
    let holder = svc("a").holding(&["192.0.2.7", "2001:db8::7"], "p");
    let world = world(vec![plain("p", &["192.0.2.0/24", "2001:db8::/64"])], &[holder]);
    assert_eq!(outcome(&world, "a"), "192.0.2.7");
}

#[test]
fn requiring_both_families_keeps_the_one_address_while_there_is_no_other() {
    let greedy = svc("a").dual("RequireDualStack").holding(&["192.0.2.1"], "p");
    let world = world(vec![plain("p", &["192.0.2.1/32"])], &[greedy, svc("b")]);
    assert_eq!(
        (outcome(&world, "a"), outcome(&world, "b")),
        ("192.0.2.1".into(), "NoAddress".into())
    );
    assert_eq!(notes(&world, "a"), ["Lacks"]);
}

#[rstest]
#[case::shrunk(plain("p", &["192.0.2.0/30"]), "OutsidePools")]
#[case::renamed(plain("q", &["192.0.2.0/30"]), "OutsidePools")]
#[case::scoped_away(pool("p", json!({ "addresses": ["192.0.2.0/24"], "serviceAllocation": { "namespaces": ["red"] } })), "NoLongerAdmitted")]
#[case::avoiding_buggy_addresses(pool("p", json!({ "addresses": ["192.0.2.0/24"], "avoidBuggyIPs": true })), "NowAvoided")]
#[case::with_a_selector_that_cannot_be_read(with_bad_selector(), "NoLongerAdmitted")]
fn a_pool_edit_takes_no_address_away(#[case] edited: Pool, #[case] note: &str) {
    let world = world(vec![edited], &[svc("a").holding(&["192.0.2.255"], "p")]);
    assert_eq!(
        (outcome(&world, "a"), notes(&world, "a")),
        ("192.0.2.255".into(), vec![note])
    );
}

/// Nobody can know which Services it is for.
fn with_bad_selector() -> Pool {
    let selector = json!({ "matchExpressions": [{ "key": "app", "operator": "Near" }] });
    let allocation = json!({ "serviceSelectors": [selector] });
    pool(
        "p",
        json!({ "addresses": ["192.0.2.0/24"], "serviceAllocation": allocation }),
    )
}

#[rstest]
#[case::by_itself(svc("new"), "NoAddress")]
#[case::by_name_of_the_pool(svc("new").annotated("address-pool", "p"), "NoAddress")]
#[case::by_address(svc("new").annotated("loadBalancerIPs", "192.0.2.9"), "NotAdmitted")]
fn a_pool_with_a_selector_that_cannot_be_read_serves_nobody_new(#[case] new: Svc, #[case] expected: &str) {
    let world = world(
        vec![with_bad_selector()],
        &[svc("a").holding(&["192.0.2.255"], "p"), new],
    );
    assert_eq!(outcome(&world, "new"), expected);
    assert_eq!(outcome(&world, "a"), "192.0.2.255");
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
#[case::another_address(svc("a").annotated("loadBalancerIPs", "192.0.2.50"), "192.0.2.50")]
#[case::another_pool(svc("a").annotated("address-pool", "q"), "198.51.100.0")]
#[case::the_same_address(svc("a").annotated("loadBalancerIPs", "192.0.2.7"), "192.0.2.7")]
fn the_owner_may_ask_for_something_else(#[case] service: Svc, #[case] expected: &str) {
    let pools = vec![plain("p", &["192.0.2.0/24"]), plain("q", &["198.51.100.0/24"])];
    let world = world(pools, &[service.holding(&["192.0.2.7"], "p")]);
    assert_eq!(outcome(&world, "a"), expected);
    assert!(notes(&world, "a").is_empty());
}

#[rstest]
#[case::an_address_that_is_taken(svc("a").annotated("loadBalancerIPs", "192.0.2.1"), "192.0.2.1 is in use by shop/b: it is not shared")]
#[case::an_address_in_no_pool(svc("a").annotated("loadBalancerIPs", "203.0.113.1"), "203.0.113.1 is in no pool")]
#[case::an_address_of_another_family(svc("a").annotated("loadBalancerIPs", "2001:db8::1"), "asks for 2001:db8::1, but wants one IPv4 address")]
#[case::an_unreadable_address(svc("a").annotated("loadBalancerIPs", "192.0.2.24x"), "metallb.io/loadBalancerIPs: \"192.0.2.24x\"")]
#[case::a_mistyped_pool(svc("a").annotated("address-pool", "zoen"), "pool zoen does not exist")]
#[case::a_full_pool(svc("a").annotated("address-pool", "full"), "pool full has no free IPv4 address")]
#[case::a_pool_for_others(svc("a").annotated("address-pool", "red"), "pool red does not admit the Service")]
#[case::a_family_that_nobody_has(svc("a").spec("ipFamilyPolicy", json!("RequireDualStack")), "RequireDualStack, but spec.clusterIPs holds one family only")]
fn a_wish_that_cannot_be_met_is_said_and_takes_no_address_away(#[case] service: Svc, #[case] why: &str) {
    let red = json!({ "addresses": ["198.51.100.0/24"], "serviceAllocation": { "namespaces": ["red"] } });
    let pools = vec![
        plain("p", &["192.0.2.0/24"]),
        plain("full", &["203.0.113.70/32"]),
        pool("red", red),
    ];
    let services = [
        service.holding(&["192.0.2.7"], "p"),
        svc("b").holding(&["192.0.2.1"], "p"),
        svc("c").holding(&["203.0.113.70"], "full"),
    ];
    let world = world(pools, &services);
    assert_eq!(
        (outcome(&world, "a"), notes(&world, "a")),
        ("192.0.2.7".into(), vec!["RequestIgnored"])
    );
    let said = said(&world, "a");
    assert!(
        said.starts_with(why) || said.contains(why) && said.ends_with("; the addresses in use are kept"),
        "{said}"
    );
}

#[test]
fn two_services_that_wish_for_each_others_address_keep_their_own() {
    let wishing = |name: &str, has: &str, wants: &str| {
        svc(name).annotated("loadBalancerIPs", wants).holding(&[has], "p")
    };
    let services = [
        wishing("a", "192.0.2.1", "192.0.2.2"),
        wishing("b", "192.0.2.2", "192.0.2.1"),
    ];
    let world = world(vec![plain("p", &["192.0.2.0/24"])], &services);
    assert_eq!(
        (outcome(&world, "a"), outcome(&world, "b")),
        ("192.0.2.1".into(), "192.0.2.2".into())
    );
}

#[test]
fn an_address_that_a_service_leaves_for_another_is_nobodys_until_it_is_told() {
    let moving = svc("a")
        .annotated("address-pool", "q")
        .holding(&["192.0.2.7"], "p");
    let pools = vec![plain("p", &["192.0.2.7/32"]), plain("q", &["198.51.100.7/32"])];
    let world = world(pools, &[moving, svc("b")]);
    assert_eq!(
        (outcome(&world, "a"), outcome(&world, "b")),
        ("198.51.100.7".into(), "NoAddress".into())
    );
}

#[test]
fn a_deleted_service_gets_its_address_back_when_it_is_made_again() {
    let mut world = world(vec![plain("p", &["192.0.2.0/24"])], &[svc("a"), svc("b")]);
    world
        .cooling
        .insert(ip("192.0.2.77"), GivenBack::by(&svc("b").view()));
    assert_eq!(
        (outcome(&world, "a"), outcome(&world, "b")),
        ("192.0.2.0".into(), "192.0.2.77".into())
    );
}

#[test]
fn an_address_given_back_a_moment_ago_is_the_last_choice_of_others_but_a_choice() {
    let mut world = world(vec![plain("p", &["192.0.2.0/31"])], &[svc("a"), svc("b")]);
    world
        .cooling
        .insert(ip("192.0.2.0"), GivenBack::by(&svc("gone").view()));
    assert_eq!(
        (outcome(&world, "a"), outcome(&world, "b")),
        ("192.0.2.1".into(), "192.0.2.0".into())
    );
}

#[rstest]
#[case::in_another_entry(&["192.0.2.0/29", "192.0.2.8/99"], "192.0.2.7", &[])]
#[case::in_that_entry(&["192.0.2.0/29", "192.0.2.8/99"], "192.0.2.9", &["OutsidePools"])]
#[case::in_the_only_entry(&["192.0.2.0/99"], "192.0.2.7", &["OutsidePools"])]
fn an_entry_that_cannot_be_used_costs_no_live_address(
    #[case] entries: &[&str],
    #[case] address: &str,
    #[case] noted: &[&str],
) {
    let services = [svc("a").holding(&[address], "p"), svc("b")];
    let world = world(vec![plain("p", entries)], &services);
    assert_eq!(outcome(&world, "a"), address);
    assert_eq!(notes(&world, "a"), noted);
    let free = if entries.len() > 1 {
        "192.0.2.0"
    } else {
        "NoAddress"
    };
    assert_eq!(outcome(&world, "b"), free);
}

/// Two pools, of which the first has one address, given back by a Service with a port of this protocol.
fn given_back(protocol: &str, services: &[Svc]) -> World {
    let gone = svc("gone").spec("ports", json!([{ "port": 53, "protocol": protocol }]));
    let pools = vec![plain("p", &["192.0.2.0/32"]), plain("q", &["198.51.100.0/32"])];
    let mut world = world(pools, services);
    world.cooling.insert(ip("192.0.2.0"), GivenBack::by(&gone.view()));
    world
}

#[rstest]
#[case::udp("UDP", "198.51.100.0")]
#[case::tcp("TCP", "192.0.2.0")]
fn an_address_whose_udp_flows_may_go_on_is_the_last_choice_in_all_pools(
    #[case] protocol: &str,
    #[case] expected: &str,
) {
    let world = given_back(protocol, &[svc("a")]);
    assert_eq!(
        (outcome(&world, "a").as_str(), said(&world, "a").as_str()),
        (expected, "")
    );
    let both = pool("r", json!({ "addresses": ["192.0.2.0/32", "2001:db8::1/128"] }));
    let mut dual = given_back(protocol, &[svc("a").dual("RequireDualStack")]);
    dual.pools = Pools::new([both, plain("s", &["198.51.100.0/32"])]).0;
    assert_eq!(outcome(&dual, "a"), format!("{expected}, 2001:db8::1"));
}

#[rstest]
#[case::nothing_else_is_free("b", svc("b").created("2026-02-01T00:00:00Z"))]
#[case::it_is_asked_for("b", svc("b").annotated("loadBalancerIPs", "192.0.2.0"))]
fn an_address_that_is_given_out_while_its_udp_flows_may_go_on_is_told(
    #[case] name: &str,
    #[case] service: Svc,
) {
    let world = given_back("UDP", &[svc("a"), service]);
    assert_eq!(
        (outcome(&world, "a").as_str(), outcome(&world, name).as_str()),
        ("198.51.100.0", "192.0.2.0")
    );
    assert_eq!(
        said(&world, name),
        "192.0.2.0 was given back by shop/gone a moment ago; its UDP flows that do not pause still go to the pods of shop/gone"
    );
}

#[test]
fn who_gets_its_own_address_back_is_told_nothing() {
    let world = given_back("UDP", &[svc("gone")]);
    assert_eq!(
        (outcome(&world, "gone").as_str(), said(&world, "gone").as_str()),
        ("192.0.2.0", "")
    );
}

#[rstest]
#[case::to_another_pool(&["198.51.100.7/32"], "198.51.100.7", &[])]
#[case::but_not_without_another_address(&[], "192.0.2.7", &["NoReplacement", "OutsidePools"])]
fn an_address_to_be_given_up_is_exchanged(
    #[case] left: &[&str],
    #[case] expected: &str,
    #[case] noted: &[&str],
) {
    let pools = left.iter().map(|addresses| plain("q", &[addresses])).collect();
    let service = svc("a").holding(&["192.0.2.7"], "p").giving_up("192.0.2.7");
    let world = world(pools, &[service]);
    assert_eq!(
        (outcome(&world, "a"), notes(&world, "a")),
        (expected.into(), noted.to_vec())
    );
}

#[test]
fn an_address_to_be_given_up_is_nobody_elses_in_the_same_decision() {
    let leaving = svc("a").holding(&["192.0.2.7"], "p").giving_up("192.0.2.7");
    let waiting = svc("b").annotated("loadBalancerIPs", "192.0.2.7");
    let pools = vec![plain("p", &["192.0.2.7/32"]), plain("q", &["198.51.100.0/24"])];
    let world = world(pools, &[leaving, waiting]);
    assert_eq!(
        (outcome(&world, "a"), outcome(&world, "b")),
        ("198.51.100.0".into(), "InUse".into())
    );
}

#[rstest]
#[case::that_the_service_no_longer_has("192.0.2.1", "192.0.2.7", &[])]
#[case::that_cannot_be_read("192.0.2", "192.0.2.7", &["RequestIgnored"])]
#[case::of_one_family_only("192.0.2.7, 2001:db8::1", "192.0.2.0", &[])]
fn addresses_to_be_given_up(#[case] annotation: &str, #[case] expected: &str, #[case] noted: &[&str]) {
    let service = svc("a").holding(&["192.0.2.7"], "p").giving_up(annotation);
    let world = world(vec![plain("p", &["192.0.2.0/24"])], &[service]);
    assert_eq!(
        (outcome(&world, "a"), notes(&world, "a")),
        (expected.into(), noted.to_vec())
    );
}

#[test]
fn an_address_that_is_asked_for_is_not_given_up() {
    let asking = svc("a").annotated("loadBalancerIPs", "192.0.2.7");
    let service = asking.holding(&["192.0.2.7"], "p").giving_up("192.0.2.7");
    let world = world(vec![plain("p", &["192.0.2.0/24"])], &[service]);
    assert_eq!(outcome(&world, "a"), "192.0.2.7");
}

#[test]
fn giving_up_one_family_keeps_the_other() {
    let dual = svc("a").dual("RequireDualStack");
    let service = dual
        .holding(&["192.0.2.7", "2001:db8::7"], "p")
        .giving_up("192.0.2.7");
    let world = world(vec![plain("p", &["192.0.2.0/24", "2001:db8::/64"])], &[service]);
    assert_eq!(outcome(&world, "a"), "192.0.2.0, 2001:db8::7");
}
