use rstest::rstest;

use super::*;

const ME: NodeId = NodeId([1; 16]);
const OTHER: NodeId = NodeId([2; 16]);
const MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);
const SECOND: Mac = Mac([2, 0, 0, 0, 0, 3]);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(milliseconds: u64) -> Moment {
    Moment::after_origin(Duration::from_millis(milliseconds))
}

fn path(own: &str, peer: &str) -> Path {
    Path {
        own: ip(own),
        peer: ip(peer),
    }
}

fn usual() -> Path {
    path("192.0.2.1", "192.0.2.2")
}

fn stations() -> Stations {
    let mut stations = Stations::new(Duration::from_millis(100));
    stations.follow(BTreeMap::from([(OTHER, usual())]));
    stations
}

/// Rule U3.
#[rstest]
#[case::ipv4_first(&["192.0.2.1", "2001:db8::1"], &["192.0.2.2", "2001:db8::2"], Some(("192.0.2.1", "192.0.2.2")))]
#[case::ipv6_if_one_has_no_ipv4(&["192.0.2.1", "2001:db8::1"], &["2001:db8::2"], Some(("2001:db8::1", "2001:db8::2")))]
#[case::none_without_a_family_in_common(&["192.0.2.1"], &["2001:db8::2"], None)]
#[case::none_without_an_own_address(&[], &["192.0.2.2"], None)]
fn both_ends_talk_between_the_same_addresses(
    #[case] own: &[&str],
    #[case] theirs: &[&str],
    #[case] expected: Option<(&str, &str)>,
) {
    let all = |of: &[&str]| of.iter().map(|one| ip(one)).collect();
    let stations = BTreeMap::from([(ME, all(own)), (OTHER, all(theirs))]);
    let expected = expected.map(|(own, peer)| path(own, peer));
    assert_eq!(paths(ME, &stations).get(&OTHER).copied(), expected);
    let back = expected.map(|Path { own, peer }| Path { own: peer, peer: own });
    assert_eq!(paths(OTHER, &stations).get(&ME).copied(), back);
}

/// Rule U4.
#[test]
fn who_answered_within_three_intervals_is_heard() {
    let mut stations = stations();
    stations.answered(usual().peer, MAC, at(0));
    assert_eq!(stations.admit(MAC, usual(), at(300)), Ok(OTHER));
    assert_eq!(stations.admit(MAC, usual(), at(301)), Err(Stranger::Unanswering));
}

#[test]
fn who_never_answered_is_not_heard() {
    assert_eq!(stations().admit(MAC, usual(), at(0)), Err(Stranger::Unanswering));
}

/// Rule U4.
#[test]
fn another_station_is_not_heard_in_the_name_of_one_that_answers() {
    let mut stations = stations();
    stations.answered(usual().peer, MAC, at(0));
    assert_eq!(stations.admit(SECOND, usual(), at(1)), Err(Stranger::Unanswering));
}

#[rstest]
#[case::of_no_node(path("192.0.2.1", "192.0.2.9"))]
#[case::to_an_address_that_is_not_ours_here(path("192.0.2.9", "192.0.2.2"))]
fn only_datagrams_between_node_addresses_are_heard(#[case] path: Path) {
    let mut stations = stations();
    stations.answered(usual().peer, MAC, at(0));
    assert_eq!(stations.admit(MAC, path, at(1)), Err(Stranger::Unknown));
}

#[test]
fn a_node_that_answers_with_two_interfaces_is_heard_by_both() {
    let mut stations = stations();
    stations.answered(usual().peer, MAC, at(0));
    stations.answered(usual().peer, SECOND, at(1));
    assert_eq!(stations.admit(MAC, usual(), at(2)), Ok(OTHER));
    assert_eq!(stations.admit(SECOND, usual(), at(2)), Ok(OTHER));
}

#[test]
fn a_flood_of_answers_takes_no_memory() {
    let mut stations = stations();
    for last in 0..=255 {
        stations.answered(usual().peer, Mac([2, 0, 0, 0, 0, last]), at(last.into()));
    }
    assert_eq!(stations.by_node[&OTHER].answers.len(), INTERFACES);
}

/// Rule U4.
#[test]
fn who_answered_lately_is_asked_alone_and_others_with_everybody_listening() {
    let mut stations = stations();
    assert_eq!(stations.to_ask(true, at(0)), [(usual(), None)]);
    stations.answered(usual().peer, MAC, at(0));
    assert_eq!(stations.to_ask(true, at(300)), [(usual(), Some(MAC))]);
    assert_eq!(stations.to_ask(true, at(301)), [(usual(), None)]);
}

#[test]
fn where_nothing_is_said_by_datagrams_only_who_does_is_asked() {
    let mut stations = stations();
    assert!(stations.to_ask(false, at(0)).is_empty());
    stations.admit(MAC, usual(), at(0)).unwrap_err();
    assert_eq!(stations.to_ask(false, at(100)), [(usual(), None)]);
    assert!(stations.to_ask(false, at(301)).is_empty());
}

#[test]
fn a_node_with_another_address_must_answer_anew() {
    let mut stations = stations();
    stations.answered(usual().peer, MAC, at(0));
    assert_eq!(stations.receivers().count(), 1);
    stations.follow(BTreeMap::from([(OTHER, path("192.0.2.1", "192.0.2.3"))]));
    assert_eq!(stations.receivers().count(), 0);
}
