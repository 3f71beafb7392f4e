use rstest::rstest;
use serde_json::{Value, json};

use super::*;

/// A Service with these addresses and this reason of its condition.
fn service(addresses: &[&str], reason: &str, more: &Value) -> Service {
    let ingress: Vec<Value> = addresses.iter().map(|address| json!({"ip": address})).collect();
    let class = more.get("type").cloned().unwrap_or(json!("LoadBalancer"));
    serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "shop", "annotations": more.get("annotations")},
        "spec": {"type": class},
        "status": {"loadBalancer": {"ingress": ingress}, "conditions": [{"type": "ferrolb.io/Assigned", "status": "True",
            "reason": reason, "message": "there is no other", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}))
    .unwrap()
}

fn given_up() -> BTreeSet<IpAddr> {
    BTreeSet::from(["192.0.2.7".parse().unwrap()])
}

fn moved(addresses: &[&str]) -> Option<Fate> {
    Some(Fate::Moved(
        addresses
            .iter()
            .map(|one| one.parse::<IpAddr>().unwrap())
            .collect(),
    ))
}

#[rstest]
#[case::nothing_happened(&["192.0.2.7"], "OutsidePools", None)]
#[case::moved(&["198.51.100.4"], "Assigned", moved(&["198.51.100.4"]))]
#[case::one_family_moved(&["198.51.100.4", "2001:db8::1"], "Assigned", moved(&["198.51.100.4", "2001:db8::1"]))]
#[case::nothing_held_in_between(&[], "Assigned", None)]
#[case::no_other(&["192.0.2.7"], "NoReplacement", Some(Fate::NoReplacement("there is no other".to_owned())))]
fn how_it_ends(#[case] addresses: &[&str], #[case] reason: &str, #[case] expected: Option<Fate>) {
    let service = service(addresses, reason, &json!({}));
    assert_eq!(end(Some(&service), &given_up()), expected);
}

#[test]
fn a_service_that_was_deleted_or_is_no_load_balancer_any_more_is_done_with() {
    let changed = service(&["192.0.2.7"], "Assigned", &json!({"type": "ClusterIP"}));
    assert_eq!(end(Some(&changed), &given_up()), Some(Fate::NothingLeft));
    assert_eq!(end(None, &given_up()), Some(Fate::NothingLeft));
}

#[rstest]
#[case::at_once(&["192.0.2.7"], "OutsidePools", json!({}), Some(Ok(())))]
#[case::not_what_it_no_longer_has(&["198.51.100.4"], "Assigned", json!({}), Some(Err(Fate::NothingLeft)))]
#[case::not_while_an_earlier_answer_stands(&["192.0.2.7"], "NoReplacement", json!({}), None)]
#[case::an_earlier_answer_to_a_question_that_stands(
    &["192.0.2.7"], "NoReplacement", json!({"annotations": {"ferrolb.io/give-up": "192.0.2.7"}}), Some(Ok(()))
)]
fn when_it_is_asked(
    #[case] addresses: &[&str],
    #[case] reason: &str,
    #[case] more: Value,
    #[case] expected: Option<Result<(), Fate>>,
) {
    let service = service(addresses, reason, &more);
    assert_eq!(beginning(Some(&service), &given_up()), expected);
}

#[test]
fn a_service_that_is_gone_is_not_asked() {
    assert_eq!(beginning(None, &given_up()), Some(Err(Fate::NothingLeft)));
}
