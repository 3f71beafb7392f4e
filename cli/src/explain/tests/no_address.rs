//! A Service has no address.

use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::*;

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
