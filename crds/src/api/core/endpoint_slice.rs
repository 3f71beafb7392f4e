//! `EndpointSlice`: which nodes have endpoints of a Service.

use k8s_openapi::api::discovery::v1 as kubernetes;
use kube::core::ObjectMeta;
use serde::Deserialize;

use super::listed;

/// Some of the endpoints of a Service, in one family.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, kube::Resource)]
#[resource(inherit = "kubernetes::EndpointSlice")]
#[serde(default)]
pub struct EndpointSlice {
    /// Name and labels, one of which names the Service.
    pub metadata: ObjectMeta,
    /// The endpoints.
    #[serde(deserialize_with = "listed")]
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct Endpoint {
    /// Its addresses, which count as one and the same.
    #[serde(deserialize_with = "listed")]
    pub addresses: Vec<String>,
    /// Its state.
    pub conditions: Option<EndpointConditions>,
    /// The node that it runs on.
    pub node_name: Option<String>,
    /// The pod behind it.
    pub target_ref: Option<TargetReference>,
}

/// The state of an endpoint; what is absent is for the reader to interpret.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct EndpointConditions {
    /// Takes new connections.
    pub ready: Option<bool>,
    /// Can serve, whether or not it is about to end.
    pub serving: Option<bool>,
}

/// The object behind an endpoint.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct TargetReference {
    /// Its name.
    pub name: Option<String>,
}
