//! What a decision depends on, all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::api::ConfigurationState;
use ferrolb_crds::api::core::{self, EndpointSlice};
use ferrolb_crds::domain::{
    Namespaces, Node, NodeLinks, NodeName, Pool, Pools, ServiceClass, ServiceKey, ServiceView,
};
use ferrolb_runtime::reflect::ObjectKey;
use ipnetwork::IpNetwork;
use kube::ResourceExt;
use serde_json::Value;

/// The cluster as the allocator sees it at one moment.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// All Services, ours or not.
    pub services: BTreeMap<ServiceKey, Arc<ServiceView>>,
    /// All valid pools.
    pub pools: Pools,
    /// Labels of the namespaces.
    pub namespaces: Namespaces,
    /// The addresses of nodes, and whose they are.
    pub nodes: BTreeMap<IpAddr, NodeName>,
    /// The addresses of the API server.
    pub api_server: BTreeSet<IpAddr>,
    /// The subnets that nodes are on, as far as speakers told of them.
    pub subnets: BTreeSet<IpNetwork>,
    /// Addresses in the status of Services that cannot be read: they go to nobody else.
    pub unreadable: BTreeMap<IpAddr, ServiceKey>,
    /// Addresses given back a moment ago, and by whom: the last choice for everybody else.
    pub cooling: BTreeMap<IpAddr, GivenBack>,
    /// Addresses that Services gave up a short while ago, because another station has them.
    pub taken: BTreeSet<IpAddr>,
    /// Addresses in the status of a Service that somebody else wrote there.
    pub foreign: BTreeSet<(ServiceKey, IpAddr)>,
    /// Services whose terms of sharing changed since the last decision: where they no longer fit with
    /// others on an address, it is they who leave.
    pub changed: BTreeSet<ServiceKey>,
    /// The class of Services that are ours; none means those without a class.
    pub class: Option<String>,
}

/// The Service that gave an address back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GivenBack {
    /// Its name.
    pub by: ServiceKey,
    /// Whether it had UDP ports. Nodes send flows that do not pause to its pods for as long as they like.
    pub had_udp: bool,
}

impl GivenBack {
    /// This Service gave it back.
    pub fn by(service: &ServiceView) -> Self {
        Self {
            by: service.key.clone(),
            had_udp: service.serves_udp(),
        }
    }
}

impl World {
    /// Whether the pool is for this Service.
    pub(crate) fn admits(&self, pool: &Pool, service: &ServiceView) -> bool {
        pool.admits(&service.key.namespace, &service.labels, &self.namespaces)
    }

    /// Whether it is a load balancer, but not ours.
    pub(crate) fn is_of_another_class(&self, service: &ServiceKey) -> bool {
        let class = self.services.get(service).map(|view| &view.class);
        class.is_some_and(|class| {
            *class != ServiceClass::NotLoadBalancer && !class.is_ours(self.class.as_deref())
        })
    }
}

/// The labels of these namespaces, as [`World::namespaces`] has them.
pub fn labels_of<'a>(namespaces: impl IntoIterator<Item = &'a core::Namespace>) -> Namespaces {
    let labels = |one: &core::Namespace| (one.name_any(), one.labels().clone());
    namespaces.into_iter().map(labels).collect()
}

/// The addresses of nodes, as [`World::nodes`] has them.
pub fn addresses_of(nodes: &BTreeMap<NodeName, Node>) -> BTreeMap<IpAddr, NodeName> {
    let of_node = |(name, node): (&NodeName, &Node)| {
        let own = |address: &IpAddr| (*address, name.clone());
        node.addresses.iter().map(own).collect::<Vec<_>>()
    };
    nodes.iter().flat_map(of_node).collect()
}

/// The addresses of a node that cannot be read otherwise, as [`World::nodes`] has them.
pub fn addresses_of_odd<'a>(
    (key, node): (&ObjectKey, &'a Value),
) -> impl Iterator<Item = (IpAddr, NodeName)> + use<'a> {
    let name = NodeName::from(&*key.name);
    core::Node::addresses_in(node).map(move |address| (address, name.clone()))
}

/// The addresses in the status of a Service that cannot be read, as [`World::unreadable`] has them.
pub fn held_by_odd<'a>(
    (key, service): (&ObjectKey, &'a Value),
) -> impl Iterator<Item = (IpAddr, ServiceKey)> + use<'a> {
    let owner = ServiceKey::new(&*key.namespace, &*key.name);
    core::Service::addresses_in(service).map(move |address| (address, owner.clone()))
}

/// The subnets that speakers tell of, as [`World::subnets`] has them.
pub fn subnets_of<'a>(states: impl IntoIterator<Item = &'a ConfigurationState>) -> BTreeSet<IpNetwork> {
    let links = states.into_iter().filter_map(NodeLinks::of_state);
    links
        .flat_map(|(_, links)| links.subnets().collect::<Vec<_>>())
        .collect()
}

/// The addresses of the API server among these slices: those of Service `default/kubernetes`.
pub fn api_server_of<'a>(slices: impl IntoIterator<Item = &'a EndpointSlice>) -> BTreeSet<IpAddr> {
    let is_its = |slice: &&EndpointSlice| {
        let service = slice.labels().get("kubernetes.io/service-name");
        slice.namespace().as_deref() == Some("default") && service.is_some_and(|name| name == "kubernetes")
    };
    let endpoints = slices
        .into_iter()
        .filter(is_its)
        .flat_map(|slice| &slice.endpoints);
    let addresses = endpoints.flat_map(|endpoint| &endpoint.addresses);
    addresses.filter_map(|address| address.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_api_server_is_where_service_kubernetes_leads() {
        let slice = |namespace: &str, service: &str, address: &str| -> EndpointSlice {
            serde_json::from_value(json!({
                "metadata": { "name": "kubernetes", "namespace": namespace, "labels": { "kubernetes.io/service-name": service } },
                "addressType": "IPv4", "endpoints": [{ "addresses": [address] }] }))
            .unwrap()
        };
        let slices = [
            slice("default", "kubernetes", "192.0.2.1"),
            slice("tenant", "kubernetes", "192.0.2.2"),
            slice("default", "web", "192.0.2.3"),
        ];
        assert_eq!(
            api_server_of(&slices),
            BTreeSet::from(["192.0.2.1".parse().unwrap()])
        );
    }
}
