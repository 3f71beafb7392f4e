use ferrolb_runtime::backoff::Jitter;
use rstest::rstest;
use tokio::time::Instant;

use super::*;
use crate::layer2::announce::SegmentReport;
use crate::may::View;
use crate::may::fixture::{advert, cluster, pools, service};
use crate::verdict::fixture::{Segment, seen};

fn web() -> ServiceKey {
    ServiceKey::new("shop", "web")
}

fn owner() -> Owner {
    Owner {
        name: "speaker-x".to_owned(),
        uid: "u-1".to_owned(),
    }
}

/// n1 holds 192.0.2.1 and 2001:db8::1 of web on eth0; the advertisement of each family allows all interfaces or one.
fn verdicts(restricted: [bool; 2]) -> Verdicts {
    let mut view = cluster(&["n1"]);
    pools(
        &mut view,
        &[("four", &["192.0.2.0/24"]), ("six", &["2001:db8::/120"])],
    );
    view.adverts = std::sync::Arc::default();
    for (pool, restricted) in ["four", "six"].into_iter().zip(restricted) {
        let interfaces: &[&str] = if restricted { &["eth0"] } else { &[] };
        advert(
            &mut view,
            pool,
            json!({"ipAddressPools": [pool], "interfaces": interfaces}),
        );
    }
    service(&mut view, "web", &["192.0.2.1", "2001:db8::1"]);
    held(&view)
}

fn held(view: &View) -> Verdicts {
    let report = SegmentReport {
        held: std::sync::Arc::new(
            ["192.0.2.1", "2001:db8::1"]
                .map(|address| address.parse().unwrap())
                .into(),
        ),
        ..SegmentReport::default()
    };
    let segment = Segment {
        view,
        alive: &["n1"],
        statuses: &[],
    };
    segment.reported(&"n1".into(), report)
}

/// What n1 reports if it announces the Service.
fn ours() -> BTreeMap<String, Wanted> {
    wanted(&verdicts([false, false]), &"n1".into(), Some(&owner()))
}

/// The object as the API server shows it once it is written.
fn written(wanted: &Wanted) -> Arc<Seen> {
    let mut object = wanted.object(None);
    object["metadata"]["uid"] = json!(format!("uid-of-{}", wanted.node));
    object["status"] = wanted.status_object()["status"].clone();
    seen(object)
}

fn of_node(node: &str) -> Arc<Seen> {
    let wanted = Wanted {
        node: node.into(),
        ..ours().into_values().next().unwrap()
    };
    written(&wanted)
}

fn alone(_: &ServiceKey, _: &NodeName) -> bool {
    false
}

fn deletion(of: &str) -> Change {
    Change::Delete {
        uid: format!("uid-of-{of}"),
        of: (of != "n1").then(|| (web(), of.into())),
    }
}

#[test]
fn a_name_is_the_same_for_the_same_service_and_node_only() {
    let named = |namespace: &str, name: &str, node: &str| {
        let wanted = Wanted {
            service: ServiceKey::new(namespace, name),
            node: node.into(),
            owner: None,
            interfaces: BTreeSet::new(),
        };
        wanted.name()
    };
    assert_eq!(named("shop", "web", "n1"), "l2-c3955ce82353e69e");
    assert_ne!(named("shop", "web", "n1"), named("shop", "web", "n2"));
    assert_ne!(named("shop", "web", "n1"), named("sho", "pweb", "n1"));
}

#[test]
fn the_object_has_the_labels_and_the_owner_of_metallb() {
    let object = ours().into_values().next().unwrap().object(None);
    assert_eq!(
        object["metadata"]["labels"],
        json!({"metallb.io/node": "n1", "metallb.io/service-name": "web", "metallb.io/service-namespace": "shop"})
    );
    let owner = json!([{"apiVersion": "v1", "kind": "Pod", "name": "speaker-x", "uid": "u-1"}]);
    assert_eq!(object["metadata"]["ownerReferences"], owner);
}

#[test]
fn the_object_says_how_the_service_came_here_and_is_the_same_without() {
    let wanted = ours().into_values().next().unwrap();
    let moved = Move {
        cause: "SpeakerDown",
        took_ms: Some(640),
    };
    let annotations = |moved| wanted.object(moved)["metadata"].get("annotations").cloned();
    let expected = json!({"ferrolb.io/move-cause": "SpeakerDown", "ferrolb.io/move-took-ms": "640"});
    assert_eq!(annotations(Some(&moved)), Some(expected));
    assert_eq!(annotations(None), None);
    let mut object = wanted.object(Some(&moved));
    object["status"] = wanted.status_object()["status"].clone();
    assert!(wanted.is_met(&seen(object)));
}

#[test]
fn a_node_name_too_long_for_a_label_stands_in_the_status_alone() {
    let wanted = Wanted {
        node: "n".repeat(64).into(),
        ..ours().into_values().next().unwrap()
    };
    assert_eq!(
        wanted.object(None)["metadata"]["labels"].get("metallb.io/node"),
        None
    );
    assert!(wanted.is_met(&written(&wanted)));
}

#[rstest]
#[case::any([false, false], &[])]
#[case::restricted([true, true], &["eth0"])]
#[case::one_address_restricted_and_one_not([true, false], &[])]
fn interfaces_are_named_only_where_advertisements_restrict_them(
    #[case] restricted: [bool; 2],
    #[case] expected: &[&str],
) {
    let wanted = wanted(&verdicts(restricted), &"n1".into(), None);
    let status = wanted.into_values().next().unwrap().status();
    let names: Vec<&str> = status.interfaces.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, expected);
}

#[test]
fn what_is_missing_is_made_and_what_is_right_is_left_alone() {
    let (name, wanted) = ours().into_iter().next().unwrap();
    let changes_of = |seen: &[Arc<Seen>]| changes(&ours(), seen, &"n1".into(), alone);
    assert_eq!(
        changes_of(&[]),
        BTreeMap::from([(name, Change::Apply(wanted.clone()))])
    );
    assert_eq!(changes_of(&[written(&wanted)]), BTreeMap::new());
}

#[test]
fn what_differs_is_put_right() {
    let (name, wanted) = ours().into_iter().next().unwrap();
    let predecessor = Owner {
        name: "speaker-w".to_owned(),
        uid: "u-0".to_owned(),
    };
    let seen = written(&Wanted {
        owner: Some(predecessor),
        ..wanted.clone()
    });
    let changes = changes(&ours(), &[seen], &"n1".into(), alone);
    assert_eq!(changes, BTreeMap::from([(name, Change::Apply(wanted))]));
}

#[test]
fn our_own_object_goes_when_we_no_longer_announce() {
    let changes = changes(&BTreeMap::new(), &[of_node("n1")], &"n1".into(), alone);
    assert_eq!(changes.into_values().collect::<Vec<_>>(), [deletion("n1")]);
}

#[test]
fn an_object_of_another_name_for_our_node_goes() {
    let wanted = ours();
    let mut left_by_metallb = of_node("n1");
    Arc::make_mut(&mut left_by_metallb).name = "l2-x7k2p".into();
    let seen = [written(wanted.values().next().unwrap()), left_by_metallb];
    let changes = changes(&wanted, &seen, &"n1".into(), alone);
    assert_eq!(changes, BTreeMap::from([("l2-x7k2p".to_owned(), deletion("n1"))]));
}

#[test]
fn an_object_of_another_node_goes_when_we_take_over() {
    let ours = ours();
    let seen = [written(ours.values().next().unwrap()), of_node("n2")];
    let of = |wanted, announces: fn(&ServiceKey, &NodeName) -> bool| {
        let changes = changes(wanted, &seen, &"n1".into(), announces);
        changes.into_values().filter(|one| *one == deletion("n2")).count()
    };
    assert_eq!(of(&ours, alone), 1);
    assert_eq!(
        of(&ours, |_, _| true),
        0,
        "it announces another address of the Service"
    );
    assert_eq!(of(&BTreeMap::new(), alone), 0, "we did not take over");
}

#[test]
fn an_object_that_is_younger_than_ours_stays_for_its_node_announces_too() {
    let ours = ours();
    let made = |mut seen: Arc<Seen>, created_unix_seconds| {
        Arc::make_mut(&mut seen).created_unix_seconds = created_unix_seconds;
        seen
    };
    let own = made(written(ours.values().next().unwrap()), 100);
    let deletions = |theirs: i64| {
        let seen = [own.clone(), made(of_node("n2"), theirs)];
        changes(&ours, &seen, &"n1".into(), alone).len()
    };
    assert_eq!((deletions(99), deletions(100), deletions(101)), (1, 1, 0));
}

/// What is sent of these changes; everything sent so far has arrived.
fn sent(
    due: &mut Due,
    changes: BTreeMap<String, Change>,
    wanted: &BTreeMap<String, Wanted>,
    now: Instant,
) -> Vec<Change> {
    let allowed = due.allowed(changes, wanted, &[], |_, _| false);
    let sent = due.take(allowed, now);
    for (name, _) in &sent {
        due.ended(name, true, now, Jitter::NONE);
    }
    sent.into_iter().map(|(_, change)| change).collect()
}

#[test]
fn an_object_of_another_node_is_deleted_once() {
    let (mut due, now) = (Due::default(), Instant::now());
    let changes = || BTreeMap::from([("l2-other".to_owned(), deletion("n2"))]);
    assert_eq!(sent(&mut due, changes(), &ours(), now).len(), 1);
    let much_later = now + std::time::Duration::from_secs(3600);
    assert!(sent(&mut due, changes(), &ours(), much_later).is_empty());
    // It took the Service back, and we took it again.
    assert!(sent(&mut due, BTreeMap::new(), &BTreeMap::new(), much_later).is_empty());
    assert_eq!(sent(&mut due, changes(), &ours(), much_later).len(), 1);
}

#[test]
fn our_own_object_is_deleted_until_it_is_gone() {
    let (mut due, now) = (Due::default(), Instant::now());
    let changes = || BTreeMap::from([("l2-own".to_owned(), deletion("n1"))]);
    assert_eq!(due.take(changes(), now).len(), 1);
    due.ended("l2-own", false, now, Jitter::NONE);
    assert!(due.take(changes(), now).is_empty());
    let again = due.next(now).unwrap();
    assert_eq!(due.take(changes(), again).len(), 1);
}

#[test]
fn what_goes_waits_for_what_is_made() {
    let (mut due, now) = (Due::default(), Instant::now());
    let (made, wanted) = ours().into_iter().next().unwrap();
    let changes = || {
        let apply = (made.clone(), Change::Apply(wanted.clone()));
        BTreeMap::from([apply, ("a-before-it".to_owned(), deletion("n2"))])
    };
    let names = |sent: Vec<(String, Change)>| sent.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(due.take(changes(), now)), std::slice::from_ref(&made));
    assert_eq!(due.next(now), None);
    due.ended(&made, true, now, Jitter::NONE);
    assert_eq!(due.next(now), Some(now));
    assert_eq!(names(due.take(changes(), now)), ["a-before-it"]);
}

#[test]
fn an_object_that_cannot_be_made_keeps_no_other_waiting() {
    let (mut due, now) = (Due::default(), Instant::now());
    let (made, wanted) = ours().into_iter().next().unwrap();
    due.take(BTreeMap::from([(made.clone(), Change::Apply(wanted))]), now);
    due.ended(&made, false, now, Jitter::NONE);
    let deletion = BTreeMap::from([("l2-other".to_owned(), deletion("n2"))]);
    assert_eq!(due.take(deletion, now).len(), 1);
}

/// The objects of n2 for two Services; n1 announces those of `ours`.
fn two_of_another_node(ours: &[&str], succeeded: &[&str]) -> Vec<Change> {
    let wanted_by = |node: &str, service: &str| Wanted {
        service: ServiceKey::new("shop", service),
        node: node.into(),
        owner: None,
        interfaces: BTreeSet::new(),
    };
    let of = |node: &str, services: &[&str]| -> BTreeMap<String, Wanted> {
        let all = services.iter().map(|service| wanted_by(node, service));
        all.map(|one| (one.name(), one)).collect()
    };
    let ours = of("n1", ours);
    let others = of("n2", &["mail", "web"]);
    let seen = in_order(ours.values().chain(others.values()).map(written));
    let changes = changes(&ours, &seen, &"n1".into(), alone);
    let moved = |service: &ServiceKey, _: &NodeName| succeeded.contains(&&*service.name);
    let mut due = Due::default();
    due.allowed(changes, &ours, &seen, moved).into_values().collect()
}

#[test]
fn all_objects_of_a_node_that_has_nothing_left_go_at_once() {
    let both = Change::Retire {
        node: "n2".into(),
        of: ["mail", "web"].map(|name| ServiceKey::new("shop", name)).into(),
    };
    assert_eq!(two_of_another_node(&["mail", "web"], &[]), [both]);
}

#[rstest]
#[case::nothing_is_known_of_the_other_one(&["web"], &[])]
#[case::one_is_not_worth_it(&["web"], &["mail"])]
fn else_they_go_one_by_one(#[case] ours: &[&str], #[case] succeeded: &[&str]) {
    assert_eq!(two_of_another_node(ours, succeeded), [deletion("n2")]);
}
