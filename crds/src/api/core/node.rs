//! `Node`: whether it may announce, and its addresses.

use std::net::IpAddr;

use k8s_openapi::api::core::v1 as kubernetes;
use kube::core::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use super::{addresses, fitting};

/// A node of the cluster.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, kube::Resource)]
#[resource(inherit = "kubernetes::Node")]
#[serde(default)]
pub struct Node {
    /// Name and labels.
    pub metadata: ObjectMeta,
    /// What its administrator says.
    pub spec: Option<NodeSpec>,
    /// What its kubelet says.
    pub status: Option<NodeStatus>,
}

impl Node {
    /// The addresses of a node, be the rest as it may.
    pub fn addresses_in(raw: &Value) -> impl Iterator<Item = IpAddr> + '_ {
        addresses(raw, "/status/addresses", "address")
    }
}

/// What the administrator of a node says.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSpec {
    /// Reasons to keep pods away.
    #[serde(deserialize_with = "fitting")]
    pub taints: Option<Vec<Taint>>,
    /// Whether it is cordoned.
    pub unschedulable: Option<bool>,
    /// The networks of its pods.
    #[serde(rename = "podCIDRs")]
    pub pod_cidrs: Option<Vec<String>>,
}

/// A reason to keep pods away from a node.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Taint {
    /// Its name.
    pub key: String,
}

/// What the kubelet of a node says.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeStatus {
    /// Addresses and host names.
    #[serde(deserialize_with = "fitting")]
    pub addresses: Option<Vec<NodeAddress>>,
    /// Whether it is ready, and more.
    #[serde(deserialize_with = "fitting")]
    pub conditions: Option<Vec<NodeCondition>>,
}

/// An address or a host name of a node.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct NodeAddress {
    /// The address or the name.
    pub address: String,
}

/// A condition of a node.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct NodeCondition {
    /// What it is about.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
}
