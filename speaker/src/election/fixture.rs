//! Views for tests, built from what users write.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{
    Advert, Endpoint, Endpoints, Node, NodeName, Pool, Pools, ServiceKey, ServiceView,
};
use serde_json::{Value, json};

use super::{Candidate, LinkFacts, Liveness, Ranking, View, elect};

/// A cluster of these nodes, all alive and ready, with one pool that is advertised by `everywhere`.
pub(crate) fn cluster(nodes: &[&str]) -> View {
    let mut view = View::default();
    pools(&mut view, &[("p", &["192.0.2.0/24", "2001:db8::/120"])]);
    for name in nodes {
        node(&mut view, name, json!({}));
    }
    advert(&mut view, "everywhere", json!({}));
    view
}

/// Replaces all pools; each is labelled with `pool` = its name.
pub(crate) fn pools(view: &mut View, pools: &[(&str, &[&str])]) {
    let parsed = pools.iter().map(|(name, addresses)| {
        let wire =
            json!({"metadata": {"name": name, "labels": {"pool": name}}, "spec": {"addresses": addresses}});
        Pool::parse(&serde_json::from_value(with_type(wire, "IPAddressPool")).unwrap()).unwrap()
    });
    view.pools = Pools::new(parsed).0;
}

/// Adds or replaces a node that is alive; `wire` is merged over a node labelled with `name` = its name.
pub(crate) fn node(view: &mut View, name: &str, wire: Value) {
    let mut object = json!({"metadata": {"name": name, "labels": {"name": name}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    merge(&mut object, wire);
    let (name, node) = Node::read(&serde_json::from_value(object).unwrap());
    view.nodes.insert(name.clone(), node);
    let Liveness::Known(alive) = &mut view.liveness else {
        view.liveness = Liveness::Known(BTreeSet::from([name]));
        return;
    };
    alive.insert(name);
}

/// Labels of a node that is kept out of load balancing.
pub(crate) fn excluded() -> Value {
    json!({"metadata": {"labels": {"node.kubernetes.io/exclude-from-external-load-balancers": ""}}})
}

/// A node's entry in `nodeSelectors`.
pub(crate) fn only(node: &str) -> Value {
    json!({"matchLabels": {"name": node}})
}

/// Says who is alive.
pub(crate) fn alive(view: &mut View, nodes: &[&str]) {
    view.liveness = Liveness::Known(nodes.iter().map(|name| NodeName::from(*name)).collect());
}

/// Adds or replaces an advertisement.
pub(crate) fn advert(view: &mut View, name: &str, spec: Value) {
    let wire = with_type(
        json!({"metadata": {"name": name}, "spec": spec}),
        "L2Advertisement",
    );
    let advert = Advert::parse(&serde_json::from_value(wire).unwrap()).unwrap();
    view.adverts.insert(advert.name.clone(), advert);
}

/// Adds a Service of policy Cluster with these addresses, and one endpoint on a node that is not in the cluster.
pub(crate) fn service(view: &mut View, name: &str, addresses: &[&str]) {
    service_with(view, name, addresses, json!({}));
    endpoints(view, name, &["elsewhere"]);
}

/// Adds a Service of policy Local with these addresses and a ready endpoint for each node named.
pub(crate) fn local_service(view: &mut View, name: &str, addresses: &[&str], nodes: &[&str]) {
    service_with(
        view,
        name,
        addresses,
        json!({"spec": {"externalTrafficPolicy": "Local"}}),
    );
    endpoints(view, name, nodes);
}

/// Adds or replaces a Service without endpoints; `wire` is merged over it.
pub(crate) fn service_with(view: &mut View, name: &str, addresses: &[&str], wire: Value) {
    let ingress: Vec<Value> = addresses.iter().map(|ip| json!({"ip": ip})).collect();
    let mut object = json!({"metadata": {"namespace": "shop", "name": name, "labels": {"app": name}},
        "spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": ingress}}});
    merge(&mut object, wire);
    let candidate = Candidate {
        service: Arc::new(ServiceView::read(&serde_json::from_value(object).unwrap())),
        endpoints: Arc::default(),
    };
    view.services.insert(key(name), candidate);
}

/// Gives a Service a ready endpoint for each node named, and no other.
pub(crate) fn endpoints(view: &mut View, service: &str, nodes: &[&str]) {
    let ready = nodes.iter().map(|node| Endpoint {
        node: Some(NodeName::from(*node)),
        ready: true,
        serving: true,
    });
    set_endpoints(view, service, ready);
}

/// Gives a Service these endpoints and no other.
pub(crate) fn set_endpoints(view: &mut View, service: &str, all: impl IntoIterator<Item = Endpoint>) {
    let candidate = view.services.get_mut(&key(service)).unwrap();
    candidate.endpoints = Arc::new(all.into_iter().collect::<Endpoints>());
}

/// Says what is known of an interface of a node.
pub(crate) fn link(view: &mut View, node: &str, interface: &str, carrier: bool, subnets: &[&str]) {
    view.links.entry(node.into()).or_default().push(LinkFacts {
        interface: interface.into(),
        carrier,
        subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
    });
}

/// Ranks by everything, and says who holds what.
pub(crate) fn full(view: &mut View, holders: &[(&str, &str)]) {
    view.options.ranking = Ranking::Full;
    view.holders = holders
        .iter()
        .map(|(address, node)| (ip(address), NodeName::from(*node)))
        .collect();
}

/// The announcing node, or the reason why there is none.
pub(crate) fn winner(view: &View, address: &str) -> String {
    match &elect(view).by_address[&ip(address)].outcome {
        Ok(winner) => winner.node.to_string(),
        Err(why) => why.reason().to_owned(),
    }
}

/// The eligible nodes with their preference, in order of rank.
pub(crate) fn ranking(view: &View, address: &str) -> Vec<(String, u32)> {
    let ranked = elect(view).by_address[&ip(address)].ranking();
    ranked
        .iter()
        .map(|one| (one.node.to_string(), one.preference))
        .collect()
}

/// The reason of each node that is not eligible.
pub(crate) fn barred(view: &View, address: &str) -> BTreeMap<String, &'static str> {
    let elections = elect(view);
    let field = elections.by_address[&ip(address)].field().unwrap();
    let reasons = field.ineligible().iter();
    reasons
        .map(|(node, why)| (node.to_string(), why.reason()))
        .collect()
}

pub(crate) fn key(service: &str) -> ServiceKey {
    ServiceKey::new("shop", service)
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn with_type(mut object: Value, kind: &str) -> Value {
    merge(
        &mut object,
        json!({"apiVersion": "metallb.io/v1beta1", "kind": kind}),
    );
    object
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
