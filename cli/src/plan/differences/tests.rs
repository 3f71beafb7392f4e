use ferrolb_crds::domain::ServiceClass;
use rstest::rstest;

use super::*;

/// A Service `shop/web` with addresses of pool `lan`.
fn plan(addresses: &[&str]) -> ServicePlan {
    ServicePlan {
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        pools: addresses.iter().map(|_| PoolName::from("lan")).collect(),
        ..ServicePlan::absent("shop", "web")
    }
}

fn refused(reason: Reason) -> ServicePlan {
    ServicePlan {
        refused: Some(reason),
        ..plan(&[])
    }
}

fn noted(addresses: &[&str], notes: &[(&str, &str)]) -> ServicePlan {
    ServicePlan {
        notes: notes
            .iter()
            .map(|(reason, message)| Reason::new(reason, message))
            .collect(),
        ..plan(addresses)
    }
}

fn announced(node: Option<&str>) -> ServicePlan {
    ServicePlan {
        announced: vec![Announced {
            bgp: None,
            address: "192.0.2.1".parse().unwrap(),
            node: node.map(Into::into),
            interfaces: Vec::new(),
            scores: None,
            refused: node
                .is_none()
                .then(|| Reason::new("NoEndpoints", "no endpoint can serve")),
        }],
        ..plan(&["192.0.2.1"])
    }
}

fn full() -> Reason {
    Reason::new("NoAddress", "pool lan has no free IPv4 address")
}

#[rstest]
#[case::nothing(plan(&["192.0.2.1"]), plan(&["192.0.2.1"]), &[])]
#[case::a_first_address(plan(&[]), plan(&["192.0.2.1"]), &["gets 192.0.2.1 (pool lan)"])]
#[case::after_a_refusal(refused(full()), plan(&["192.0.2.1"]), &["gets 192.0.2.1 (pool lan)"])]
#[case::a_second_family(
    plan(&["192.0.2.1"]),
    plan(&["192.0.2.1", "2001:db8::1"]),
    &["gets 2001:db8::1 (pool lan)"]
)]
#[case::a_move(
    plan(&["192.0.2.1"]),
    plan(&["192.0.2.2"]),
    &["moves from 192.0.2.1 to 192.0.2.2 (pool lan)"]
)]
#[case::a_family_less(
    plan(&["192.0.2.1", "2001:db8::1"]),
    plan(&["192.0.2.1"]),
    &["gives 2001:db8::1 back"]
)]
#[case::a_refusal(
    plan(&[]),
    refused(full()),
    &["is refused an address: NoAddress: pool lan has no free IPv4 address"]
)]
#[case::the_same_refusal(refused(full()), refused(full()), &[])]
#[case::another_refusal(
    refused(Reason::new("NoPools", "there is no IPAddressPool")),
    refused(full()),
    &["is refused an address: NoAddress: pool lan has no free IPv4 address"]
)]
#[case::a_loss(
    plan(&["192.0.2.1"]),
    refused(full()),
    &["loses 192.0.2.1 and is refused another: NoAddress: pool lan has no free IPv4 address"]
)]
#[case::no_longer_ours(
    plan(&["192.0.2.1"]),
    refused(Reason::not_ours(&ServiceClass::NotLoadBalancer, None)),
    &["gives 192.0.2.1 back: NotOurs: not of type LoadBalancer"]
)]
#[case::never_ours(plan(&[]), refused(Reason::not_ours(&ServiceClass::NotLoadBalancer, None)), &[])]
#[case::becomes_ours(refused(Reason::not_ours(&ServiceClass::NotLoadBalancer, None)), plan(&["192.0.2.1"]), &["gets 192.0.2.1 (pool lan)"])]
fn addresses(#[case] before: ServicePlan, #[case] after: ServicePlan, #[case] expected: &[&str]) {
    assert_eq!(sentences(&[before], &[after]), expected);
}

#[rstest]
#[case::new(&[], &[("OutsidePools", "192.0.2.1 is outside")], &["is flagged: OutsidePools: 192.0.2.1 is outside"])]
#[case::old(&[("OutsidePools", "x")], &[("OutsidePools", "x")], &[])]
#[case::over(&[("OutsidePools", "x")], &[], &["is no longer flagged OutsidePools"])]
#[case::for_another_reason(
    &[("OutsidePools", "x")],
    &[("NowAvoided", "y")],
    &["is flagged: NowAvoided: y", "is no longer flagged OutsidePools"]
)]
#[case::said_among_other_things_in_a_condition(
    &[("OutsidePools", "192.0.2.1 from pool lan; x")],
    &[("OutsidePools", "x")],
    &[]
)]
#[case::said_after_something_else_in_a_condition(
    &[("OutsidePools", "x; y")],
    &[("OutsidePools", "x"), ("Lacks", "y")],
    &[]
)]
#[case::about_something_else(&[("Lacks", "x")], &[("Lacks", "y")], &["is flagged: Lacks: y"])]
fn flags(#[case] before: &[(&str, &str)], #[case] after: &[(&str, &str)], #[case] expected: &[&str]) {
    let (before, after) = (noted(&["192.0.2.1"], before), noted(&["192.0.2.1"], after));
    assert_eq!(sentences(&[before], &[after]), expected);
}

#[test]
fn a_flag_goes_with_the_address_without_a_word() {
    let before = noted(&["192.0.2.1"], &[("OutsidePools", "x")]);
    assert_eq!(
        sentences(&[before], &[refused(full())]),
        ["loses 192.0.2.1 and is refused another: NoAddress: pool lan has no free IPv4 address"]
    );
}

#[rstest]
#[case::by_the_same(Some("n1"), Some("n1"), &[])]
#[case::by_another(Some("n1"), Some("n2"), &["192.0.2.1 is announced by n2 instead of n1"])]
#[case::by_nobody(
    Some("n1"),
    None,
    &["192.0.2.1 is announced by nobody instead of n1: NoEndpoints: no endpoint can serve"]
)]
#[case::by_somebody(None, Some("n1"), &["192.0.2.1 is announced by n1 instead of nobody"])]
fn announcers(#[case] before: Option<&str>, #[case] after: Option<&str>, #[case] expected: &[&str]) {
    assert_eq!(sentences(&[announced(before)], &[announced(after)]), expected);
}

#[test]
fn who_announces_a_new_address_is_no_change() {
    assert_eq!(
        sentences(&[plan(&[])], &[announced(Some("n1"))]),
        ["gets 192.0.2.1 (pool lan)"]
    );
}

#[test]
fn a_service_that_is_new_or_gone_counts_as_one_without_addresses() {
    assert_eq!(
        sentences(&[], &[plan(&["192.0.2.1"])]),
        ["gets 192.0.2.1 (pool lan)"]
    );
    assert_eq!(sentences(&[plan(&["192.0.2.1"])], &[]), ["gives 192.0.2.1 back"]);
}

#[test]
fn the_order_is_that_of_namespaces_and_names() {
    let named = |namespace: &str, name: &str| ServicePlan {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..plan(&["192.0.2.1"])
    };
    let after = [named("b", "a"), named("a", "b"), named("a", "a")];
    let names: Vec<String> = differences(&[], &after)
        .into_iter()
        .map(|one| format!("{}/{}", one.namespace, one.name))
        .collect();
    assert_eq!(names, ["a/a", "a/b", "b/a"]);
}

#[test]
fn pools_are_those_of_the_addresses_that_are_new() {
    let mut after = plan(&["192.0.2.1", "2001:db8::1"]);
    after.pools = vec!["four".into(), "six".into()];
    assert_eq!(
        sentences(&[plan(&["192.0.2.1"])], &[after.clone()]),
        ["gets 2001:db8::1 (pool six)"]
    );
    assert_eq!(
        sentences(&[], &[after]),
        ["gets 192.0.2.1, 2001:db8::1 (pools four, six)"]
    );
}

fn sentences(before: &[ServicePlan], after: &[ServicePlan]) -> Vec<String> {
    differences(before, after)
        .into_iter()
        .map(|one| one.change.to_string())
        .collect()
}
