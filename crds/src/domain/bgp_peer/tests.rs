use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn parse(more: Value) -> Result<BgpPeer, Invalid> {
    let mut spec = json!({"myASN": 64512, "peerASN": 64500, "peerAddress": "192.0.2.1"});
    for (name, value) in more.as_object().unwrap() {
        spec[name] = value.clone();
    }
    BgpPeer::parse(&serde_json::from_value(json!({"metadata": {"name": "tor"}, "spec": spec})).unwrap())
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn what_is_not_said_has_a_default() {
    let peer = parse(json!({})).unwrap();
    assert_eq!(peer.port.get(), 179);
    assert_eq!(
        (peer.timers.hold, peer.timers.keepalive),
        (seconds(90), seconds(30))
    );
    assert_eq!(peer.connect, seconds(5));
    assert!(peer.selects_node(&Labels::new()) && peer.bfd.is_none());
    assert!(peer.carries(Family::V4) && !peer.carries(Family::V6));
}

#[test]
fn a_peer_behind_an_interface_takes_routes_of_both_families() {
    let peer = parse(json!({"peerAddress": null, "interface": "eth0"})).unwrap();
    assert_eq!(peer.place, PeerPlace::Interface("eth0".into()));
    assert!(Family::BOTH.into_iter().all(|family| peer.carries(family)));
}

#[rstest]
#[case::nothing(json!({}), 90, 30)]
#[case::hold_alone(json!({"holdTime": "10s"}), 10, 3)]
#[case::keepalive_alone(json!({"keepaliveTime": "1m"}), 180, 60)]
#[case::both(json!({"holdTime": "9s", "keepaliveTime": "2s"}), 9, 2)]
#[case::fractions_are_cut(json!({"holdTime": "3500ms"}), 3, 1)]
#[case::never(json!({"holdTime": "0s"}), 0, 0)]
fn timers_follow_from_each_other(#[case] more: Value, #[case] hold: u64, #[case] keepalive: u64) {
    let timers = parse(more).unwrap().timers;
    assert_eq!(
        (timers.hold, timers.keepalive),
        (seconds(hold), seconds(keepalive))
    );
}

#[rstest]
#[case(json!({"myASN": 0}), "spec.myASN: 0 is not within 1 to 4294967295")]
#[case(json!({"peerASN": 4_294_967_296_i64}), "spec.peerASN: 4294967296 is not within 1 to 4294967295")]
#[case(json!({"peerASN": 0}), "spec.peerASN: neither it nor spec.dynamicASN is given")]
#[case(json!({"dynamicASN": "internal"}), "spec.peerASN: 64500 is given beside spec.dynamicASN; only one may be")]
#[case(json!({"peerASN": null, "dynamicASN": "both"}), "spec.dynamicASN: \"both\" is neither internal nor external")]
#[case(json!({"peerAddress": "tor"}), "spec.peerAddress: \"tor\" is no IP address")]
#[case(json!({"peerAddress": "fe80::1%eth0"}), "spec.peerAddress: \"fe80::1%eth0\" is no IP address")]
#[case(json!({"peerAddress": ""}), "spec.peerAddress: neither it nor spec.interface is given")]
#[case(json!({"interface": "eth0"}), "spec.interface: eth0 is given beside spec.peerAddress; only one may be")]
#[case(json!({"peerAddress": null, "interface": "eth0", "sourceAddress": "2001:db8::1"}), "spec.sourceAddress: is given beside spec.interface; only one may be")]
#[case(json!({"peerAddress": null, "interface": "eth0", "ebgpMultiHop": true}), "spec.ebgpMultiHop: is given beside spec.interface; only one may be")]
#[case(json!({"sourceAddress": "2001:db8::1"}), "spec.sourceAddress: 2001:db8::1 is not of the family of spec.peerAddress 192.0.2.1")]
#[case(json!({"holdTime": "2s"}), "spec.holdTime: 2 s is neither 0 nor within 3 s to 65535 s")]
#[case(json!({"holdTime": "9s", "keepaliveTime": "10s"}), "spec.keepaliveTime: 10 s is longer than spec.holdTime of 9 s")]
#[case(json!({"holdTime": "-9s"}), "spec.holdTime: \"-9s\" is no duration: it is negative")]
#[case(json!({"connectTime": "0s"}), "spec.connectTime: 0 s is not within 1 s to 65535 s")]
#[case(json!({"routerID": "127.0.0.1"}), "spec.routerID: \"127.0.0.1\" is no address that a router may have")]
#[case(json!({"ebgpMultiHop": true, "peerASN": 64512}), "spec.ebgpMultiHop: true is for peers with another AS number only")]
#[case(json!({"password": "a", "passwordSecret": {"name": "s"}}), "spec.password: is given beside spec.passwordSecret; only one may be")]
fn names_what_is_wrong(#[case] more: Value, #[case] message: &str) {
    assert_eq!(parse(more).unwrap_err().to_string(), message);
}

#[test]
fn the_peer_sees_the_number_that_is_meant_for_it() {
    let peer = parse(json!({"localASN": 64499})).unwrap();
    assert_eq!(peer.local_as.get(), 64499);
    assert!(!peer.remote_as.is_internal(peer.local_as));
}

#[test]
fn a_password_is_never_shown() {
    let peer = parse(json!({"password": "hunter2"})).unwrap();
    assert_eq!(peer.password, Password::Plain(Secrecy("hunter2".to_owned())));
    assert!(!format!("{peer:?}").contains("hunter2"));
}

/// A peer with the annotation.
fn secured(value: &str, more: Value) -> Result<bool, String> {
    let mut spec = json!({"myASN": 64512, "peerASN": 64500, "peerAddress": "192.0.2.1"});
    for (name, value) in more.as_object().unwrap() {
        spec[name] = value.clone();
    }
    let metadata = json!({"name": "tor", "annotations": {"ferrolb.io/ttl-security": value}});
    let object = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
    let parsed = BgpPeer::parse(&object);
    parsed
        .map(|peer| peer.ttl_security)
        .map_err(|wrong| wrong.to_string())
}

#[rstest]
#[case::said("true", json!({}), Ok(true))]
#[case::of_any_other_as("true", json!({"peerASN": 0, "dynamicASN": "external"}), Ok(true))]
#[case::not_said("false", json!({"ebgpMultiHop": true}), Ok(false))]
#[case("yes", json!({}), Err("ferrolb.io/ttl-security: \"yes\" is neither \"true\" nor \"false\""))]
#[case("true", json!({"ebgpMultiHop": true}), Err("ferrolb.io/ttl-security: is given beside spec.ebgpMultiHop; only one may be"))]
#[case::of_our_own_as("true", json!({"peerASN": 64512}), Ok(true))]
fn only_peers_that_are_one_hop_away_can_be_asked_to_show_it(
    #[case] value: &str,
    #[case] more: Value,
    #[case] expected: Result<bool, &str>,
) {
    assert_eq!(secured(value, more), expected.map_err(str::to_owned));
}

#[rstest]
#[case::above_what_four_octets_hold(json!({"myASN": 4_294_967_296_i64}), "spec.myASN: 4294967296 is not within 1 to 4294967295")]
#[case::a_local_as_of_nobody(json!({"localASN": 0}), "spec.localASN: 0 is not within 1 to 4294967295")]
#[case::no_as_at_all(json!({"peerASN": null}), "spec.peerASN: neither it nor spec.dynamicASN is given")]
#[case::multihop_within_the_as_that_the_peer_sees(json!({"ebgpMultiHop": true, "localASN": 64500}), "spec.ebgpMultiHop: true is for peers with another AS number only")]
#[case::multihop_within_any_as(json!({"ebgpMultiHop": true, "peerASN": null, "dynamicASN": "internal"}), "spec.ebgpMultiHop: true is for peers with another AS number only")]
#[case::a_source_that_is_a_name(json!({"sourceAddress": "eth0"}), "spec.sourceAddress: \"eth0\" is no IP address")]
#[case::a_port_that_does_not_exist(json!({"peerPort": 65536}), "spec.peerPort: 65536 is no port")]
#[case::a_hold_time_that_no_open_can_say(json!({"holdTime": "65536s"}), "spec.holdTime: 65536 s is neither 0 nor within 3 s to 65535 s")]
#[case::a_hold_time_without_a_unit(json!({"holdTime": "ten"}), "spec.holdTime: \"ten\" is no duration: ")]
#[case::a_connect_time_that_frr_does_not_take(json!({"connectTime": "65536s"}), "spec.connectTime: 65536 s is not within 1 s to 65535 s")]
#[case::a_router_id_of_ipv6(json!({"routerID": "2001:db8::1"}), "spec.routerID: \"2001:db8::1\" is no IPv4 address")]
#[case::a_router_id_of_a_group(json!({"routerID": "224.0.0.1"}), "spec.routerID: \"224.0.0.1\" is no address that a router may have")]
#[case::a_router_id_of_zero(json!({"routerID": "0.0.0.1"}), "spec.routerID: \"0.0.0.1\" is no address that a router may have")]
#[case::an_operator_that_selects_nothing(json!({"nodeSelectors": [{"matchExpressions": [{"key": "rack", "operator": "Is", "values": ["a"]}]}]}), "spec.nodeSelectors[0]")]
fn refuses_what_metallb_refuses(#[case] more: Value, #[case] message: &str) {
    let wrong = parse(more).unwrap_err().to_string();
    assert!(wrong.starts_with(message), "{wrong}");
}

#[rstest]
#[case::a_number(json!({}), RemoteAs::Is(Asn::new(64500).unwrap()), false)]
#[case::our_own(json!({"peerASN": 64512}), RemoteAs::Is(Asn::new(64512).unwrap()), true)]
#[case::any_of_our_own(json!({"peerASN": 0, "dynamicASN": "internal"}), RemoteAs::Internal, true)]
#[case::any_other(json!({"peerASN": null, "dynamicASN": "external"}), RemoteAs::External, false)]
#[case::that_of_the_local_as(json!({"localASN": 64500}), RemoteAs::Is(Asn::new(64500).unwrap()), true)]
fn a_peer_is_internal_if_it_has_the_as_that_it_sees(
    #[case] more: Value,
    #[case] remote: RemoteAs,
    #[case] internal: bool,
) {
    let peer = parse(more).unwrap();
    assert_eq!(
        (peer.remote_as, peer.remote_as.is_internal(peer.local_as)),
        (remote, internal)
    );
}

#[test]
fn what_is_empty_is_not_said() {
    let peer = parse(
        json!({"peerPort": 0, "sourceAddress": "", "vrf": "", "bfdProfile": "", "routerID": "",
        "password": "", "passwordSecret": {"name": ""}, "holdTime": "", "interface": "", "dynamicASN": ""}),
    );
    assert_eq!(peer.unwrap(), parse(json!({})).unwrap());
}

#[test]
fn without_a_word_nothing_is_switched_on() {
    let peer = parse(json!({})).unwrap();
    assert!(!peer.multihop && !peer.graceful_restart && !peer.dual_stack && !peer.ttl_security);
    assert_eq!(
        (peer.password, peer.vrf, peer.source, peer.router_id),
        (Password::None, None, None, None)
    );
}

#[test]
fn one_selector_of_nodes_is_enough() {
    let peer = parse(
        json!({"nodeSelectors": [{"matchLabels": {"rack": "a", "row": "1"}}, {"matchLabels": {"rack": "b"}}]}),
    );
    let selects = |labels: &[(&str, &str)]| {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        peer.as_ref().unwrap().selects_node(&labels.collect())
    };
    assert!(selects(&[("rack", "a"), ("row", "1")]) && selects(&[("rack", "b")]));
    assert!(!selects(&[("rack", "a")]) && !selects(&[]));
}

/// MetalLB refuses zero beside a hold time in its native mode alone.
#[test]
fn keepalives_of_zero_beside_a_hold_time_leave_it_as_it_is() {
    let timers = parse(json!({"holdTime": "9s", "keepaliveTime": "0s"}))
        .unwrap()
        .timers;
    assert_eq!((timers.hold, timers.keepalive), (seconds(9), seconds(0)));
}

#[test]
fn a_secret_is_one_of_our_namespace_whatever_the_reference_says() {
    let peer = parse(json!({"passwordSecret": {"name": "tor", "namespace": "elsewhere"}})).unwrap();
    assert_eq!(peer.password, Password::Secret("tor".to_owned()));
}

#[rstest]
#[case(80, Ok(()))]
#[case(81, Err("has 81 bytes; TCP signs with 80 at most"))]
fn a_password_is_as_long_as_tcp_signs_with(#[case] length: usize, #[case] expected: Result<(), &str>) {
    let read = Secrecy::password(&"x".repeat(length)).map(drop);
    assert_eq!(read, expected.map_err(str::to_owned));
}

/// MetalLB's webhook checks nothing else of a peer that has it.
#[test]
fn disable_mp_means_nothing_and_unlike_in_metallb_hides_no_fault() {
    assert_eq!(parse(json!({"disableMP": true})), parse(json!({})));
    assert!(parse(json!({"disableMP": true, "myASN": 0})).is_err());
}

/// In MetalLB the field cannot be changed once the object exists.
#[test]
fn graceful_restart_can_be_asked_for_at_any_time_unlike_in_metallb() {
    assert!(
        parse(json!({"enableGracefulRestart": true}))
            .unwrap()
            .graceful_restart
    );
    let definitions = crate::api::definitions();
    let of_peers = definitions
        .iter()
        .find(|one| one.spec.names.kind == "BGPPeer")
        .unwrap();
    // A rule that speaks of the value before is what forbids a change.
    assert!(!serde_json::to_string(of_peers).unwrap().contains("oldSelf"));
}
