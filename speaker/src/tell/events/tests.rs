use std::time::Duration;

use ferrolb_crds::api::core::Service;
use ferrolb_segment::mac::Mac;
use ferrolb_segment::message::Wire;
use serde_json::json;

use super::*;
use crate::facts::KubeProxy;
use crate::may::View;
use crate::may::fixture::{advert, cluster, endpoints, key, link, service};
use crate::see::dataplane::Dataplane;
use crate::see::exclude::ExcludeList;
use crate::see::snapshot::Snapshot;
use crate::verdict::fixture::Segment;

/// n1 announces these addresses of web.
fn announcing(addresses: &[&str]) -> Verdicts {
    let mut view = cluster(&["n1"]);
    service(&mut view, "web", addresses);
    if addresses.is_empty() {
        endpoints(&mut view, "web", &[]);
    }
    verdicts(&view, "n1")
}

fn verdicts(view: &View, node: &str) -> Verdicts {
    let segment = Segment {
        view,
        alive: &["n1", "n2", "n3"],
        statuses: &[],
    };
    segment.seen_from(node)
}

fn told(told: &mut Told, verdicts: &Verdicts) -> Vec<(String, String)> {
    told_at(told, verdicts, Instant::now())
}

fn told_at(told: &mut Told, verdicts: &Verdicts, now: Instant) -> Vec<(String, String)> {
    told_of(told, verdicts, "Announced", now)
}

/// As [`told_at`]; the condition of the Service has this reason.
fn told_of(told: &mut Told, verdicts: &Verdicts, reason: &str, now: Instant) -> Vec<(String, String)> {
    let condition = json!({"type": "ferrolb.io/Announced", "status": "True", "reason": reason, "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let object: Service = serde_json::from_value(json!({"metadata": {"name": "web", "namespace": "shop"},
        "spec": {"type": "LoadBalancer"}, "status": {"conditions": [condition]}}))
    .unwrap();
    let shown = Arc::new(Shown::read(&object, None));
    let notices = told.notices(
        verdicts,
        &BTreeMap::from([(key("web"), shown)]),
        &History::default(),
        now,
    );
    notices.into_iter().map(|one| (one.reason, one.note)).collect()
}

#[test]
fn a_service_is_told_once_while_it_is_announced_here() {
    let mut state = Told::default();
    let expected = (
        "nodeAssigned".to_owned(),
        "announcing from node \"n1\" with protocol \"layer2\"".to_owned(),
    );
    let first = told(&mut state, &announcing(&["192.0.2.1"]));
    assert_eq!(first, std::slice::from_ref(&expected));
    assert_eq!(told(&mut state, &announcing(&["192.0.2.1", "2001:db8::1"])), []);
    assert_eq!(told(&mut state, &announcing(&[])), []);
    assert_eq!(told(&mut state, &announcing(&["192.0.2.1"])), [expected]);
}

#[test]
fn what_an_earlier_process_told_is_not_told_again() {
    let mut state = Told::before([key("web")]);
    assert_eq!(told(&mut state, &announcing(&["192.0.2.1"])), []);
}

#[test]
fn an_address_that_no_node_has_an_interface_for_is_told_once_by_one_of_them() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["192.0.2.1"]);
    advert(&mut view, "everywhere", json!({"interfaces": ["eth9"]}));
    let nodes = ["n1", "n2", "n3"];
    nodes
        .iter()
        .for_each(|node| link(&mut view, node, "eth0", &["192.0.2.0/24"]));
    let mut states = nodes.map(|node| (node, Told::default()));
    let mut tell = || -> Vec<(String, String)> {
        let all = states.iter_mut();
        all.flat_map(|(node, state)| told(state, &verdicts(&view, node)))
            .collect()
    };
    let first = tell();
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(first[0].0, "announceFailed");
    assert!(
        first[0]
            .1
            .ends_with("the node has no interface that an L2Advertisement allows"),
        "{first:?}"
    );
    assert_eq!(tell(), []);
}

#[test]
fn a_problem_is_told_once_by_one_of_the_living_and_only_if_nobody_else_does() {
    let problem = |kind: &str| Problem {
        object: ObjectReference {
            kind: Some(kind.to_owned()),
            name: Some("metallb-excludel2".to_owned()),
            ..ObjectReference::default()
        },
        message: "data: has no key excludel2.yaml".to_owned(),
    };
    let mut snapshot = Snapshot {
        policy: Default::default(),
        peers: Default::default(),
        sessions: Default::default(),
        view: cluster(&["n1", "n2", "n3"]),
        shown: Arc::default(),
        statuses: Arc::default(),
        exclude: Arc::new(ExcludeList::default()),
        problems: vec![problem("ConfigMap"), problem("IPAddressPool")],
        secret: None,
    };
    let mut states = ["n1", "n2", "n3"].map(|node| (node, ToldProblems::default()));
    let mut tell = |snapshot: &Snapshot| -> Vec<Notice> {
        let all = states.iter_mut();
        all.flat_map(|(node, told)| {
            told.notices(
                &snapshot.problems,
                &verdicts(&snapshot.view, node),
                Instant::now(),
            )
        })
        .collect()
    };
    assert_eq!(tell(&snapshot), [invalid_configuration(&problem("ConfigMap"))]);
    assert_eq!(tell(&snapshot), []);
    let healed = std::mem::take(&mut snapshot.problems);
    assert_eq!(tell(&snapshot), []);
    snapshot.problems = healed;
    assert_eq!(tell(&snapshot).len(), 1);
}

#[test]
fn the_witness_alone_tells_what_it_finds_and_once_when_it_is_well_again() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["192.0.2.2"]);
    let (mut witness, mut holder) = (Told::before([key("web")]), Told::before([key("web")]));
    let mut tell = |wire: Wire| {
        let segment = Segment {
            view: &view,
            alive: &["n1", "n2", "n3"],
            statuses: &[],
        };
        let found = |node| segment.found(node, "n3", &[("192.0.2.2", wire)]);
        assert_eq!(told(&mut holder, &found("n1")), []);
        let told = told(&mut witness, &found("n3")).into_iter();
        told.map(|(reason, note)| format!("{reason}: {note}"))
            .collect::<Vec<_>>()
    };
    let mac = |last| Mac([2, 0, 0, 0, 0, last]);
    assert!(tell(Wire::Ok).is_empty());
    assert_eq!(
        tell(Wire::Unanswered(mac(1))),
        [
            "WireSilent: 192.0.2.2: node n1 (MAC address 02:00:00:00:00:01) does not answer when node n3 asks for the address on eth0"
        ]
    );
    assert!(tell(Wire::Unanswered(mac(1))).is_empty());
    assert!(tell(Wire::Several(mac(9), None))[0].starts_with(
        "WireDisputed: 192.0.2.2: another station (MAC address 02:00:00:00:00:09, locally administered)"
    ));
    assert!(
        tell(Wire::Several(mac(8), None)).is_empty(),
        "whatever MAC address it makes up"
    );
    assert_eq!(
        tell(Wire::Ok),
        ["WireAnswered: 192.0.2.2: its holder, and no other station, answers for it again"]
    );
    assert!(tell(Wire::Ok).is_empty());
}

#[test]
fn a_holder_tells_once_that_packets_do_not_get_on_from_it() {
    let mut view = cluster(&["n1"]);
    service(&mut view, "web", &["192.0.2.1"]);
    let segment = Segment {
        view: &view,
        alive: &["n1"],
        statuses: &[],
    };
    let with = |kube_proxy| Dataplane {
        kube_proxy,
        ..Dataplane::default()
    };
    let mut state = Told::before([key("web")]);
    let mut tell = |kube_proxy| told(&mut state, &segment.doing("n1", &with(kube_proxy)));
    let expected = (
        "KubeProxyDown".to_owned(),
        "192.0.2.1: kube-proxy there says that it is not healthy: changes of endpoints may not reach the kernel".to_owned(),
    );
    assert_eq!(tell(KubeProxy::Healthy), []);
    assert_eq!(tell(KubeProxy::Unhealthy), std::slice::from_ref(&expected));
    assert_eq!(tell(KubeProxy::Unhealthy), []);
    assert_eq!(tell(KubeProxy::Healthy), []);
    assert_eq!(tell(KubeProxy::Unhealthy), [expected]);
}

#[test]
fn of_an_address_that_moves_it_is_not_told_again_what_the_condition_says() {
    let mut view = cluster(&["n1"]);
    service(&mut view, "web", &["192.0.2.1"]);
    let segment = Segment {
        view: &view,
        alive: &["n1"],
        statuses: &[],
    };
    let unhealthy = Dataplane {
        kube_proxy: KubeProxy::Unhealthy,
        ..Dataplane::default()
    };
    let verdicts = segment.doing("n1", &unhealthy);
    let tell = |reason| {
        let mut heir = Told::before([key("web")]);
        told_of(&mut heir, &verdicts, reason, Instant::now()).len()
    };
    assert_eq!(["KubeProxyDown", "StrictReversePath"].map(tell), [0, 1]);
}

#[test]
fn an_address_that_nobody_announces_for_a_while_is_told_once_by_one_of_the_living() {
    let mut view = cluster(&["n1", "n2", "n3"]);
    service(&mut view, "web", &["192.0.2.1"]);
    endpoints(&mut view, "web", &[]);
    let began = Instant::now();
    let mut states = ["n1", "n2", "n3"].map(|node| (node, Told::default()));
    let mut tell = |after_seconds| -> Vec<(String, String)> {
        let now = began + Duration::from_secs(after_seconds);
        let all = states.iter_mut();
        all.flat_map(|(node, state)| told_at(state, &verdicts(&view, node), now))
            .collect()
    };
    let expected = (
        "NoEndpoints".to_owned(),
        "192.0.2.1 not announced: no endpoint can serve".to_owned(),
    );
    assert_eq!(tell(0), []);
    assert_eq!(tell(4), []);
    assert_eq!(tell(5), [expected]);
    assert_eq!(tell(60), []);
}

#[test]
fn a_speaker_wakes_to_tell_of_an_address_that_stays_silent() {
    let now = Instant::now();
    let mut state = Told::default();
    told_at(&mut state, &announcing(&["192.0.2.1"]), now);
    assert_eq!(state.next(), None);
    let mut view = cluster(&["n1"]);
    service(&mut view, "web", &["192.0.2.1"]);
    endpoints(&mut view, "web", &[]);
    told_at(&mut state, &verdicts(&view, "n1"), now);
    assert_eq!(state.next(), Some(now + Duration::from_secs(5)));
}

#[test]
fn the_one_that_writes_the_condition_tells_at_once_that_another_station_has_an_address() {
    let mut view = cluster(&["n1", "n2"]);
    service(&mut view, "web", &["192.0.2.2"]);
    let segment = Segment {
        view: &view,
        alive: &["n1", "n2"],
        statuses: &[],
    };
    let mut tellers = ["n1", "n2"].map(|node| (node, Told::before([])));
    let mut tell = || -> Vec<String> {
        let each = tellers.iter_mut().flat_map(|(node, teller)| {
            told(
                teller,
                &segment.taken(node, "n2", "192.0.2.2", Mac([0x52, 0x54, 0, 0, 0, 9])),
            )
        });
        each.map(|(reason, note)| format!("{reason}: {note}")).collect()
    };
    assert_eq!(
        tell(),
        [
            "WireTaken: 192.0.2.2 not announced: another station (MAC address 52:54:00:00:00:09, QEMU/KVM), which is no node, answers when \
             node n2 asks for the address on eth0 before its first use"
        ]
    );
    assert!(tell().is_empty());
}
