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
fn an_address_of_a_service_that_somebody_writes_into_the_status_of_another_is_said_to_be_lost_there() {
    let owner = svc("a").holding(&["192.0.2.1"], "p");
    let other = svc("b")
        .holding(&["192.0.2.1"], "p")
        .created("2026-02-01T00:00:00Z");
    let mut world = world(vec![plain("p", &["192.0.2.0/24"])], &[owner, other]);
    world.foreign.insert((key("b"), ip("192.0.2.1")));
    assert_eq!(outcome(&world, "b"), "192.0.2.0");
    assert_eq!(notes(&world, "b"), ["Lost"]);
    assert!(said(&world, "b").contains("shop/a"));
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
        (
            usage.total[Family::V4],
            usage.used[Family::V4],
            usage.available(Family::V4)
        ),
        (4, 1, 3)
    );
    assert_eq!(
        (
            usage.total[Family::V6],
            usage.used[Family::V6],
            usage.available(Family::V6)
        ),
        (i64::MAX, 0, i64::MAX)
    );
}

#[test]
fn a_condition_from_before_the_service_existed_wins_no_address() {
    let victim = svc("web")
        .holding(&["192.0.2.1"], "p")
        .assigned_since("2026-01-01T00:00:00Z");
    let thief = svc("thief")
        .created("2026-06-01T00:00:00Z")
        .holding(&["192.0.2.1"], "p")
        .assigned_since("1971-01-01T00:00:00Z");
    let world = world(vec![plain("p", &["192.0.2.0/24"])], &[thief, victim]);
    assert_eq!(outcome(&world, "web"), "192.0.2.1");
}

fn allowing(annotation: &str) -> Pool {
    let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": "p", "annotations": { annotation: "true" } },
        "spec": { "addresses": ["192.0.2.0/30"] } });
    Pool::read(&serde_json::from_value(object).unwrap())
}

#[rstest]
#[case::by_itself_it_is_not_shared(plain("p", &["192.0.2.0/30"]), sharing("b", 443), "192.0.2.1")]
#[case::nor_on_request(plain("p", &["192.0.2.0/30"]), sharing("b", 443).annotated("loadBalancerIPs", "192.0.2.0"), "InUse")]
#[case::but_where_the_pool_says_so(
    allowing("ferrolb.io/allow-sharing-across-namespaces"),
    sharing("b", 443),
    "192.0.2.0"
)]
#[case::who_shared_it_before_goes_on(plain("p", &["192.0.2.0/30"]), sharing("b", 443).holding(&["192.0.2.0"], "p"), "192.0.2.0")]
fn a_sharing_key_counts_within_its_namespace(
    #[case] pool: Pool,
    #[case] service: Svc,
    #[case] expected: &str,
) {
    let holder = sharing("a", 80).of("victim").holding(&["192.0.2.0"], "p");
    let world = world(vec![pool], &[holder, service]);
    assert_eq!(outcome(&world, "b"), expected);
}

#[test]
fn with_policy_local_the_same_selector_in_another_namespace_means_other_pods() {
    let holder = local(sharing("a", 80), "web")
        .of("victim")
        .holding(&["192.0.2.0"], "p");
    let joining = local(sharing("b", 443), "web").annotated("loadBalancerIPs", "192.0.2.0");
    let pool = allowing("ferrolb.io/allow-sharing-across-namespaces");
    let world = world(vec![pool], &[holder, joining]);
    assert_eq!(
        message(&world, "b"),
        "192.0.2.0 is in use by victim/a: externalTrafficPolicy Local shares an address only between Services \
         that select the same pods"
    );
}

#[rstest]
#[case::the_same_port(sharing("b", 80), "pool p: 192.0.2.1 is in use by shop/a: both serve TCP/80")]
#[case::other_pods(
    local(sharing("b", 443), "db"),
    "pool p: 192.0.2.1 is in use by shop/a: externalTrafficPolicy Local shares an address only between Services that select the same pods"
)]
#[case::another_namespace(sharing("b", 443).of("tenant"), "pool p: 192.0.2.1 is in use by shop/a: a sharing key counts within its namespace (annotation ferrolb.io/allow-sharing-across-namespaces of the pool)")]
#[case::another_key(svc("b").annotated("allow-shared-ip", "other").port(443), "pool p has no free IPv4 address")]
fn why_a_service_cannot_join_those_with_its_key_is_said(#[case] service: Svc, #[case] expected: &str) {
    let holder = sharing("a", 80).holding(&["192.0.2.1"], "p");
    let namespace = service.0["metadata"]["namespace"].as_str().unwrap().to_owned();
    let world = world(vec![plain("p", &["192.0.2.1/32"])], &[holder, service]);
    let key = ServiceKey::new(namespace, "b");
    let Outcome::Refused(reason) = &decide(&world).outcomes[&key] else {
        panic!("it has an address")
    };
    assert_eq!(reason.to_string(), expected);
}

#[test]
fn among_many_with_one_key_each_port_is_served_once_on_each_address() {
    let ports = [80, 443, 80, 80, 53, 443, 53, 80, 443, 53];
    let many: Vec<Svc> = (0..200)
        .map(|number| sharing(&format!("s{number:03}"), ports[number % ports.len()]))
        .collect();
    let world = world(vec![plain("p", &["192.0.2.0/24"])], &many);
    let mut used = std::collections::BTreeMap::<IpAddr, Vec<i32>>::new();
    for (key, outcome) in decide(&world).outcomes {
        let Outcome::Assigned(assignment) = outcome else {
            panic!("{key} has no address")
        };
        let ports = world.services[&key].ports.iter().map(|port| port.number);
        for address in assignment.addresses.iter() {
            used.entry(address).or_default().extend(ports.clone());
        }
    }
    // As few addresses as can be: 80 Services serve port 80, and no other port is served more often.
    assert_eq!(used.len(), 80);
    for ports in used.values() {
        let different: std::collections::BTreeSet<&i32> = ports.iter().collect();
        assert_eq!(different.len(), ports.len(), "{ports:?}");
    }
}
