//! Which Services may share an address, and which one leaves it.

use super::*;

pub(super) fn sharing(name: &str, port: u16) -> Svc {
    svc(name).annotated("allow-shared-ip", "k").port(port)
}

pub(super) fn local(service: Svc, app: &str) -> Svc {
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
