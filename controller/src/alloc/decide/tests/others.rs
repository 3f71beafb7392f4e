//! Addresses that others than Services of ours use, and those that are no good for a Service.

use super::*;

fn asking(address: &str) -> Svc {
    svc("a").annotated("loadBalancerIPs", address)
}

/// A node or the API server has 192.0.2.11; the pool of it says so or not.
fn with_machine(allowed: bool, node: bool, service: Svc) -> World {
    let annotations = if allowed {
        json!({ "ferrolb.io/allow-node-addresses": "true" })
    } else {
        json!({})
    };
    let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": "p", "annotations": annotations }, "spec": { "addresses": ["192.0.2.11-192.0.2.20"] } });
    let pool = Pool::read(&serde_json::from_value(object).unwrap());
    let mut world = world(vec![pool], &[service]);
    match node {
        true => drop(world.nodes.insert(ip("192.0.2.11"), "n1".into())),
        false => drop(world.api_server.insert(ip("192.0.2.11"))),
    }
    world
}

#[rstest]
#[case::by_itself(svc("a"), "192.0.2.12")]
#[case::on_request(asking("192.0.2.11"), "Occupied")]
#[case::to_who_has_it(svc("a").holding(&["192.0.2.11"], "p"), "192.0.2.12")]
#[case::to_who_has_it_and_asks_for_it(asking("192.0.2.11").holding(&["192.0.2.11"], "p"), "Occupied")]
fn an_address_of_a_node_or_of_the_api_server_is_never_given(
    #[case] service: Svc,
    #[case] expected: &str,
    #[values(true, false)] node: bool,
) {
    assert_eq!(outcome(&with_machine(false, node, service), "a"), expected);
}

#[rstest]
#[case::not_by_itself(svc("a"), "192.0.2.12")]
#[case::on_request(asking("192.0.2.11"), "192.0.2.11")]
#[case::to_who_has_it(svc("a").holding(&["192.0.2.11"], "p"), "192.0.2.11")]
fn the_owner_of_a_pool_may_allow_addresses_of_nodes(
    #[case] service: Svc,
    #[case] expected: &str,
    #[values(true, false)] node: bool,
) {
    assert_eq!(outcome(&with_machine(true, node, service), "a"), expected);
}

#[test]
fn a_service_that_loses_its_address_to_a_node_is_told() {
    let world = with_machine(false, true, svc("a").holding(&["192.0.2.11"], "p"));
    assert_eq!(
        said(&world, "a"),
        "lost 192.0.2.11: 192.0.2.11 belongs to node n1"
    );
}

#[test]
fn a_pool_that_holds_addresses_of_machines_is_doubtful() {
    let doubts = crate::alloc::doubts(&with_machine(false, true, svc("a")));
    let texts: Vec<String> = doubts.iter().map(|(_, doubt)| doubt.to_string()).collect();
    assert_eq!(
        texts,
        [
            "spec.addresses: holds 192.0.2.11 of node n1, which no Service gets (annotation ferrolb.io/allow-node-addresses)"
        ]
    );
    assert!(crate::alloc::doubts(&with_machine(true, true, svc("a"))).is_empty());
}

#[test]
fn the_node_is_named_whose_address_is_all_that_a_pool_has() {
    let mut world = world(vec![plain("public", &["192.0.2.77/32"])], &[svc("web")]);
    world.nodes.insert(ip("192.0.2.77"), "solo".into());
    assert_eq!(
        message(&world, "web"),
        "pool public: 192.0.2.77 belongs to node solo"
    );
}

#[test]
fn what_is_left_of_a_pool_is_named_with_its_reason() {
    let odd = json!({ "addresses": ["192.0.2.254-192.0.3.0"], "avoidBuggyIPs": true });
    let holder = svc("b").holding(&["192.0.2.254"], "p");
    let world = world(vec![pool("p", odd)], &[svc("a"), holder]);
    assert_eq!(
        message(&world, "a"),
        "pool p: 192.0.2.255 ends in .0 or .255 (avoidBuggyIPs), 1 more are not given out either, and all others are in use"
    );
}

fn pinned() -> Svc {
    svc("pinned")
        .spec("type", json!("ClusterIP"))
        .spec("externalIPs", json!(["192.0.2.161"]))
}

#[rstest]
#[case::not_given_by_itself(svc("a"), "192.0.2.162", "")]
#[case::given_on_request_with_a_note(
    asking("192.0.2.161"),
    "192.0.2.161",
    "192.0.2.161 is an external IP of Service shop/pinned (spec.externalIPs) too"
)]
#[case::kept_with_a_note_since_anybody_may_claim_one(svc("a").holding(&["192.0.2.161"], "lan"), "192.0.2.161", "192.0.2.161 is an external IP of Service shop/pinned (spec.externalIPs) too")]
fn an_external_ip_of_any_service_is_in_use(#[case] service: Svc, #[case] expected: &str, #[case] note: &str) {
    let world = world(
        vec![plain("lan", &["192.0.2.161-192.0.2.170"])],
        &[pinned(), service],
    );
    assert_eq!(
        (outcome(&world, "a"), said(&world, "a")),
        (expected.into(), note.into())
    );
}

#[rstest]
#[case::not_given_by_itself(svc("a"), "192.0.2.2")]
#[case::nor_on_request(asking("192.0.2.1"), "Occupied")]
fn an_address_in_the_status_of_a_service_of_others_is_in_use(
    #[case] service: Svc,
    #[case] expected: &str,
    #[values(json!("example.com/other"), Value::Null)] class: Value,
) {
    let other = svc("other")
        .spec("loadBalancerClass", class)
        .created("2030-01-01T00:00:00Z")
        .status(&["192.0.2.1"]);
    let world = world(vec![plain("p", &["192.0.2.1-192.0.2.9"])], &[other, service]);
    assert_eq!(outcome(&world, "a"), expected);
}

#[rstest]
#[case::though_it_lies_in_a_pool("192.0.2.1", svc("a"), "192.0.2.2")]
#[case::outside_every_pool("203.0.113.9", svc("a"), "192.0.2.1")]
#[case::of_a_pool_for_others("198.51.100.9", svc("a"), "192.0.2.1")]
#[case::unless_it_is_asked_for("192.0.2.5", asking("192.0.2.5"), "192.0.2.5")]
fn an_address_that_is_not_from_us_is_replaced(
    #[case] address: &str,
    #[case] service: Svc,
    #[case] expected: &str,
) {
    let red = json!({ "addresses": ["198.51.100.0/24"], "serviceAllocation": { "namespaces": ["red"] } });
    let pools = vec![plain("p", &["192.0.2.1-192.0.2.9"]), pool("red", red)];
    assert_eq!(
        outcome(&world(pools, &[service.status(&[address])]), "a"),
        expected
    );
}

#[test]
fn an_address_that_is_not_from_us_stays_where_there_is_no_other_and_that_is_said() {
    let manual = json!({ "addresses": ["192.0.2.247-192.0.2.250"], "autoAssign": false });
    let panel = svc("panel").status(&["192.0.2.40"]);
    let world = world(vec![pool("local", manual)], &[panel]);
    assert_eq!(
        message(&world, "panel"),
        "pool local is not assigned automatically (autoAssign: false); 192.0.2.40 in the status is not from this \
         controller and is left alone"
    );
    assert_eq!(outcome(&world, "panel"), "NoAddress");
}

#[rstest]
#[case::of_metallb("metallb.io")]
#[case::of_metallb_before_0_13("metallb.universe.tf")]
fn an_address_with_the_annotation_is_adopted(#[case] prefix: &str) {
    let mut service = svc("a").status(&["192.0.2.5"]);
    service.0["metadata"]["annotations"][format!("{prefix}/ip-allocated-from-pool")] = json!("p");
    let world = world(vec![plain("p", &["192.0.2.0/24"])], &[service]);
    assert_eq!(outcome(&world, "a"), "192.0.2.5");
}

#[test]
fn node_addresses_that_another_implementation_left_are_replaced() {
    let traefik = svc("traefik").status(&["192.0.2.11", "192.0.2.12", "192.0.2.13"]);
    let mut world = world(vec![plain("lan", &["192.0.2.0/24"])], &[traefik]);
    for (number, name) in [(11, "n1"), (12, "n2"), (13, "n3")] {
        world.nodes.insert(ip(&format!("192.0.2.{number}")), name.into());
    }
    assert_eq!(outcome(&world, "traefik"), "192.0.2.0");
    world.subnets.insert("192.0.2.0/24".parse().unwrap());
    assert_eq!(outcome(&world, "traefik"), "192.0.2.1");
}

#[rstest]
#[case::network("192.0.2.0/24", "192.0.2.0-192.0.2.9", svc("a"), "192.0.2.1")]
#[case::broadcast("192.0.2.0/24", "192.0.2.255-192.0.3.9", svc("a"), "192.0.3.0")]
#[case::network_on_request("192.0.2.0/24", "192.0.2.0-192.0.2.9", asking("192.0.2.0"), "192.0.2.0")]
#[case::of_a_subnet_without_either("192.0.2.0/31", "192.0.2.0-192.0.2.9", svc("a"), "192.0.2.0")]
#[case::inside_a_subnet("192.0.0.0/16", "192.0.2.0-192.0.2.9", svc("a"), "192.0.2.0")]
fn network_and_broadcast_addresses_are_given_on_request_only(
    #[case] subnet: &str,
    #[case] pool: &str,
    #[case] service: Svc,
    #[case] expected: &str,
) {
    let mut world = world(vec![plain("p", &[pool])], &[service]);
    world.subnets.insert(subnet.parse().unwrap());
    assert_eq!(outcome(&world, "a"), expected);
}

#[rstest]
#[case::as_long_as_no_subnet_is_known(None, "2001:db8:9::/64", "", "2001:db8:9::1")]
#[case::of_a_known_subnet(Some("2001:db8:9::100/120"), "2001:db8:9::100/120", "", "2001:db8:9::101")]
#[case::not_inside_a_known_subnet(Some("2001:db8::/32"), "2001:db8:9::/64", "", "2001:db8:9::")]
#[case::on_request(None, "2001:db8:9::/64", "2001:db8:9::", "2001:db8:9::")]
fn the_anycast_address_of_routers_is_given_on_request_only(
    #[case] subnet: Option<&str>,
    #[case] pool: &str,
    #[case] asked: &str,
    #[case] expected: &str,
) {
    let six = asking(asked).spec("clusterIPs", json!(["fd00:10:96::9"]));
    let mut world = world(vec![plain("p", &[pool])], &[six]);
    world
        .subnets
        .extend(subnet.map(|text| text.parse::<ipnetwork::IpNetwork>().unwrap()));
    assert_eq!(outcome(&world, "a"), expected);
}

#[test]
fn a_network_address_in_use_is_kept_and_flagged_when_the_subnet_becomes_known() {
    let mut world = world(
        vec![plain("p", &["192.0.2.0/24"])],
        &[svc("a").holding(&["192.0.2.0"], "p")],
    );
    world.subnets.insert("192.0.2.0/24".parse().unwrap());
    assert_eq!(outcome(&world, "a"), "192.0.2.0");
    assert_eq!(
        said(&world, "a"),
        "192.0.2.0 of pool p is the network address of 192.0.2.0/24, and is kept because the Service uses it"
    );
}

/// What the speakers say of the only address of a Service.
fn taken(service: Svc, address: &str) -> Svc {
    let mut service = service;
    let message = format!(
        "{address} not announced: another station (MAC address 52:54:00:00:00:09, QEMU/KVM), which is no node, answers when \
         node n1 asks for the address on eth0 before its first use"
    );
    service.0["status"]["conditions"] = json!([{ "type": "ferrolb.io/Announced", "status": "False",
        "lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "WireTaken", "message": message }]);
    service
}

#[rstest]
#[case::for_another(svc("a"), "192.0.2.12", &["Exchanged"])]
#[case::within_the_pool_asked_for(svc("a").annotated("address-pool", "p"), "192.0.2.12", &["Exchanged"])]
#[case::not_one_that_it_asks_for(asking("192.0.2.11"), "192.0.2.11", &[])]
fn an_address_that_another_station_has_and_no_node_announced_is_given_up(
    #[case] service: Svc,
    #[case] expected: &str,
    #[case] said: &[&str],
) {
    let pools = vec![plain("p", &["192.0.2.11-192.0.2.20"])];
    let service = taken(service.holding(&["192.0.2.11"], "p"), "192.0.2.11");
    let world = world(pools, &[service]);
    assert_eq!(
        (outcome(&world, "a").as_str(), notes(&world, "a").as_slice()),
        (expected, said)
    );
}

#[test]
fn of_two_addresses_the_one_that_is_announced_stays() {
    let pools = vec![plain(
        "p",
        &["192.0.2.11-192.0.2.20", "2001:db8::11-2001:db8::20"],
    )];
    let held = ["192.0.2.11", "2001:db8::11"];
    let service = taken(
        svc("a").dual("RequireDualStack").holding(&held, "p"),
        "2001:db8::11",
    );
    assert_eq!(
        outcome(&world(pools, &[service]), "a"),
        "192.0.2.11, 2001:db8::12"
    );
}

#[test]
fn where_there_is_no_other_address_it_is_kept_and_said_so() {
    let service = taken(svc("a").holding(&["192.0.2.11"], "p"), "192.0.2.11");
    let world = world(vec![plain("p", &["192.0.2.11/32"])], &[service]);
    assert_eq!(outcome(&world, "a"), "192.0.2.11");
    assert_eq!(notes(&world, "a"), ["NoReplacement"]);
}

#[test]
fn what_was_given_up_for_that_is_given_out_on_request_only() {
    let of = |service: Svc| {
        let mut world = world(vec![plain("p", &["192.0.2.11-192.0.2.20"])], &[service]);
        world.taken.insert(ip("192.0.2.11"));
        outcome(&world, "a")
    };
    assert_eq!(of(svc("a")), "192.0.2.12");
    assert_eq!(of(asking("192.0.2.11")), "192.0.2.11");
    assert_eq!(of(svc("a").holding(&["192.0.2.11"], "p")), "192.0.2.11");
}

#[test]
fn where_a_station_has_all_that_is_asked_for_no_service_goes_round_the_pool() {
    let service = taken(svc("a").holding(&["192.0.2.99"], "p"), "192.0.2.99");
    let mut world = world(vec![plain("p", &["192.0.2.0/24"])], &[service]);
    world.taken = (0..16).map(|last| IpAddr::from([192, 0, 2, last])).collect();
    assert_eq!(outcome(&world, "a"), "192.0.2.99");
    world.taken.pop_first();
    assert_eq!(outcome(&world, "a"), "192.0.2.0");
}
