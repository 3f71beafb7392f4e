//! Which resources the controller watches.

use ferrolb_crds::api::core::{EndpointSlice, Namespace, Node, NodeStatus, Service};
use ferrolb_crds::api::{ConfigurationState, IPAddressPool, L2Advertisement};
use ferrolb_crds::domain::ServiceKey;
use ferrolb_runtime::reflect::{ObjectKey, Reflection, Reports, Watch};
use kube::{Client, ResourceExt};

/// Everything a decision is made from.
pub(crate) struct Stores {
    pub(crate) services: Reflection<Service>,
    pub(crate) namespaces: Reflection<Namespace>,
    pub(crate) nodes: Reflection<Node>,
    pub(crate) pools: Reflection<IPAddressPool>,
    pub(crate) adverts: Reflection<L2Advertisement>,
    /// What speakers tell of their nodes.
    pub(crate) states: Reflection<ConfigurationState>,
    /// The endpoints of the API server.
    pub(crate) api_server: Reflection<EndpointSlice>,
}

impl Stores {
    /// Starts all watches. Pools and advertisements count only in our own namespace, as in MetalLB.
    pub(crate) fn watch(client: &Client, namespace: &str, reports: &Reports) -> Self {
        Self {
            services: Watch::cluster(client.clone()).start(reports),
            namespaces: Watch::cluster(client.clone()).start(reports),
            nodes: Watch::cluster(client.clone()).keep(keep_addresses).start(reports),
            pools: Watch::namespace(client.clone(), namespace).start(reports),
            adverts: Watch::namespace(client.clone(), namespace).start(reports),
            states: Watch::namespace(client.clone(), namespace)
                .keep(keep_links)
                .start(reports),
            api_server: Watch::namespace(client.clone(), "default")
                .fields("metadata.name=kubernetes")
                .start(reports),
        }
    }
}

impl Stores {
    /// Whether there is such a Service, and its resource version unless it cannot be decoded.
    pub(crate) fn service_version(&self, service: &ServiceKey) -> Option<Option<String>> {
        let key = ObjectKey::new(&*service.namespace, &*service.name);
        let snapshot = self.services.snapshot();
        let entry = snapshot.get(&key)?;
        Some(entry.object().and_then(|object| object.resource_version()))
    }
}

/// Only what a speaker tells others counts here; the conditions of its state come and go.
fn keep_links(_: &ObjectKey, state: ConfigurationState) -> ConfigurationState {
    ConfigurationState {
        status: None,
        ..state
    }
}

/// Only the addresses of a node count here; the rest of it changes every few seconds.
fn keep_addresses(_: &ObjectKey, node: Node) -> Node {
    let of_status = |status: NodeStatus| NodeStatus {
        addresses: status.addresses,
        ..Default::default()
    };
    Node {
        metadata: node.metadata,
        spec: None,
        status: node.status.map(of_status),
    }
}
