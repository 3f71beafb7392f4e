//! The addresses, and what makes a speaker hold them: Services with an address in their status and an endpoint on the
//! node, without a controller.

use crate::command::USUAL;
use crate::error::Result;
use crate::lab::Lab;
use serde_json::{Value, json};
use std::net::Ipv4Addr;

const NETWORK: u16 = 0x0a64;

const POOL: &str = "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: measured, namespace: metallb-system}
spec: {addresses: [10.100.0.0/16]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: measured, namespace: metallb-system}
---
apiVersion: v1
kind: Secret
metadata: {name: memberlist, namespace: metallb-system}
stringData: {secretkey: of the one speaker that is measured}
";

/// The addresses that are held are the even ones from the beginning of the pool.
pub(super) fn held(number: u16) -> Ipv4Addr {
    address(number * 2)
}

/// All odd addresses of the pool.
pub(super) fn foreign() -> impl Iterator<Item = Ipv4Addr> {
    (0..u16::MAX).filter(|rest| rest % 2 == 1).map(address)
}

fn address(rest: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(NETWORK) << 16 | u32::from(rest))
}

/// Makes everything that the speaker of this node needs to hold so many addresses.
pub(super) fn prepare(lab: &Lab, node: u8, count: u16) -> Result<()> {
    lab.apply(POOL)?;
    let node = lab.node_name(node);
    let objects = (0..count).flat_map(|number| [service(number), endpoints(number, &node)]);
    let kubectl = lab.kubectl_program();
    kubectl.run_with_input(&["create", "-f", "-"], &list(objects), USUAL)?;
    let apply = [
        "apply",
        "--server-side",
        "--subresource=status",
        "--validate=false",
        "-f",
        "-",
    ];
    kubectl
        .run_with_input(&apply, &list((0..count).map(status)), USUAL)
        .map(drop)
}

fn list(objects: impl Iterator<Item = Value>) -> String {
    let items: Vec<Value> = objects.collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn name(number: u16) -> String {
    format!("held-{number}")
}

fn service(number: u16) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name(number), "namespace": "default"},
        "spec": {
            "type": "LoadBalancer",
            "allocateLoadBalancerNodePorts": false,
            "ports": [{"name": "http", "port": 80}],
        },
    })
}

fn endpoints(number: u16, node: &str) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name(number),
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": name(number)},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 80}],
        "endpoints": [{"addresses": ["10.244.1.200"], "nodeName": node, "conditions": {"ready": true}}],
    })
}

fn status(number: u16) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name(number), "namespace": "default"},
        "status": {"loadBalancer": {"ingress": [{"ip": held(number), "ipMode": "VIP"}]}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn nothing_foreign_is_held() {
        let foreign: BTreeSet<Ipv4Addr> = foreign().collect();
        assert_eq!(foreign.len(), 32767);
        assert!((0..1000).all(|number| !foreign.contains(&held(number))));
    }
}
