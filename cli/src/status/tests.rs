use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::rows::{Seen, Status};
use super::table::{Look, render};
use super::*;
use crate::explain::tests::fixture::session;
use crate::objects::Objects;

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn condition(type_: &str, status: &str, reason: &str) -> Value {
    json!({"type": format!("ferrolb.io/{type_}"), "status": status, "reason": reason, "message": "so it is",
        "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

fn service(namespace: &str, name: &str, address: Option<&str>, conditions: &[Value]) -> Value {
    let ingress: Vec<Value> = address.iter().map(|ip| json!({"ip": ip})).collect();
    json!({"metadata": {"name": name, "namespace": namespace, "annotations": {"metallb.io/ip-allocated-from-pool": "lan"}},
        "spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": ingress}, "conditions": conditions}})
}

fn metallb<K: DeserializeOwned>(kind: &str, fields: Value) -> K {
    let mut object = fields;
    object["apiVersion"] = json!("metallb.io/v1beta1");
    object["kind"] = json!(kind);
    self::object(object)
}

fn seen() -> Seen {
    let good = [
        condition("Assigned", "True", "Assigned"),
        condition("Announced", "True", "Announced"),
    ];
    let odd = [
        condition("Assigned", "True", "OutsidePools"),
        condition("Announced", "True", "Announced"),
    ];
    let silent = [
        condition("Assigned", "True", "Assigned"),
        condition("Announced", "False", "NoEndpoints"),
    ];
    let other_class = json!({"metadata": {"name": "theirs", "namespace": "shop"},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": "example.com/other"}});
    let services = [
        service("shop", "web", Some("192.0.2.200"), &good),
        service("shop", "old", Some("198.51.100.1"), &odd),
        service("shop", "idle", Some("192.0.2.201"), &silent),
        service(
            "bank",
            "full",
            None,
            &[condition("Assigned", "False", "NoAddress")],
        ),
        service("bank", "new", None, &[]),
        other_class,
    ];
    let links = r#"{"eth0":{"subnets":["192.0.2.0/24"],"mac":"02:00:c0:00:02:0b"},"eth1":{"subnets":[],"carrier":false}}"#;
    let status = |service: &str| {
        metallb(
            "ServiceL2Status",
            json!({"metadata": {"name": service, "creationTimestamp": "2026-01-01T00:30:00Z"},
            "spec": {}, "status": {"node": "n1", "serviceName": service, "serviceNamespace": "shop",
                "interfaces": if service == "old" { json!([{"name": "eth1"}]) } else { json!([]) }}}),
        )
    };
    let node = |name: &str| {
        object(
            json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
        )
    };
    let pod = json!({"metadata": {"name": "speaker-a"}, "spec": {"nodeName": "n1"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    Seen {
        objects: Objects {
            services: services.map(object).into(),
            pools: vec![metallb(
                "IPAddressPool",
                json!({"metadata": {"name": "lan"}, "spec": {"addresses": ["192.0.2.200/29"]},
                "status": {"assignedIPv4": 2, "assignedIPv6": 0, "availableIPv4": 6, "availableIPv6": i64::MAX}}),
            )],
            nodes: ["n1", "n2"].map(node).into(),
            states: vec![metallb(
                "ConfigurationState",
                json!({"metadata": {"name": "speaker-n1",
                "labels": {"metallb.io/node-name": "n1"}, "annotations": {"ferrolb.io/links": links}},
                "status": {"result": "Invalid", "errorSummary": "IPAddressPool/b: is wrong"}}),
            )],
            statuses: ["web", "old"].map(status).into(),
            ..Objects::default()
        },
        pods: Some(vec![object(pod)]),
        ..Seen::default()
    }
}

fn look(wide: bool, colour: bool) -> Look {
    Look {
        wide,
        colour,
        now: "2026-01-01T01:00:00Z".parse().unwrap(),
    }
}

#[test]
fn the_tables_name_address_holder_interface_and_mac() {
    let text = render(&Status::of(&seen(), None), look(false, false));
    assert_eq!(
        text,
        " NAMESPACE  NAME  ADDRESS       POOL  HOLDER  INTERFACE  MAC                SINCE  STATE
 bank       full  -             -     -       -          -                  -      NoAddress
 bank       new   -             -     -       -          -                  -      Pending
 shop       idle  192.0.2.201   lan   -       -          -                  -      NoEndpoints
 shop       old   198.51.100.1  lan   n1      eth1       -                  30m    OutsidePools
 shop       web   192.0.2.200   lan   n1      eth0       02:00:c0:00:02:0b  30m    Announced

 POOL  USED4  FREE4  USED6  FREE6
 lan   2      6      0      many

 NODE  READY  ADDRESSES  PROBLEMS  SPEAKER
 n1    true   2          1         ready
 n2    true   0          0         no speaker
"
    );
}

#[test]
fn the_wide_tables_have_more_columns_and_the_problems_of_speakers() {
    let text = render(&Status::of(&seen(), None), look(true, false));
    for line in [
        "shop       web   192.0.2.200   lan   n1      eth0       02:00:c0:00:02:0b  30m    Cluster  -     Announced",
        "lan   2      6      0      many   true         192.0.2.200/29",
        "n1    true   2          1         eth0=02:00:c0:00:02:0b,eth1(no carrier)  ready",
        "n1: IPAddressPool/b: is wrong",
    ] {
        assert!(text.lines().any(|one| one.trim_start() == line), "{line}\n{text}");
    }
}

#[test]
fn the_last_column_has_the_colour_of_its_health() {
    let text = render(&Status::of(&seen(), None), look(false, true));
    for (line, colour, word) in [
        ("full", "\x1b[31m", "NoAddress"),
        ("new", "\x1b[33m", "Pending"),
        ("old", "\x1b[33m", "OutsidePools"),
        ("web", "\x1b[32m", "Announced"),
        ("n2", "\x1b[31m", "no speaker"),
    ] {
        let found = text.lines().find(|one| one.contains(line)).unwrap();
        assert!(found.ends_with(&format!("{colour}{word}\x1b[0m")), "{found:?}");
    }
}

#[test]
fn services_of_one_namespace_are_shown_and_all_are_counted() {
    let seen = Seen {
        namespace: Some("bank".to_owned()),
        ..seen()
    };
    let status = Status::of(&seen, None);
    let names: Vec<&str> = status.services.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["full", "new"]);
    assert_eq!(status.nodes[0].addresses, 2);
}

#[test]
fn what_the_speakers_find_on_the_wire_is_shown() {
    let mut seen = seen();
    let said = [
        condition("Assigned", "True", "Assigned"),
        condition("Announced", "False", "WireSilent"),
    ];
    seen.objects.services[0] = object(service("shop", "web", Some("192.0.2.200"), &said));
    let status = Status::of(&seen, None);
    let web = status.services.iter().find(|one| one.name == "web").unwrap();
    assert_eq!(web.addresses[0].wire.as_deref(), Some("WireSilent"));
    assert_eq!(
        (web.state.as_str(), web.health),
        ("WireSilent", rows::Health::Bad)
    );
}

#[test]
fn the_json_has_the_same() {
    let status = serde_json::to_value(Status::of(&seen(), None)).unwrap();
    let web = &status["services"][4];
    assert_eq!(
        web["addresses"][0]["holders"][0]["interfaces"][0]["mac"],
        "02:00:c0:00:02:0b"
    );
    assert_eq!(web["addresses"][0]["holders"][0]["since"], "2026-01-01T00:30:00Z");
    assert_eq!(
        (&web["state"], &web["health"]),
        (&json!("Announced"), &json!("Good"))
    );
    assert_eq!(
        (&status["nodes"][1]["speaker"], &status["pools"][0]["free_ipv4"]),
        (&json!("no speaker"), &json!(6))
    );
}

#[test]
fn no_color_takes_the_colours_away() {
    assert!(may_colour(None) && may_colour(Some("")));
    assert!(!may_colour(Some("1")));
}

#[test]
fn nodes_that_tell_an_address_by_bgp_are_counted_and_their_sessions_shown() {
    let told = |node: &str, service: &str| {
        metallb(
            "ServiceBGPStatus",
            json!({"metadata": {"name": node}, "spec": {}, "status": {"node": node, "serviceName": service,
                "serviceNamespace": "shop", "peers": ["tor"]}}),
        )
    };
    let mut up = session("n1", "Established", "the peer closed the connection");
    let sent = json!({"ipv4": 3, "ipv6": 0});
    up.status.as_mut().unwrap().prefixes_sent = object(sent);
    let mut seen = seen();
    seen.objects.bgp_statuses = vec![told("n2", "idle"), told("n1", "idle"), told("n1", "web")];
    seen.objects.sessions = vec![session("n2", "Active", "cease"), up];
    let status = Status::of(&seen, None);
    assert_eq!(
        status.nodes.iter().map(|node| node.addresses).collect::<Vec<_>>(),
        [3, 1]
    );
    let narrow = render(&status, look(false, false));
    for line in [
        "shop       idle  192.0.2.201   lan   2 by BGP     -          -                  -      NoEndpoints",
        "shop       web   192.0.2.200   lan   n1,1 by BGP  eth0       02:00:c0:00:02:0b  30m    Announced",
        "n1    tor   192.0.2.1  3      0      N/A  30m    Established",
        "n2    tor   192.0.2.1  -      -      N/A  30m    Active",
        "n2 with tor: cease",
    ] {
        assert!(
            narrow.lines().any(|one| one.trim_start() == line),
            "{line}\n{narrow}"
        );
    }
    let wide = render(&status, look(true, false));
    assert!(wide.contains("n1(BGP),n2(BGP)"), "{wide}");
}
