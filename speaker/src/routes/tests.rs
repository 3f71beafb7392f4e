mod metallb;

use ferrolb_crds::api::{BGPAdvertisement, BGPPeer};
use ferrolb_crds::domain::Endpoint;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::may::fixture::{
    cluster, endpoints, excluded, ip, local_service, node, only, service, set_endpoints,
};

/// Nodes n1, n2 and n3, Service shop/web with an address of each family, and peer `tor` of IPv4.
fn scene() -> (View, Policy) {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["192.0.2.1", "2001:db8::1"]);
    let mut policy = Policy::default();
    peer(&mut policy, "tor", json!({}));
    (view, policy)
}

fn peer(policy: &mut Policy, name: &str, more: Value) {
    let mut spec = json!({"myASN": 64512, "peerASN": 64500, "peerAddress": "198.51.100.1"});
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    let wire: BGPPeer = serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap();
    let peer = BgpPeer::parse(&wire).unwrap();
    Arc::make_mut(&mut policy.peers).insert(peer.name.clone(), peer);
}

fn advert(policy: &mut Policy, name: &str, spec: Value) {
    let made = format!("2026-01-01T00:00:{:02}Z", policy.adverts.len());
    let wire = json!({"metadata": {"name": name, "creationTimestamp": made}, "spec": spec});
    let wire: BGPAdvertisement = serde_json::from_value(wire).unwrap();
    let advert = BgpAdvert::parse(&wire).unwrap();
    Arc::make_mut(&mut policy.adverts).insert(advert.name.clone(), advert);
}

/// As [`advert`], and routes say how many ready endpoints are behind them.
fn weighing(policy: &mut Policy, name: &str, spec: Value) {
    let metadata = json!({"name": name, "annotations": {"ferrolb.io/link-bandwidth": "ready-endpoints"}});
    let wire: BGPAdvertisement = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
    let advert = BgpAdvert::parse(&wire).unwrap();
    Arc::make_mut(&mut policy.adverts).insert(advert.name.clone(), advert);
}

/// The weight of each prefix that peer `tor` is told by the node.
fn weights(view: &View, policy: &Policy, node: &str) -> Vec<Option<u32>> {
    let routes = routes(view, policy, &node.into());
    let table = &routes.tables[&PeerName::from("tor")];
    table
        .values()
        .map(|attributes| attributes.communities.weight())
        .collect()
}

fn cordoned() -> Value {
    json!({"spec": {"unschedulable": true}})
}

fn endpoint(node: &str, ready: bool) -> Endpoint {
    Endpoint {
        node: Some(node.into()),
        ready,
        serving: true,
    }
}

fn told(view: &View, policy: &Policy, node: &str, peer: &str) -> Vec<String> {
    let routes = routes(view, policy, &node.into());
    routes.tables[&PeerName::from(peer)]
        .keys()
        .map(ToString::to_string)
        .collect()
}

fn fate(view: &View, policy: &Policy, address: &str) -> Option<Result<String, &'static str>> {
    let routes = routes(view, policy, &"n1".into());
    let names = |tellers: &Arc<Tellers>| tellers.keys().map(NodeName::as_str).collect::<Vec<_>>().join(" ");
    let fate = routes.fates.get(&ip(address))?;
    Some(fate.as_ref().map(names).map_err(Reason::word))
}

#[test]
fn every_node_tells_its_peers_the_address() {
    let (view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    for node in ["n1", "n2", "n3"] {
        assert_eq!(told(&view, &policy, node, "tor"), ["192.0.2.1/32"]);
    }
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n1 n2 n3".to_owned())));
}

#[test]
fn without_an_advertisement_nothing_is_said_and_the_session_is_held() {
    let (view, policy) = scene();
    assert!(told(&view, &policy, "n1", "tor").is_empty());
    assert_eq!(fate(&view, &policy, "192.0.2.1"), None);
}

#[test]
fn a_family_goes_over_sessions_that_carry_it() {
    let (view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    assert_eq!(fate(&view, &policy, "2001:db8::1"), Some(Err("FamilyNotCarried")));
    peer(&mut policy, "both", json!({"dualStackAddressFamily": true}));
    assert_eq!(
        told(&view, &policy, "n1", "both"),
        ["192.0.2.1/32", "2001:db8::1/128"]
    );
    assert_eq!(told(&view, &policy, "n1", "tor"), ["192.0.2.1/32"]);
}

#[rstest]
#[case::a_peer_that_is_not_there(json!({"peers": ["tro"]}), Err("NoPeer"))]
#[case::a_node_that_is_selected(json!({"nodeSelectors": [only("n2")]}), Ok("n2"))]
#[case::no_node_that_is_selected(json!({"nodeSelectors": [only("n9")]}), Err("NoEligibleNode"))]
fn who_tells_follows_the_advertisement(#[case] spec: Value, #[case] expected: Result<&str, &'static str>) {
    let (view, mut policy) = scene();
    advert(&mut policy, "a", spec);
    assert_eq!(
        fate(&view, &policy, "192.0.2.1"),
        Some(expected.map(str::to_owned))
    );
}

#[test]
fn a_node_without_the_peer_does_not_tell() {
    let (view, mut policy) = scene();
    peer(&mut policy, "tor", json!({"nodeSelectors": [only("n1")]}));
    advert(&mut policy, "a", json!({}));
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n1".to_owned())));
    assert!(routes(&view, &policy, &"n2".into()).tables.is_empty());
}

#[test]
fn a_service_that_is_not_selected_is_not_asked_for() {
    let (view, mut policy) = scene();
    advert(
        &mut policy,
        "a",
        json!({"serviceSelectors": [{"matchLabels": {"app": "mail"}}]}),
    );
    assert_eq!(fate(&view, &policy, "192.0.2.1"), None);
}

#[test]
fn excluded_nodes_and_nodes_without_network_do_not_tell_and_cordoned_ones_do() {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    node(&mut view, "n1", excluded());
    node(
        &mut view,
        "n2",
        json!({"status": {"conditions": [{"type": "NetworkUnavailable", "status": "True"}]}}),
    );
    node(&mut view, "n3", cordoned());
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n3".to_owned())));
}

#[test]
fn without_endpoints_nobody_tells() {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    endpoints(&mut view, "web", &[]);
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Err("NoEndpoints")));
    assert!(told(&view, &policy, "n1", "tor").is_empty());
}

#[test]
fn of_policy_local_nodes_with_ready_endpoints_tell_and_terminating_ones_while_there_is_no_other() {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    local_service(&mut view, "web", &["192.0.2.1"], &["n1"]);
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n1".to_owned())));
    set_endpoints(&mut view, "web", [endpoint("n1", false), endpoint("n2", true)]);
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n2".to_owned())));
    set_endpoints(&mut view, "web", [endpoint("n1", false)]);
    assert_eq!(fate(&view, &policy, "192.0.2.1"), Some(Ok("n1".to_owned())));
    set_endpoints(&mut view, "web", [endpoint("elsewhere", true)]);
    assert_eq!(
        fate(&view, &policy, "192.0.2.1"),
        Some(Err("NoEndpointBehindPeers"))
    );
}

#[test]
fn an_aggregate_is_told_once_for_all_addresses_beneath_it() {
    let (mut view, mut policy) = scene();
    service(&mut view, "mail", &["192.0.2.2"]);
    advert(&mut policy, "a", json!({"aggregationLength": 24}));
    assert_eq!(told(&view, &policy, "n1", "tor"), ["192.0.2.0/24"]);
}

#[test]
fn communities_are_united_and_of_different_local_prefs_the_older_ones_counts() {
    let (view, mut policy) = scene();
    advert(
        &mut policy,
        "z-older",
        json!({"localPref": 200, "communities": ["65000:1"]}),
    );
    advert(
        &mut policy,
        "a-newer",
        json!({"localPref": 300, "communities": ["65000:2", "large:1:2:3"]}),
    );
    let routes = routes(&view, &policy, &"n1".into());
    let attributes = routes.tables[&PeerName::from("tor")].values().next().unwrap();
    assert_eq!(attributes.local_pref, Some(200));
    assert_eq!(
        (
            attributes.communities.standard.len(),
            attributes.communities.large.len()
        ),
        (2, 1)
    );
    let said: Vec<String> = routes.conflicts.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "spec.localPref: 300 does not count for 192.0.2.1/32: BGPAdvertisement z-older, which is older, says 200"
        ]
    );
}

/// Which sessions are up: all with `tor`.
fn up(nodes: &[&str]) -> SessionsByNode {
    let tor = || BTreeSet::from([PeerName::from("tor")]);
    nodes.iter().map(|node| (NodeName::from(*node), tor())).collect()
}

#[rstest]
#[case::others_tell(&["n1", "n2"], &["192.0.2.1/32"])]
#[case::nobody_else_tells(&["n1"], &[])]
#[case::its_own_session_is_not_up_yet(&["n2"], &["192.0.2.1/32"])]
fn a_cordoned_node_gives_up_what_others_tell(#[case] sessions: &[&str], #[case] expected: &[&str]) {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    node(&mut view, "n1", cordoned());
    let given_up = |node: &str| {
        let node = NodeName::from(node);
        let routes = routes(&view, &policy, &node);
        let given_up = super::given_up(&routes, &up(sessions), &view, &node);
        let prefixes = given_up.into_values().flatten();
        prefixes.map(|prefix| prefix.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(given_up("n1"), expected);
    assert_eq!(given_up("n2"), Vec::<String>::new());
}

#[test]
fn what_a_node_that_is_lost_said_last_is_nothing_to_rely_on() {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    node(&mut view, "n1", cordoned());
    let lost = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
    node(&mut view, "n2", lost);
    let routes = routes(&view, &policy, &"n1".into());
    let given_up = |sessions: &[&str]| super::given_up(&routes, &up(sessions), &view, &"n1".into()).len();
    assert_eq!(given_up(&["n1", "n2"]), 0);
    assert_eq!(given_up(&["n1", "n2", "n3"]), 1);
}

#[test]
fn cordoned_nodes_give_up_nothing_to_each_other() {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "a", json!({}));
    for name in ["n1", "n2", "n3"] {
        node(&mut view, name, cordoned());
    }
    let routes = routes(&view, &policy, &"n1".into());
    let given_up = super::given_up(&routes, &up(&["n1", "n2", "n3"]), &view, &"n1".into());
    assert_eq!(given_up, GivenUp::new());
}

#[test]
fn an_aggregate_is_given_up_once_others_tell_all_of_it() {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "a", json!({"aggregationLength": 24}));
    local_service(&mut view, "near", &["192.0.2.9"], &["n1"]);
    node(&mut view, "n1", cordoned());
    let given_up = |view: &View| {
        let routes = routes(view, &policy, &"n1".into());
        super::given_up(&routes, &up(&["n1", "n2"]), view, &"n1".into()).len()
    };
    assert_eq!(given_up(&view), 0, "n1 alone has the endpoint of one");
    set_endpoints(&mut view, "near", [endpoint("n1", true), endpoint("n2", true)]);
    assert_eq!(given_up(&view), 1);
}

#[test]
fn only_a_node_whose_session_is_up_tells_and_not_one_that_leaves_while_another_does() {
    let (mut view, _) = scene();
    let set = |names: &[&str]| -> BTreeSet<PeerName> { names.iter().map(|name| (*name).into()).collect() };
    let tellers = Tellers::from([("n1".into(), set(&["a", "b"])), ("n2".into(), set(&["a"]))]);
    let sessions = SessionsByNode::from([("n1".into(), set(&["a", "b", "c"])), ("n2".into(), set(&["a"]))]);
    assert_eq!(telling(&tellers, &sessions, &view), tellers);
    node(&mut view, "n1", cordoned());
    let expected = Tellers::from([("n1".into(), set(&["b"])), ("n2".into(), set(&["a"]))]);
    assert_eq!(telling(&tellers, &sessions, &view), expected);
    assert_eq!(telling(&tellers, &SessionsByNode::new(), &view), Tellers::new());
}

#[test]
fn a_route_says_how_many_ready_endpoints_of_policy_local_are_on_the_node() {
    let (mut view, mut policy) = scene();
    weighing(&mut policy, "a", json!({}));
    assert_eq!(
        weights(&view, &policy, "n1"),
        [None],
        "of policy Cluster each node forwards alike"
    );
    local_service(&mut view, "web", &["192.0.2.1"], &["n1", "n1", "n2"]);
    assert_eq!(weights(&view, &policy, "n1"), [Some(2)]);
    assert_eq!(weights(&view, &policy, "n2"), [Some(1)]);
    // Two advertisements of one address count it once.
    weighing(&mut policy, "b", json!({}));
    assert_eq!(weights(&view, &policy, "n1"), [Some(2)]);
    set_endpoints(&mut view, "web", [endpoint("n1", false)]);
    assert_eq!(
        weights(&view, &policy, "n1"),
        [Some(1)],
        "a router takes none for nothing"
    );
}

#[test]
fn of_a_prefix_the_endpoints_of_all_addresses_count_and_of_an_address_those_of_all_services() {
    let (mut view, mut policy) = scene();
    weighing(&mut policy, "a", json!({"aggregationLength": 24}));
    local_service(&mut view, "web", &["192.0.2.1"], &["n1"]);
    local_service(&mut view, "mail", &["192.0.2.1"], &["n1", "n1"]);
    local_service(&mut view, "dns", &["192.0.2.2"], &["n1", "n2"]);
    assert_eq!(weights(&view, &policy, "n1"), [Some(4)]);
    assert_eq!(weights(&view, &policy, "n2"), [Some(1)]);
}

#[test]
fn an_advertisement_that_does_not_ask_for_it_adds_no_weight() {
    let (mut view, mut policy) = scene();
    advert(&mut policy, "plain", json!({}));
    local_service(&mut view, "web", &["192.0.2.1"], &["n1"]);
    assert_eq!(weights(&view, &policy, "n1"), [None]);
}
