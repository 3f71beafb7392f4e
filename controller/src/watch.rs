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
            nodes: Watch::cluster(client.clone())
                .project(keep_addresses)
                .start(reports),
            pools: Watch::namespace(client.clone(), namespace).start(reports),
            adverts: Watch::namespace(client.clone(), namespace).start(reports),
            states: Watch::namespace(client.clone(), namespace)
                .project(keep_links)
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

/// Of a state only what its speaker tells others counts here; its own conditions come and go.
fn keep_links(state: &mut ConfigurationState) {
    state.status = None;
}

/// Of a node only its addresses count here; the rest changes every few seconds.
fn keep_addresses(node: &mut Node) {
    node.spec = None;
    if let Some(status) = node.status.take() {
        node.status = Some(NodeStatus {
            addresses: status.addresses,
            ..Default::default()
        });
    }
}
