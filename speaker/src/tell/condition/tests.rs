use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::{Reason, Taken};
use ferrolb_segment::mac::Mac;
use ferrolb_segment::message::{NodeId, Wire};
use rstest::rstest;

use super::*;
use crate::facts::{InterfaceFacts, KubeProxy, Settings};
use crate::may::View;
use crate::may::fixture::{
    advert, cluster, endpoints, key, link, local_service, node, service, service_with,
};
use crate::see::dataplane::Dataplane;
use crate::verdict::fixture::{Segment, of_nothing, status};

const NODES: [&str; 3] = ["n1", "n2", "n3"];

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// A cluster in which n1 is first for Service shop/web with address 192.0.2.2.
fn web() -> View {
    let mut view = cluster(&NODES);
    service(&mut view, "web", &["192.0.2.2"]);
    view
}

/// The Services as the API server has them, and which nodes are alive.
struct Server(BTreeMap<ServiceKey, Service>, Vec<&'static str>);

impl Default for Server {
    fn default() -> Self {
        Self(BTreeMap::new(), NODES.into())
    }
}

impl Server {
    fn shown(&self, view: &View) -> BTreeMap<ServiceKey, Arc<Shown>> {
        let shown = |(key, service): (&ServiceKey, &crate::may::Service)| {
            let shown = Shown {
                view: service.view.clone(),
                ..Shown::read(&self.0.get(key).cloned().unwrap_or_default(), None)
            };
            (key.clone(), Arc::new(shown))
        };
        view.services.iter().map(shown).collect()
    }

    fn apply(&mut self, write: &Write) {
        let service = serde_json::from_value(write.body.clone()).unwrap();
        self.0.insert(write.service.clone(), service);
    }

    fn condition(&self, service: &str) -> Option<&Condition> {
        let status = self.0.get(&key(service))?.status.as_ref()?;
        let mut conditions = status.conditions.iter().flatten();
        conditions.find(|one| one.type_ == names::CONDITION_ANNOUNCED)
    }

    fn says(&self, service: &str) -> Option<(&str, &str, &str)> {
        let condition = self.condition(service)?;
        Some((&condition.status, &condition.reason, &condition.message))
    }
}

/// What a node writes in one pass.
fn pass(node: &str, view: &View, server: &Server, now: i64) -> Vec<Write> {
    let segment = Segment {
        view,
        alive: &server.1,
        statuses: &[],
    };
    said(&segment.seen_from(node), server.shown(view), now)
}

fn said(verdicts: &Verdicts, shown: BTreeMap<ServiceKey, Arc<Shown>>, now: i64) -> Vec<Write> {
    let known = Known {
        verdicts,
        is_settled: &|_| true,
    };
    writes(&known, &shown, time(now))
}

/// The nodes that write when all see the same, and what is written; afterwards nobody has anything to write.
fn settle(view: &View, server: &mut Server, now: i64) -> Vec<&'static str> {
    let alive = server.1.clone();
    let writers: Vec<&str> = alive
        .iter()
        .copied()
        .filter(|node| {
            let writes = pass(node, view, server, now);
            writes.iter().for_each(|write| server.apply(write));
            !writes.is_empty()
        })
        .collect();
    for node in alive {
        assert_eq!(pass(node, view, server, now + 1000), [], "{node} writes for ever");
    }
    writers
}

fn settled(view: &View) -> (Vec<&'static str>, Server) {
    let mut server = Server::default();
    (settle(view, &mut server, 1), server)
}

#[test]
fn the_announcing_node_says_so_with_its_interfaces() {
    let (writers, server) = settled(&web());
    assert_eq!(writers, ["n1"]);
    let expected = ("True", "Announced", "192.0.2.2 announced from node n1 on eth0");
    assert_eq!(server.says("web"), Some(expected));
}

fn doing(view: &View, dataplane: &Dataplane) -> Statement {
    let segment = Segment {
        view,
        alive: &NODES,
        statuses: &[],
    };
    let writes = said(&segment.doing("n1", dataplane), Server::default().shown(view), 1);
    let [write] = &writes[..] else {
        panic!("{writes:?}")
    };
    write.statement.clone()
}

fn without_kube_proxy() -> Dataplane {
    Dataplane {
        kube_proxy: KubeProxy::Silent,
        ..Dataplane::default()
    }
}

#[test]
fn where_some_clients_reach_an_address_the_condition_holds_and_says_what_is_wrong() {
    let expected = Statement::Says {
        announced: true,
        reason: "KubeProxyDown",
        message: "192.0.2.2 announced from node n1 on eth0, but kube-proxy there does not answer its health check any more: \
                  changes of endpoints may not reach the kernel"
            .to_owned(),
    };
    assert_eq!(doing(&web(), &without_kube_proxy()), expected);
}

#[test]
fn where_no_client_reaches_an_address_the_condition_does_not_hold() {
    let mut view = cluster(&NODES);
    service(&mut view, "web", &["192.0.2.2", "2001:db8::1"]);
    let mut dataplane = without_kube_proxy();
    let eth0 = InterfaceFacts {
        carrier: true,
        settings: Settings {
            ipv6_disabled: true,
            ..Settings::default()
        },
        ..InterfaceFacts::default()
    };
    dataplane.interfaces.insert("eth0".into(), eth0);
    let Statement::Says {
        announced, reason, ..
    } = doing(&view, &dataplane)
    else {
        panic!()
    };
    assert_eq!((announced, reason), (false, "Ipv6Off"));
}

#[rstest]
#[case::on_no_subnet(json!({}), "198.51.100.0/24", "OffSubnet")]
#[case::asked_for(json!({"interfaces": ["eth0"]}), "198.51.100.0/24", "Announced")]
#[case::on_a_subnet(json!({}), "192.0.2.0/24", "Announced")]
fn an_address_on_no_subnet_of_a_node_is_said_unless_it_was_asked_for(
    #[case] spec: Value,
    #[case] subnet: &str,
    #[case] expected: &str,
) {
    let mut view = web();
    advert(&mut view, "everywhere", spec);
    NODES
        .iter()
        .for_each(|node| link(&mut view, node, "eth0", &[subnet]));
    let (_, server) = settled(&view);
    let (status, reason, _) = server.says("web").unwrap();
    assert_eq!((status, reason), ("True", expected));
}

#[test]
fn addresses_of_one_node_are_named_together() {
    let mut view = cluster(&NODES);
    service(&mut view, "web", &["192.0.2.2", "2001:db8::1"]);
    let (_, server) = settled(&view);
    let expected = "192.0.2.2, 2001:db8::1 announced from node n1 on eth0";
    assert_eq!(server.says("web").unwrap().2, expected);
}

#[rstest]
#[case::no_endpoint(|view: &mut View| endpoints(view, "web", &[]), "NoEndpoints", "192.0.2.2 not announced: no endpoint can serve")]
#[case::every_node_has_a_reason(
    |view: &mut View| {
        local_service(view, "web", &["192.0.2.2"], &["elsewhere"]);
        node(view, "n3", serde_json::json!({"status": {"conditions": [{"type": "NetworkUnavailable", "status": "True"}]}}));
    },
    "NoEligibleNode",
    "192.0.2.2 not announced: no node may announce it: n3: condition NetworkUnavailable; \
     n1, n2: no local endpoint of shop/web can serve (externalTrafficPolicy: Local)"
)]
#[case::no_interface(
    |view: &mut View| {
        advert(view, "everywhere", serde_json::json!({"interfaces": ["eth9"]}));
        NODES.iter().for_each(|node| link(view, node, "eth0", &["192.0.2.0/24"]));
    },
    "NoEligibleNode",
    "192.0.2.2 not announced: no node may announce it: \
     n1, n2, n3: has no interface that an L2Advertisement allows"
)]
fn one_node_says_why(#[case] change: fn(&mut View), #[case] reason: &str, #[case] message: &str) {
    let mut view = web();
    change(&mut view);
    let (writers, server) = settled(&view);
    assert_eq!(writers.len(), 1, "{writers:?}");
    let (status, shown, text) = server.says("web").unwrap();
    assert_eq!(
        (status == "True", shown, text),
        (reason == "Announced", reason, message)
    );
}

#[test]
fn without_a_holder_the_first_of_the_living_by_hash_writes() {
    let mut view = web();
    endpoints(&mut view, "web", &[]);
    let names =
        |nodes: &[&str]| -> Vec<NodeName> { nodes.iter().map(|node| NodeName::from(*node)).collect() };
    let first = spokesman(&names(&NODES), &"shop/web").unwrap().to_string();
    assert_eq!(settled(&view).0, [first.as_str()]);
    let others: Vec<&str> = NODES.into_iter().filter(|node| *node != first).collect();
    let second = spokesman(&names(&others), &"shop/web").unwrap().to_string();
    let mut server = Server(BTreeMap::new(), others);
    assert_eq!(settle(&view, &mut server, 1), [second.as_str()]);
}

#[test]
fn a_new_holder_writes_and_since_when_stays() {
    let mut view = web();
    let (_, mut server) = settled(&view);
    server.1 = vec!["n2", "n3"];
    assert_eq!(settle(&view, &mut server, 50), ["n2"]);
    assert_eq!(
        server.says("web").unwrap().2,
        "192.0.2.2 announced from node n2 on eth0"
    );
    assert_eq!(
        server.condition("web").unwrap().last_transition_time,
        Some(Time(time(1)))
    );
    endpoints(&mut view, "web", &[]);
    settle(&view, &mut server, 60);
    assert_eq!(
        server.condition("web").unwrap().last_transition_time,
        Some(Time(time(60)))
    );
}

#[test]
fn of_two_holders_that_do_not_hear_each_other_one_writes_and_names_both() {
    let view = web();
    let statuses = [status("n1"), status("n2")];
    let alone = |node: &'static str| {
        let alive = [node];
        let segment = Segment {
            view: &view,
            alive: &alive,
            statuses: &statuses,
        };
        segment.seen_from(node)
    };
    let mut server = Server::default();
    let mut writers = Vec::new();
    for (round, node) in ["n1", "n2", "n1", "n2", "n1", "n2"].into_iter().enumerate() {
        for write in said(&alone(node), server.shown(&view), round as i64) {
            server.apply(&write);
            writers.push(node);
        }
    }
    assert_eq!(writers, ["n1"], "n1 is first by the hash of the Service");
    let expected = "192.0.2.2 announced from node n1 on eth0; \
        also announced, by its own word, from node n2, which node n1 does not hear";
    assert_eq!(server.says("web"), Some(("True", "SeveralHolders", expected)));
}

#[test]
fn what_two_holders_say_is_written_once_it_has_settled() {
    let view = web();
    let statuses = [status("n1"), status("n2")];
    let segment = Segment {
        view: &view,
        alive: &["n1"],
        statuses: &statuses,
    };
    let verdicts = segment.seen_from("n1");
    let known = Known {
        verdicts: &verdicts,
        is_settled: &|_| false,
    };
    assert_eq!(writes(&known, &Server::default().shown(&view), time(1)), []);
    let (mut settling, now) = (Settling::default(), tokio::time::Instant::now());
    settling.follow(&verdicts.rivals, now);
    let later = |seconds| now + std::time::Duration::from_secs(seconds);
    assert!(!settling.is_settled(&key("web"), later(9)));
    assert!(settling.is_settled(&key("web"), later(10)));
    settling.follow(&BTreeMap::new(), later(11));
    settling.follow(&verdicts.rivals, later(12));
    assert!(
        !settling.is_settled(&key("web"), later(13)),
        "it said something else meanwhile"
    );
}

#[test]
fn a_service_of_which_one_address_is_silent_is_not_announced_in_full() {
    let mut view = cluster(&NODES);
    service(&mut view, "web", &["192.0.2.2", "2001:db8:1::1"]);
    let (writers, server) = settled(&view);
    assert_eq!(writers, ["n1"]);
    let expected = "192.0.2.2 announced from node n1 on eth0; \
        2001:db8:1::1 not announced: the address is in no IPAddressPool";
    assert_eq!(server.says("web"), Some(("False", "OutsidePools", expected)));
}

#[rstest]
#[case::its_addresses_are_gone(serde_json::json!({}))]
#[case::it_is_no_load_balancer_any_more(serde_json::json!({"spec": {"type": "ClusterIP"}}))]
fn the_condition_goes_when(#[case] wire: Value) {
    let mut view = web();
    let (_, mut server) = settled(&view);
    service_with(&mut view, "web", &[], wire);
    assert_eq!(settle(&view, &mut server, 2).len(), 1);
    assert_eq!(server.says("web"), None);
}

#[test]
fn a_service_without_addresses_gets_no_condition() {
    let mut view = cluster(&NODES);
    service(&mut view, "web", &[]);
    assert_eq!(settled(&view).0, Vec::<&str>::new());
}

#[test]
fn while_no_holder_is_known_nothing_is_written() {
    let view = web();
    let (_, server) = settled(&view);
    assert_eq!(said(&of_nothing(&view, "n1"), server.shown(&view), 2), []);
}

#[test]
fn what_somebody_else_wrote_there_is_put_right() {
    let view = web();
    let (_, mut server) = settled(&view);
    let object = server.0.get_mut(&key("web")).unwrap();
    let conditions = object.status.as_mut().unwrap().conditions.as_mut().unwrap();
    conditions[0].message = "nonsense".to_owned();
    assert_eq!(settle(&view, &mut server, 2), ["n1"]);
    let object = server.0.get_mut(&key("web")).unwrap();
    let conditions = object.status.as_mut().unwrap().conditions.as_mut().unwrap();
    conditions[0].last_transition_time = None;
    assert_eq!(settle(&view, &mut server, 3), ["n1"]);
    let time = Some(Time(time(3)));
    assert_eq!(server.condition("web").unwrap().last_transition_time, time);
}

#[test]
fn a_write_is_for_this_version_of_this_object_and_holds_nothing_else() {
    let view = web();
    let mut server = Server::default();
    let object = serde_json::json!({"metadata": {"uid": "u", "resourceVersion": "7"}});
    server
        .0
        .insert(key("web"), serde_json::from_value(object).unwrap());
    let write = pass("n1", &view, &server, 0).remove(0);
    let condition = serde_json::json!({"type": "ferrolb.io/Announced", "status": "True", "reason": "Announced",
        "message": "192.0.2.2 announced from node n1 on eth0", "lastTransitionTime": "1970-01-01T00:00:00Z"});
    let expected = serde_json::json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7"},
        "status": {"conditions": [condition]}});
    assert_eq!(write.body, expected);
}

#[test]
fn a_message_is_bounded() {
    let long = "ü".repeat(LONGEST_MESSAGE);
    assert_eq!(cut(long).len(), LONGEST_MESSAGE);
    let why = Reason::NotAdvertised {
        pool: "a".repeat(9000).as_str().into(),
    };
    let fate = Fate {
        layer2: Some(Layer2::Nobody(why.into())),
        bgp: None,
        doubt: None,
    };
    let fates = [("192.0.2.1".parse().unwrap(), fate)];
    let Some(Statement::Says { message, .. }) = Statement::of(&"n1".into(), &fates, None) else {
        panic!("it says something");
    };
    assert_eq!(message.len(), LONGEST_MESSAGE);
}

/// What n1, which announces 192.0.2.2, writes when n3 finds this of it.
#[rstest]
#[case::unanswered(
    Wire::Unanswered(MAC),
    "WireSilent",
    "node n1 (MAC address 02:00:00:00:00:09) does not answer when node n3 asks for the address on eth0"
)]
#[case::foreign(
    Wire::Foreign(MAC),
    "WireDisputed",
    "another station (MAC address 02:00:00:00:00:09, locally administered), which is no node, answers in place of node n1 when node n3 asks for \
     the address on eth0"
)]
#[case::of_a_node(
    Wire::WrongMac(MAC, NodeId::of(&"n2".into())),
    "WireDisputed",
    "node n2 (MAC address 02:00:00:00:00:09) answers in place of node n1 when node n3 asks for the address on eth0"
)]
#[case::several(
    Wire::Several(MAC, None),
    "WireDisputed",
    "another station (MAC address 02:00:00:00:00:09, locally administered), which is no node, answers beside node n1 when node n3 asks for the \
     address on eth0"
)]
fn what_its_witness_finds_is_said_by_the_holder_alone(
    #[case] wire: Wire,
    #[case] reason: &str,
    #[case] why: &str,
) {
    let view = web();
    let segment = Segment {
        view: &view,
        alive: &NODES,
        statuses: &[],
    };
    let mut server = settled(&view).1;
    let write = |node: &str, server: &Server| {
        let verdicts = segment.found(node, "n3", &[("192.0.2.2", wire)]);
        said(&verdicts, server.shown(&view), 9)
    };
    assert_eq!((write("n2", &server), write("n3", &server)), (vec![], vec![]));
    let written = write("n1", &server);
    written.iter().for_each(|write| server.apply(write));
    let message = format!("192.0.2.2 announced from node n1 on eth0, but {why}");
    assert_eq!(server.says("web"), Some(("False", reason, message.as_str())));
    assert_eq!(write("n1", &server), []);
    // Well again.
    assert_eq!(settle(&view, &mut server, 20), ["n1"]);
    assert_eq!(server.says("web").unwrap().1, "Announced");
}

const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

#[test]
fn that_another_station_has_an_address_is_written_by_one_node() {
    let view = web();
    let segment = Segment {
        view: &view,
        alive: &NODES,
        statuses: &[],
    };
    let server = Server::default();
    let writes = NODES.map(|node| {
        let verdicts = segment.taken(node, "n2", "192.0.2.2", MAC);
        said(&verdicts, server.shown(&view), 9)
    });
    let written: Vec<&Write> = writes.iter().flatten().collect();
    let [write] = written[..] else {
        panic!("{written:?}");
    };
    let Statement::Says {
        announced: false,
        reason: "WireTaken",
        message,
    } = &write.statement
    else {
        panic!("{write:?}");
    };
    assert_eq!(Taken::addresses_in(message).to_string(), "192.0.2.2");
}

#[test]
fn an_address_that_is_well_on_the_wire_is_announced_as_any_other() {
    let view = web();
    let segment = Segment {
        view: &view,
        alive: &NODES,
        statuses: &[],
    };
    let server = settled(&view).1;
    let verdicts = segment.found("n1", "n3", &[("192.0.2.2", Wire::Ok)]);
    assert_eq!(said(&verdicts, server.shown(&view), 9), []);
}
