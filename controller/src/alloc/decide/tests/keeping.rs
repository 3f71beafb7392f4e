//! What a Service keeps, and what it gets back.

use super::*;

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
