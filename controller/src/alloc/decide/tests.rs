use std::net::IpAddr;

use ferrolb_crds::domain::{Invalid, Pool, Pools, ServiceView};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

mod choosing;
mod keeping;
mod laws;
mod others;
mod sharing;

/// A pool as its manifest says; `spec` is merged over nothing else.
fn pool(name: &str, spec: Value) -> Pool {
    let object = json!({ "metadata": { "name": name, "namespace": "metallb-system" }, "spec": spec });
    let mut object = object;
    object["apiVersion"] = json!("metallb.io/v1beta1");
    object["kind"] = json!("IPAddressPool");
    Pool::read(&serde_json::from_value(object).unwrap())
}

/// A plain pool of these addresses.
fn plain(name: &str, addresses: &[&str]) -> Pool {
    pool(name, json!({ "addresses": addresses }))
}

/// What a test says of a Service; the rest is what the API server would fill in for one IPv4 Service.
#[derive(Clone, Debug)]
struct Svc(Value);

fn svc(name: &str) -> Svc {
    Svc(json!({
        "metadata": { "name": name, "namespace": "shop", "annotations": {}, "labels": {},
                      "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "type": "LoadBalancer", "clusterIPs": ["10.96.0.9"], "ipFamilies": ["IPv4"],
                  "ipFamilyPolicy": "SingleStack", "ports": [{ "port": 80 }] },
    }))
}

impl Svc {
    fn annotated(mut self, name: &str, value: &str) -> Self {
        self.0["metadata"]["annotations"][format!("metallb.io/{name}")] = json!(value);
        self
    }
    fn giving_up(mut self, addresses: &str) -> Self {
        self.0["metadata"]["annotations"]["ferrolb.io/give-up"] = json!(addresses);
        self
    }
    fn of(mut self, namespace: &str) -> Self {
        self.0["metadata"]["namespace"] = json!(namespace);
        self
    }
    fn labelled(mut self, name: &str, value: &str) -> Self {
        self.0["metadata"]["labels"][name] = json!(value);
        self
    }
    fn created(mut self, time: &str) -> Self {
        self.0["metadata"]["creationTimestamp"] = json!(time);
        self
    }
    fn spec(mut self, field: &str, value: Value) -> Self {
        self.0["spec"][field] = value;
        self
    }
    fn port(self, port: u16) -> Self {
        self.spec("ports", json!([{ "port": port }]))
    }
    fn dual(self, policy: &str) -> Self {
        self.spec("clusterIPs", json!(["10.96.0.9", "fd00:10:96::9"]))
            .spec("ipFamilies", json!(["IPv4", "IPv6"]))
            .spec("ipFamilyPolicy", json!(policy))
    }
    /// The status holds these addresses, written by us from this pool.
    fn holding(self, addresses: &[&str], pool: &str) -> Self {
        self.status(addresses).annotated("ip-allocated-from-pool", pool)
    }
    fn status(mut self, addresses: &[&str]) -> Self {
        let ingress: Vec<Value> = addresses.iter().map(|address| json!({ "ip": address })).collect();
        self.0["status"]["loadBalancer"] = json!({ "ingress": ingress });
        self
    }
    fn assigned_since(mut self, time: &str) -> Self {
        self.0["status"]["conditions"] = json!([{ "type": "ferrolb.io/Assigned", "status": "True",
            "lastTransitionTime": time, "reason": "Assigned", "message": "" }]);
        self
    }
    fn view(&self) -> ServiceView {
        ServiceView::read(&serde_json::from_value(self.0.clone()).unwrap())
    }
}

fn world(pools: Vec<Pool>, services: &[Svc]) -> World {
    let views = services.iter().map(Svc::view);
    World {
        services: views.map(|view| (view.key.clone(), view.into())).collect(),
        pools: Pools::new(pools).0,
        ..World::default()
    }
}

fn key(name: &str) -> ServiceKey {
    ServiceKey::new("shop", name)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The addresses of a Service in words, or the reason why it has none.
fn outcome(world: &World, name: &str) -> String {
    match &decide(world).outcomes[&key(name)] {
        Outcome::Assigned(assignment) => assignment.addresses.to_string(),
        Outcome::Refused(refusal) => refusal.word().to_owned(),
        Outcome::NotOurs => "NotOurs".to_owned(),
    }
}

fn notes(world: &World, name: &str) -> Vec<&'static str> {
    match &decide(world).outcomes[&key(name)] {
        Outcome::Assigned(assignment) => assignment.notes.iter().map(Note::word).collect(),
        other => panic!("{other:?} has no notes"),
    }
}

/// What is said of an assignment.
fn said(world: &World, name: &str) -> String {
    match &decide(world).outcomes[&key(name)] {
        Outcome::Assigned(assignment) => {
            let texts: Vec<String> = assignment.notes.iter().map(Note::to_string).collect();
            texts.join("; ")
        }
        other => panic!("{other:?} has no notes"),
    }
}

fn message(world: &World, name: &str) -> String {
    match &decide(world).outcomes[&key(name)] {
        Outcome::Refused(refusal) => refusal.to_string(),
        other => panic!("{other:?} is no refusal"),
    }
}
