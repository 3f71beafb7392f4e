//! Views for tests, built from what users write.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{
    Advert, Endpoint, Endpoints, Node, NodeLink, NodeLinks, NodeName, Pool, Pools, Reason, ServiceKey,
    ServiceView,
};
use ferrolb_segment::message::NodeId;
use serde_json::{Value, json};

use super::{Judged, Service, View, may};
use crate::forecast::{Foreseen, Known, forecast};

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
        Pool::read(&serde_json::from_value(with_type(wire, "IPAddressPool")).unwrap())
    });
    view.pools = Arc::new(Pools::new(parsed).0);
}

/// Adds or replaces a node that is alive; `wire` is merged over a node labelled with `name` = its name.
pub(crate) fn node(view: &mut View, name: &str, wire: Value) {
    let mut object = json!({"metadata": {"name": name, "labels": {"name": name}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    merge(&mut object, wire);
    let (name, node) = Node::read(&serde_json::from_value(object).unwrap());
    Arc::make_mut(&mut view.nodes).insert(name, node);
}

/// Labels of a node that is kept out of load balancing.
pub(crate) fn excluded() -> Value {
    json!({"metadata": {"labels": {"node.kubernetes.io/exclude-from-external-load-balancers": ""}}})
}

/// A node's entry in `nodeSelectors`.
pub(crate) fn only(node: &str) -> Value {
    json!({"matchLabels": {"name": node}})
}

/// Adds or replaces an advertisement.
pub(crate) fn advert(view: &mut View, name: &str, spec: Value) {
    let wire = with_type(
        json!({"metadata": {"name": name}, "spec": spec}),
        "L2Advertisement",
    );
    let advert = Advert::parse(&serde_json::from_value(wire).unwrap()).unwrap();
    Arc::make_mut(&mut view.adverts).insert(advert.name.clone(), advert);
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
    let service = Service {
        view: Arc::new(ServiceView::read(&serde_json::from_value(object).unwrap()).into()),
        endpoints: Endpoints::default(),
    };
    Arc::make_mut(&mut view.services).insert(key(name), service);
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
    let service = Arc::make_mut(&mut view.services).get_mut(&key(service)).unwrap();
    service.endpoints = all.into_iter().collect();
}

/// Tells of an interface of a node.
pub(crate) fn link(view: &mut View, node: &str, interface: &str, subnets: &[&str]) {
    let links: &mut NodeLinks = Arc::make_mut(&mut view.links).entry(node.into()).or_default();
    let subnets = subnets.iter().map(|subnet| subnet.parse().unwrap());
    links.add(interface.into(), NodeLink::on(subnets));
}

/// All nodes are alive, and these hold addresses.
pub(crate) fn held(view: &View, holders: &[(&str, &str)]) -> Known {
    Known {
        alive: view.nodes.keys().cloned().collect(),
        holders: holders
            .iter()
            .map(|(address, node)| (ip(address), NodeName::from(*node)))
            .collect(),
    }
}

/// What would become of all addresses if all nodes were alive and nobody held anything.
pub(crate) fn foreseen(view: &View) -> BTreeMap<IpAddr, Foreseen> {
    forecast(view, &may(view), &held(view, &[]))
}

/// The node that would hold the address, or the reason why there is none.
pub(crate) fn winner(view: &View, address: &str) -> String {
    winner_if(view, address, &held(view, &[]))
}

/// As [`winner`], if this is known.
pub(crate) fn winner_if(view: &View, address: &str, known: &Known) -> String {
    match &forecast(view, &may(view), known)[&ip(address)].outcome {
        Ok(winner) => winner.node.to_string(),
        Err(why) => why.word().to_owned(),
    }
}

/// The nodes that may hold the address with their preference, in order.
pub(crate) fn ranking(view: &View, address: &str) -> Vec<(String, u32)> {
    let order = &foreseen(view)[&ip(address)].order;
    order
        .iter()
        .map(|one| (one.node.to_string(), one.contender.fitness.preference))
        .collect()
}

/// What is judged of the address.
pub(crate) fn judged(view: &View, address: &str) -> Arc<Judged> {
    may(view).by_address[&ip(address)].clone()
}

/// The reason of each node that may not hold the address, or that comes after another because of a soft one.
pub(crate) fn barred(view: &View, address: &str) -> BTreeMap<String, &'static str> {
    let judged = judged(view, address);
    let eligibility = match &judged.eligible {
        Ok(eligibility) => eligibility.clone(),
        Err(why) => {
            let Reason::NoEligibleNode(nodes) = &**why else {
                panic!("{why}")
            };
            let reason = |(node, why): (&NodeName, &Reason)| (node.to_string(), why.word());
            return nodes.iter().map(reason).collect();
        }
    };
    let hard = eligibility.ineligible().iter();
    let hard = hard.map(|(node, why)| (node.to_string(), why.word()));
    let against = |node: &NodeName| eligibility.group.fit[&NodeId::of(node)].against;
    let least = eligibility.nodes().map(against).min();
    let later = eligibility.nodes().filter(|node| Some(against(node)) > least);
    let soft = later.filter_map(|node| Some((node.to_string(), eligibility.soft(node)?.word())));
    hard.chain(soft).collect()
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
