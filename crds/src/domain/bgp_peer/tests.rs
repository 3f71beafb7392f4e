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
#[case(json!({"peerAddress": null, "interface": "eth0", "bfdProfile": "fast"}), "spec.bfdProfile: is given beside spec.interface; BFD over link-local addresses is not there yet")]
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
