use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn view(annotations: Value, spec: Value) -> ServiceView {
    let object = json!({ "metadata": { "name": "web", "namespace": "shop", "annotations": annotations }, "spec": spec });
    ServiceView::read(&serde_json::from_value(object).unwrap())
}

fn addresses(texts: &[&str]) -> Addresses {
    texts.iter().map(|text| text.parse::<IpAddr>().unwrap()).collect()
}

#[rstest]
#[case::nothing(json!({}), json!({}), Asked::Anything)]
#[case::empty_values_ask_for_nothing(json!({"metallb.io/loadBalancerIPs": "", "metallb.io/address-pool": ""}), json!({"loadBalancerIP": ""}), Asked::Anything)]
#[case::a_pool(json!({"metallb.io/address-pool": "gold"}), json!({}), Asked::Pool("gold".into()))]
#[case::the_field(json!({}), json!({"loadBalancerIP": "192.0.2.9"}), Asked::Addresses(addresses(&["192.0.2.9"]), None))]
#[case::both_families(json!({"metallb.io/loadBalancerIPs": "2001:db8::9, 192.0.2.9"}), json!({}), Asked::Addresses(addresses(&["192.0.2.9", "2001:db8::9"]), None))]
#[case::address_and_pool(json!({"metallb.io/loadBalancerIPs": "192.0.2.9", "metallb.io/address-pool": "gold"}), json!({}), Asked::Addresses(addresses(&["192.0.2.9"]), Some("gold".into())))]
#[case::deprecated_prefix(json!({"metallb.universe.tf/address-pool": "gold"}), json!({}), Asked::Pool("gold".into()))]
#[case::the_newer_prefix_wins(json!({"metallb.universe.tf/address-pool": "old", "metallb.io/address-pool": "new"}), json!({}), Asked::Pool("new".into()))]
fn reads_what_is_asked_for(#[case] annotations: Value, #[case] spec: Value, #[case] expected: Asked) {
    assert_eq!(view(annotations, spec).asked, Ok(expected));
}

#[rstest]
#[case::no_address(json!({"metallb.io/loadBalancerIPs": "192.0.2.300"}), json!({}), "metallb.io/loadBalancerIPs: \"192.0.2.300\" in \"192.0.2.300\" is not an IP address")]
#[case::two_of_a_family(json!({"metallb.io/loadBalancerIPs": "192.0.2.1,192.0.2.2"}), json!({}), "metallb.io/loadBalancerIPs: \"192.0.2.1,192.0.2.2\" holds more than one IPv4 address")]
#[case::field_and_annotation(json!({"metallb.io/loadBalancerIPs": "192.0.2.1"}), json!({"loadBalancerIP": "192.0.2.1"}), "spec.loadBalancerIP: annotation metallb.io/loadBalancerIPs is set too; only one of the two may be used")]
fn quotes_what_cannot_be_read(#[case] annotations: Value, #[case] spec: Value, #[case] message: &str) {
    assert_eq!(view(annotations, spec).asked.unwrap_err().to_string(), message);
}

#[rstest]
#[case::one_family(json!({"clusterIPs": ["10.96.0.9"], "ipFamilyPolicy": "SingleStack"}), Ok(Families::One(Family::V4)))]
#[case::prefer_but_single(json!({"clusterIPs": ["fd00:10:96::9"], "ipFamilyPolicy": "PreferDualStack"}), Ok(Families::One(Family::V6)))]
#[case::prefer(json!({"clusterIPs": ["10.96.0.9", "fd00:10:96::9"], "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack"}), Ok(Families::Prefer { first: Family::V4 }))]
#[case::prefer_ipv6_first(json!({"clusterIPs": ["fd00:10:96::9", "10.96.0.9"], "ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "PreferDualStack"}), Ok(Families::Prefer { first: Family::V6 }))]
#[case::require(json!({"clusterIPs": ["10.96.0.9", "fd00:10:96::9"], "ipFamilyPolicy": "RequireDualStack"}), Ok(Families::Both))]
#[case::require_but_single(json!({"clusterIPs": ["10.96.0.9"], "ipFamilyPolicy": "RequireDualStack"}), Err("spec.ipFamilyPolicy: RequireDualStack, but spec.clusterIPs holds one family only"))]
#[case::none_yet(json!({}), Err("spec.clusterIPs: holds no address, so the family is not known"))]
#[case::headless(json!({"clusterIPs": ["None"]}), Err("spec.clusterIPs: holds no address, so the family is not known"))]
fn reads_the_families_wanted(#[case] spec: Value, #[case] expected: Result<Families, &str>) {
    let families = view(json!({}), spec).families.map_err(|error| error.to_string());
    assert_eq!(families, expected.map_err(str::to_owned));
}

#[rstest]
#[case::cluster_ignores_the_selector("Cluster", json!({"app": "a"}), json!({"app": "b"}), true)]
#[case::local_with_the_same_pods("Local", json!({"app": "a"}), json!({"app": "a"}), true)]
#[case::local_with_other_pods("Local", json!({"app": "a"}), json!({"app": "b"}), false)]
fn sharing_compares_backends(
    #[case] policy: &str,
    #[case] one: Value,
    #[case] other: Value,
    #[case] equal: bool,
) {
    let with = |selector: Value| {
        view(
            json!({"metallb.io/allow-shared-ip": "k"}),
            json!({"externalTrafficPolicy": policy, "selector": selector}),
        )
        .sharing
    };
    assert_eq!(with(one) == with(other), equal);
}

#[test]
fn an_empty_sharing_annotation_shares_with_nobody_but_is_there() {
    let service = view(json!({"metallb.io/allow-shared-ip": ""}), json!({}));
    assert_eq!((service.sharing, service.sharing_annotated), (None, true));
}

#[rstest]
#[case::no_class_for_default(None, None, true)]
#[case::a_class_is_not_for_default(Some("x"), None, false)]
#[case::our_class(Some("x"), Some("x"), true)]
#[case::no_class_is_not_ours(None, Some("x"), false)]
fn is_ours_by_class(#[case] class: Option<&str>, #[case] ours: Option<&str>, #[case] expected: bool) {
    let service = view(
        json!({}),
        json!({"type": "LoadBalancer", "loadBalancerClass": class}),
    );
    assert_eq!(service.class.is_ours(ours), expected);
}

#[test]
fn ingress_keeps_one_address_of_a_family_and_names_the_rest() {
    let object = json!({ "metadata": { "name": "web" }, "status": { "loadBalancer": { "ingress": [
        {"ip": "192.0.2.9"}, {"hostname": "a.example"}, {"ip": "192.0.2.10"}, {"ip": "x"}, {"ip": "2001:db8::9"}]}}});
    let service = ServiceView::read(&serde_json::from_value(object).unwrap());
    assert_eq!(service.ingress, addresses(&["192.0.2.9", "2001:db8::9"]));
    assert_eq!(service.surplus_ingress, ["192.0.2.10", "x"]);
}

#[rstest]
#[case::both_of_one_pool(json!({"metallb.io/ip-allocated-from-pool": "p"}), &["p", "p"])]
#[case::of_two_pools(json!({"metallb.io/ip-allocated-from-pool": "p", "ferrolb.io/second-allocated-from-pool": "q"}), &["p", "q"])]
#[case::by_the_older_prefix(json!({"metallb.universe.tf/ip-allocated-from-pool": "p"}), &["p", "p"])]
#[case::not_said(json!({}), &[])]
fn each_address_is_of_its_own_pool(#[case] annotations: Value, #[case] expected: &[&str]) {
    let mut service = view(annotations, json!({}));
    service.ingress = addresses(&["2001:db8::9", "192.0.2.9"]);
    let origins: Vec<&str> = service
        .ingress
        .iter()
        .filter_map(|address| service.origin(address).map(PoolName::as_str))
        .collect();
    assert_eq!(origins, expected);
}
