use super::*;
use crate::election::{Liveness, View};
use crate::exclude::ExcludeList;

fn web() -> ServiceKey {
    ServiceKey::new("shop", "web")
}

fn table(addresses: &[&str], allowed: &Interfaces) -> Announced {
    let announcement = Announcement {
        services: BTreeSet::from([web()]),
        allowed: allowed.clone(),
        interfaces: BTreeSet::from(["eth0".into()]),
    };
    let entry = |address: &&str| (address.parse().unwrap(), announcement.clone());
    Announced(addresses.iter().map(entry).collect())
}

fn announcing(addresses: &[&str]) -> Plan {
    Plan {
        announced: table(addresses, &Interfaces::Any),
        unplaced: Announced::default(),
    }
}

fn told(told: &mut Told, plan: &Plan) -> Vec<(String, String)> {
    let services = BTreeMap::from([(web(), ObjectReference::default())]);
    let notices = told.notices(plan, &"n1".into(), &services);
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
    let mut state = Told::before([web()]);
    assert_eq!(told(&mut state, &announcing(&["192.0.2.1"])), []);
}

#[test]
fn an_address_that_cannot_be_announced_is_told_once() {
    let mut state = Told::default();
    let plan = Plan {
        announced: Announced::default(),
        unplaced: table(&["192.0.2.1"], &Interfaces::Only(BTreeSet::from(["eth9".into()]))),
    };
    let expected = "cannot announce 192.0.2.1 from node \"n1\" with protocol \"layer2\": \
        it has none of the interfaces of the L2Advertisement: eth9";
    assert_eq!(
        told(&mut state, &plan),
        [("announceFailed".to_owned(), expected.to_owned())]
    );
    assert_eq!(told(&mut state, &plan), []);
}

#[test]
fn a_fault_is_told_once_by_one_of_the_living_and_only_if_nobody_else_does() {
    let fault = |kind: &str| Fault {
        object: ObjectReference {
            kind: Some(kind.to_owned()),
            name: Some("metallb-excludel2".to_owned()),
            ..ObjectReference::default()
        },
        message: "data: has no key excludel2.yaml".to_owned(),
    };
    let mut snapshot = Snapshot {
        view: View::default(),
        services: BTreeMap::new(),
        shown: BTreeMap::new(),
        statuses: Vec::new(),
        exclude: ExcludeList::default(),
        pod_uid: None,
        faults: vec![fault("ConfigMap"), fault("IPAddressPool")],
        secret: None,
    };
    let nodes = ["n1", "n2", "n3"].map(NodeName::from);
    snapshot.view.liveness = Liveness::Known(nodes.iter().cloned().collect());
    let mut states = nodes.map(|node| (node, ToldFaults::default()));
    let mut tell = |snapshot: &Snapshot| -> Vec<Notice> {
        let all = states.iter_mut();
        all.flat_map(|(node, told)| told.notices(snapshot, node))
            .collect()
    };
    assert_eq!(tell(&snapshot), [invalid_configuration(&fault("ConfigMap"))]);
    assert_eq!(tell(&snapshot), []);
    let healed = std::mem::take(&mut snapshot.faults);
    assert_eq!(tell(&snapshot), []);
    snapshot.faults = healed;
    assert_eq!(tell(&snapshot).len(), 1);
}
