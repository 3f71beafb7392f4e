//! What makes a speaker hold addresses without a controller: Services with an address in their status and an endpoint.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::program::NAMESPACE;

const NETWORK: u16 = 0x0a64;
/// On the objects of each Service.
pub(super) const LABEL: &str = "measured";

/// The address that ends with these two bytes, of a pool of 65,536.
pub(super) fn address(rest: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(NETWORK) << 16 | u32::from(rest))
}

/// The pool, its advertisement, and the secret of the speakers, which a controller would make.
pub(super) fn configuration() -> String {
    let metadata = json!({"name": "measured", "namespace": NAMESPACE});
    list([
        json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": metadata,
               "spec": {"addresses": [format!("{}/16", address(0))]}}),
        json!({"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement", "metadata": metadata, "spec": {}}),
        json!({"apiVersion": "v1", "kind": "Secret",
               "metadata": {"name": "memberlist", "namespace": NAMESPACE},
               "stringData": {"secretkey": "of the speakers that are measured"}}),
    ])
}

/// As kubectl takes several objects.
pub(super) fn list(objects: impl IntoIterator<Item = Value>) -> String {
    let items: Vec<Value> = objects.into_iter().collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

pub(super) fn name(number: u16) -> String {
    format!("held-{number}")
}

/// kube-proxy leaves it alone: nothing is sent through it.
pub(super) fn service(number: u16) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name(number),
            "namespace": "default",
            "labels": {"set": LABEL, "service.kubernetes.io/service-proxy-name": LABEL},
        },
        "spec": {
            "type": "LoadBalancer",
            "allocateLoadBalancerNodePorts": false,
            "ports": [{"name": "http", "port": 80}],
        },
    })
}

/// An endpoint on the node, or on none that Kubernetes knows.
pub(super) fn endpoints(number: u16, node: Option<&str>) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name(number),
            "namespace": "default",
            "labels": {"set": LABEL, "kubernetes.io/service-name": name(number)},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 80}],
        "endpoints": [{"addresses": ["10.244.1.200"], "nodeName": node, "conditions": {"ready": true}}],
    })
}

pub(super) fn status(number: u16, address: Ipv4Addr) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name(number), "namespace": "default"},
        "status": {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}},
    })
}
