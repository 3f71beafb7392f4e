//! `Service`: what it asks for, and what its status holds of ours.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1 as kubernetes;
use kube::core::ObjectMeta;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{addresses, fitting};
use crate::api::Condition;
use crate::names::{CONDITION_ANNOUNCED, CONDITION_ASSIGNED};

/// A Service.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, kube::Resource)]
#[resource(inherit = "kubernetes::Service")]
#[serde(default)]
pub struct Service {
    /// Name, labels and annotations.
    pub metadata: ObjectMeta,
    /// What its owner asks for.
    pub spec: Option<ServiceSpec>,
    /// What it was given.
    pub status: Option<ServiceStatus>,
}

impl Service {
    /// The addresses in the status of a Service, be the rest as it may.
    pub fn addresses_in(raw: &Value) -> impl Iterator<Item = IpAddr> + '_ {
        addresses(raw, "/status/loadBalancer/ingress", "ip")
    }

    /// The condition of ours of this type.
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        let conditions = self.status.as_ref()?.conditions.as_ref()?;
        conditions.iter().find(|one| one.type_ == type_)
    }

    /// The entries of `status.loadBalancer.ingress`.
    pub fn ingress(&self) -> &[LoadBalancerIngress] {
        let balancer = self.status.as_ref().and_then(|one| one.load_balancer.as_ref());
        balancer
            .and_then(|one| one.ingress.as_deref())
            .unwrap_or_default()
    }
}

/// What the owner of a Service asks for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceSpec {
    /// `LoadBalancer`, or another type.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// Whose load balancer it wants.
    pub load_balancer_class: Option<String>,
    /// The address it asks for.
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Option<String>,
    /// `Cluster` or `Local`.
    pub external_traffic_policy: Option<String>,
    /// The first of its addresses inside the cluster, or `None`.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    /// All its addresses inside the cluster.
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Option<Vec<String>>,
    /// The families of its addresses, the main one first.
    pub ip_families: Option<Vec<String>>,
    /// How many families it wants.
    pub ip_family_policy: Option<String>,
    /// Addresses that some node answers for without our doing.
    #[serde(rename = "externalIPs")]
    pub external_ips: Option<Vec<String>>,
    /// The ports it serves.
    pub ports: Option<Vec<ServicePort>>,
    /// Which pods it forwards to.
    pub selector: Option<BTreeMap<String, String>>,
}

/// A port that a Service serves.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct ServicePort {
    /// The number that clients use.
    pub port: i32,
    /// `TCP` where it is absent.
    pub protocol: Option<String>,
}

/// What a Service was given.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Its addresses.
    pub load_balancer: Option<LoadBalancerStatus>,
    /// The conditions that are ours. Those of others are none of our business, and may be of any size and form.
    #[serde(deserialize_with = "ours")]
    pub conditions: Option<Vec<Condition>>,
}

/// The addresses of a Service.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct LoadBalancerStatus {
    /// One entry each.
    pub ingress: Option<Vec<LoadBalancerIngress>>,
}

/// An address of a Service, or a host name for it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LoadBalancerIngress {
    /// The host name; none of ours has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// `VIP`: kube-proxy accepts traffic for the address on every node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_mode: Option<String>,
    /// What others say of its ports, which is written back as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<Value>>,
}

fn ours<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Condition>>, D::Error> {
    let mut conditions: Option<Vec<Condition>> = fitting(deserializer)?;
    if let Some(conditions) = &mut conditions {
        conditions.retain(|one| [CONDITION_ASSIGNED, CONDITION_ANNOUNCED].contains(&one.type_.as_str()));
    }
    Ok(conditions)
}
