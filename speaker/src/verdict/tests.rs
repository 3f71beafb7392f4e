use ferrolb_crds::domain::{NodeLink, NodeLinks};
use ferrolb_segment::mac::Mac;
use ferrolb_segment::message::Wire;
use serde_json::json;

use super::fixture::{Segment, of_nothing, status};
use super::*;
use crate::may::fixture::{advert, cluster, endpoints, ip, key, service};
use crate::may::may;
use crate::see::dataplane::Dataplane;

/// n1 is first by hash for 192.0.2.2.
fn web() -> View {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["192.0.2.2"]);
    view
}

fn seen(view: &View, alive: &[&str], node: &str) -> Layer2 {
    let statuses = &[];
    let segment = Segment {
        view,
        alive,
        statuses,
    };
    segment.seen_from(node).by_address[&ip("192.0.2.2")]
        .layer2
        .clone()
}

#[test]
fn an_address_is_here_or_there_or_nowhere() {
    let mut view = web();
    let here = Announcement {
        interfaces: ["eth0".into()].into(),
        allowed: Interfaces::Any,
    };
    assert_eq!(seen(&view, &["n1", "n2"], "n1"), Layer2::Here(here));
    assert_eq!(seen(&view, &["n1", "n2"], "n2"), Layer2::There("n1".into()));
    endpoints(&mut view, "web", &[]);
    assert_eq!(
        seen(&view, &["n1", "n2"], "n1"),
        Layer2::Nobody(Reason::NoEndpoints.into())
    );
}

#[test]
fn where_none_of_those_that_may_is_alive_each_has_that_reason() {
    let mut view = web();
    advert(
        &mut view,
        "everywhere",
        json!({"nodeSelectors": [{"matchLabels": {"name": "n1"}}]}),
    );
    let Layer2::Nobody(why) = seen(&view, &["n2", "n3"], "n2") else {
        panic!("nobody can");
    };
    assert_eq!(
        why.to_string(),
        "no node may announce it: n2, n3: no L2Advertisement selects the node (spec.nodeSelectors); n1: not alive: its speaker is not heard"
    );
}

#[test]
fn what_nobody_has_claimed_yet_is_not_known() {
    let verdicts = of_nothing(&web(), "n1");
    assert_eq!(verdicts.by_address[&ip("192.0.2.2")].layer2, Layer2::Unknown);
}

#[test]
fn on_another_segment_the_holder_is_known_by_what_it_says() {
    let view = web();
    let of = |statuses: &[Arc<Seen>], has_key| {
        let verdicts = Verdicts::of(&Evidence {
            node: &"n1".into(),
            view: &view,
            may: &may(&view),
            told: &Views::default(),
            reports: &Reports::default(),
            dataplane: &Dataplane::default(),
            statuses,
            has_key,
            routes: &Routes::default(),
            sessions: &SessionsByNode::new(),
        });
        verdicts.by_address[&ip("192.0.2.2")].layer2.clone()
    };
    assert_eq!(of(&[], true), Layer2::Unknown);
    assert_eq!(of(&[status("n3")], true), Layer2::There("n3".into()));
    // A speaker without a key hears nobody.
    assert_eq!(of(&[], false), Layer2::Nobody(Reason::NoKey.into()));
    assert_eq!(of(&[status("n3")], false), Layer2::There("n3".into()));
}

#[test]
fn what_another_station_has_nobody_announces_and_each_node_says_so() {
    let view = web();
    let taken = |node: &str, statuses: &[Arc<Seen>]| {
        let alive = &["n1", "n2", "n3"];
        let segment = Segment {
            view: &view,
            alive,
            statuses,
        };
        let verdicts = segment.taken(node, "n2", "192.0.2.2", Mac([0x52, 0x54, 0, 0, 0, 9]));
        verdicts.by_address[&ip("192.0.2.2")].clone()
    };
    for node in ["n1", "n2", "n3"] {
        let verdict = taken(node, &[]);
        let Layer2::Nobody(why) = &verdict.layer2 else {
            panic!("{:?}", verdict.layer2);
        };
        assert_eq!(
            (why.word(), why.to_string().as_str()),
            (
                "WireTaken",
                "another station (MAC address 52:54:00:00:00:09, QEMU/KVM), which is no node, answers when node n2 asks for \
                 the address on eth0 before its first use"
            )
        );
        let wire = verdict.wire.unwrap();
        assert_eq!((wire.state, wire.is_ours), ("foreign", node == "n2"));
        assert_eq!(wire.trouble.as_ref(), Some(&**why));
    }
    // The Service's other address.
    assert_eq!(taken("n1", &[status("n3")]).wire.unwrap().state, "foreign");
    // The station is that of a node which this one does not hear, and which says so itself.
    let verdict = taken("n1", &[status("n9")]);
    assert_eq!((verdict.layer2, verdict.wire), (Layer2::Unknown, None));
}

#[test]
fn another_that_says_to_announce_what_is_held_here_is_a_rival() {
    let view = web();
    let rivals = |statuses: &[Arc<Seen>], node: &str| {
        let alive = &["n1", "n2"];
        let segment = Segment {
            view: &view,
            alive,
            statuses,
        };
        segment.seen_from(node).rivals
    };
    assert_eq!(rivals(&[status("n1")], "n1"), [].into());
    let expected = (key("web"), BTreeSet::from(["n3".into()]));
    assert_eq!(rivals(&[status("n1"), status("n3")], "n1"), [expected].into());
    assert_eq!(
        rivals(&[status("n1"), status("n3")], "n2"),
        [].into(),
        "it holds nothing"
    );
}

#[test]
fn a_station_that_the_witness_does_not_hear_is_named_by_what_its_node_tells_of_its_links() {
    let mut view = web();
    let mac = Mac([2, 0, 0, 0, 0, 9]);
    let mut links = NodeLinks::default();
    let link = NodeLink {
        mac: Some(mac),
        ..NodeLink::on([])
    };
    links.add("eth0".into(), link);
    Arc::make_mut(&mut view.links).insert("n2".into(), links);
    let segment = Segment {
        view: &view,
        alive: &["n1", "n3"],
        statuses: &[],
    };
    let trouble = |mac| {
        let verdicts = segment.found("n1", "n3", &[("192.0.2.2", Wire::Several(mac, None))]);
        let wire = verdicts.by_address[&ip("192.0.2.2")].wire.clone().unwrap();
        wire.trouble.unwrap().to_string()
    };
    let known = trouble(mac);
    assert!(
        known.starts_with("node n2 (MAC address 02:00:00:00:00:09) answers beside node n1"),
        "{known}"
    );
    let unknown = trouble(Mac([2, 0, 0, 0, 0, 8]));
    assert!(unknown.contains("which is no node"), "{unknown}");
}
