//! A healthy cluster, and ways to break it.

use ferrolb_crds::api::{BGPPeer, BGPSessionState, ServiceL2Status};
use ferrolb_speaker::may::Options;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::live::Live;
use super::super::*;
use crate::objects::Objects;

pub(crate) const NOW: &str = "2026-01-01T01:00:00Z";

pub(crate) fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn metallb<K: DeserializeOwned>(kind: &str, name: &str, more: Value) -> K {
    let mut object = json!({"apiVersion": "metallb.io/v1beta1", "kind": kind,
        "metadata": {"name": name, "namespace": "metallb-system"}, "spec": {}});
    merge(&mut object, more);
    self::object(object)
}

/// As a merge patch does it.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(fields), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(fields.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch,
    }
}

pub(crate) fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": format!("ferrolb.io/{type_}"), "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

pub(crate) fn service(name: &str, address: &str, more: Value) -> Value {
    let assigned = condition(
        "Assigned",
        "True",
        "Assigned",
        &format!("{address} from pool lan"),
    );
    let said = format!("{address} announced from node n1 on eth0");
    let announced = condition("Announced", "True", "Announced", &said);
    let mut service = json!({
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"metallb.io/ip-allocated-from-pool": "lan"}},
        "spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"], "selector": {"app": name},
            "ports": [{"port": 80, "protocol": "TCP"}]},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}, "conditions": [assigned, announced]}});
    merge(&mut service, more);
    service
}

pub(crate) fn slice(service: &str, node: &str) -> Value {
    json!({"metadata": {"name": format!("{service}-{node}"), "namespace": "shop",
            "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["10.244.0.1"], "nodeName": node}]})
}

pub(crate) fn node(name: &str, address: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {}}, "status": {
        "addresses": [{"type": "InternalIP", "address": address}],
        "conditions": [{"type": "Ready", "status": "True"}]}})
}

pub(crate) fn state(node: &str) -> Value {
    json!({"metadata": {"labels": {"metallb.io/node-name": node}, "annotations": {
        "ferrolb.io/links": r#"{"eth0":{"subnets":["192.0.2.0/24"],"mac":"02:00:c0:00:02:0b"}}"#}}})
}

pub(crate) fn pod(node: &str, ready: &str) -> Value {
    json!({"metadata": {"name": format!("speaker-{node}")}, "spec": {"nodeName": node}, "status": {
        "conditions": [{"type": "Ready", "status": ready}]}})
}

pub(crate) fn held_by(node: &str) -> ServiceL2Status {
    metallb(
        "ServiceL2Status",
        &format!("l2-{node}"),
        json!({"metadata": {"creationTimestamp": "2026-01-01T00:30:00Z"},
            "status": {"node": node, "serviceName": "web", "serviceNamespace": "shop"}}),
    )
}

/// BGPPeer tor with these selectors of nodes.
pub(crate) fn peer(nodes: Value) -> BGPPeer {
    object(json!({"apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer",
        "metadata": {"name": "tor", "namespace": "metallb-system"},
        "spec": {"myASN": 64512, "peerASN": 64500, "peerAddress": "192.0.2.1", "nodeSelectors": nodes}}))
}

/// The session of a node with BGPPeer tor, in this state for half an hour.
pub(crate) fn session(node: &str, state: &str, why: &str) -> BGPSessionState {
    object(
        json!({"apiVersion": "frrk8s.metallb.io/v1beta1", "kind": "BGPSessionState",
        "metadata": {"name": format!("session-{node}")}, "spec": {},
        "status": {"node": node, "bgpPeer": "tor", "peer": "192.0.2.1", "bgpStatus": state, "bfdStatus": "N/A",
            "lastError": why, "since": "2026-01-01T00:30:00Z"}}),
    )
}

/// Service shop/web with 192.0.2.200, announced from n1; n2 could too.
pub(crate) fn healthy() -> Evidence {
    let pool = json!({"spec": {"addresses": ["192.0.2.200-192.0.2.201"]}});
    let live = Live {
        pods: Some(vec![object(pod("n1", "True")), object(pod("n2", "True"))]),
        lease: Some(json!({"spec": {"holderIdentity": "c_1", "renewTime": NOW, "leaseDurationSeconds": 15}})),
        events: vec![
            json!({"type": "Normal", "reason": "nodeAssigned", "reportingComponent": "metallb-speaker",
            "message": "announcing from node \"n1\" with protocol \"layer2\"", "lastTimestamp": "2026-01-01T00:30:00Z"}),
        ],
        ..Live::default()
    };
    Evidence {
        objects: Objects {
            pools: vec![metallb("IPAddressPool", "lan", pool)],
            adverts: vec![metallb("L2Advertisement", "lan", json!({}))],
            services: vec![object(service("web", "192.0.2.200", json!({})))],
            slices: vec![object(slice("web", "n1"))],
            nodes: vec![object(node("n1", "192.0.2.11")), object(node("n2", "192.0.2.12"))],
            states: ["n1", "n2"]
                .map(|node| metallb("ConfigurationState", &format!("speaker-{node}"), state(node)))
                .into(),
            statuses: vec![held_by("n1")],
            ..Objects::default()
        },
        problems: Vec::new(),
        live: Some(live),
        options: Options::default(),
        now: NOW.parse().unwrap(),
    }
}

impl Evidence {
    /// Makes something else of the Service.
    pub(crate) fn of_service(&mut self, more: Value) {
        self.objects.services[0] = object(service("web", "192.0.2.200", more));
    }

    /// Takes address and conditions from the Service, and gives it these.
    pub(crate) fn without_address(&mut self, conditions: Value) {
        self.of_service(json!({"metadata": {"annotations": null},
            "status": {"loadBalancer": null, "conditions": conditions}}));
        self.objects.statuses.clear();
    }

    pub(crate) fn announced(&mut self, status: &str, reason: &str, message: &str) {
        let assigned = condition("Assigned", "True", "Assigned", "192.0.2.200 from pool lan");
        let announced = condition("Announced", status, reason, message);
        self.of_service(json!({"status": {"conditions": [assigned, announced]}}));
    }

    pub(crate) fn live(&mut self) -> &mut Live {
        self.live.as_mut().unwrap()
    }

    pub(super) fn about(&self, subject: &str) -> Explanation {
        let subject: Subject = subject.parse().unwrap();
        self.explain(&subject.within("shop"))
    }
}

/// Breaks something in the healthy cluster; the first line.
pub(crate) fn headline(breaking: impl FnOnce(&mut Evidence)) -> String {
    let mut evidence = healthy();
    breaking(&mut evidence);
    let explanation = evidence.about("svc/web");
    assert!(!explanation.healthy, "{}", explanation.headline);
    assert!(
        !explanation.causes[0].advice.is_empty(),
        "{}",
        explanation.headline
    );
    explanation.headline
}

/// Two other Services have both addresses of the pool.
pub(crate) fn fill(it: &mut Evidence) {
    let others = [("mail", "192.0.2.200"), ("chat", "192.0.2.201")];
    it.objects
        .services
        .extend(others.map(|(name, address)| object(service(name, address, json!({})))));
}
