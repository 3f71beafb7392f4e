//! `BGPPeer`: a router with which speakers hold BGP sessions.

use k8s_openapi::api::core::v1::SecretReference;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, CustomResourceDefinition, CustomResourceDefinitionVersion,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// A router that is told how to reach addresses of Services.
#[derive(CustomResource, Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "metallb.io",
    version = "v1beta2",
    kind = "BGPPeer",
    plural = "bgppeers",
    namespaced,
    derive = "PartialEq",
    status = "BGPPeerStatus",
    printcolumn = r#"{"name":"Address","type":"string","jsonPath":".spec.peerAddress"}"#,
    printcolumn = r#"{"name":"ASN","type":"string","jsonPath":".spec.peerASN"}"#,
    printcolumn = r#"{"name":"BFD Profile","type":"string","jsonPath":".spec.bfdProfile"}"#,
    printcolumn = r#"{"name":"Multi Hops","type":"string","jsonPath":".spec.ebgpMultiHop"}"#
)]
pub struct BGPPeerSpec {
    /// The AS number of our end.
    #[serde(rename = "myASN")]
    #[schemars(schema_with = "schema::as_number")]
    pub my_asn: i64,

    /// The AS number that the peer must have; 0 or none with `dynamicASN`.
    #[serde(default, rename = "peerASN", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::as_number")]
    pub peer_asn: Option<i64>,

    /// Instead of `peerASN`: `internal` for a peer with our AS number, `external` for one with another.
    #[serde(default, rename = "dynamicASN", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::dynamic_asn")]
    pub dynamic_asn: Option<String>,

    /// The AS number that this peer sees instead of `myASN`.
    #[serde(default, rename = "localASN", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::as_number")]
    pub local_asn: Option<i64>,

    /// The address that is dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_address: Option<String>,

    /// Instead of `peerAddress`: the interface behind which the peer is found by its IPv6 link-local address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,

    /// The node's address to dial from; the kernel's choice if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_address: Option<String>,

    /// The port that is dialled; 179 if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::peer_port")]
    pub peer_port: Option<i64>,

    /// For how long the session outlives silence: 0 for ever, else at least 3 s. 90 s if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_time: Option<String>,

    /// The time between two keepalives; a third of the hold time if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive_time: Option<String>,

    /// The longest time between two attempts to connect, in whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::connect_time")]
    pub connect_time: Option<String>,

    /// The BGP identifier of our end.
    #[serde(default, rename = "routerID", skip_serializing_if = "Option::is_none")]
    pub router_id: Option<String>,

    /// Nodes that hold a session with the peer; none given means every node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::selectors")]
    pub node_selectors: Vec<LabelSelector>,

    /// The password of TCP MD5 signatures (RFC 2385).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,

    /// The Secret of type `kubernetes.io/basic-auth` in the namespace of the peer whose key `password` is the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::secret_reference")]
    pub password_secret: Option<SecretReference>,

    /// Name of the `BFDProfile` by which the peer is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bfd_profile: Option<String>,

    /// Routes stay at the peer while the speaker restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_graceful_restart: Option<bool>,

    /// The peer may be more than one hop away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ebgp_multi_hop: Option<bool>,

    /// The VRF in which the peer is dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,

    /// Without effect, as in MetalLB.
    #[serde(default, rename = "disableMP", skip_serializing_if = "Option::is_none")]
    pub disable_mp: Option<bool>,

    /// Routes of both families go over the session, whatever its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dual_stack_address_family: Option<bool>,
}

/// Nothing is reported here yet; the object exists because MetalLB has it.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct BGPPeerStatus {}

/// What the older version has not.
const SINCE_V1BETA2: [&str; 9] = [
    "passwordSecret",
    "vrf",
    "interface",
    "dynamicASN",
    "localASN",
    "connectTime",
    "enableGracefulRestart",
    "dualStackAddressFamily",
    "disableMP",
];

/// The definition with both versions. They name and shape alike what both have, so no webhook has to convert them.
pub(super) fn definition() -> CustomResourceDefinition {
    let mut definition = BGPPeer::crd();
    let older = definition.spec.versions.first().map(v1beta1);
    definition.spec.versions.splice(0..0, older);
    definition.spec.conversion = Some(CustomResourceConversion {
        strategy: "None".to_owned(),
        webhook: None,
    });
    definition
}

fn v1beta1(newer: &CustomResourceDefinitionVersion) -> CustomResourceDefinitionVersion {
    let mut older = CustomResourceDefinitionVersion {
        name: "v1beta1".to_owned(),
        storage: false,
        deprecated: Some(true),
        deprecation_warning: Some("v1beta1 is deprecated, please use metallb.io/v1beta2 BGPPeer".to_owned()),
        ..newer.clone()
    };
    let schema = older
        .schema
        .as_mut()
        .and_then(|schema| schema.open_api_v3_schema.as_mut());
    let spec = schema.and_then(|schema| schema.properties.as_mut()?.get_mut("spec"));
    if let Some(properties) = spec.and_then(|spec| spec.properties.as_mut()) {
        properties.retain(|name, _| !SINCE_V1BETA2.contains(&name.as_str()));
    }
    older
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn fields(version: &CustomResourceDefinitionVersion) -> BTreeSet<String> {
        let schema = version
            .schema
            .as_ref()
            .unwrap()
            .open_api_v3_schema
            .as_ref()
            .unwrap();
        let spec = &schema.properties.as_ref().unwrap()["spec"];
        spec.properties.as_ref().unwrap().keys().cloned().collect()
    }

    #[test]
    fn both_versions_are_served_and_the_newer_one_is_stored() {
        let versions = definition().spec.versions;
        let told = versions.iter().map(|one| (&*one.name, one.served, one.storage));
        let told: Vec<_> = told.collect();
        assert_eq!(told, [("v1beta1", true, false), ("v1beta2", true, true)]);
    }

    #[test]
    fn the_older_version_has_the_fields_that_metallb_has_there() {
        let versions = definition().spec.versions;
        let (older, newer) = (fields(&versions[0]), fields(&versions[1]));
        let since: BTreeSet<String> = newer.difference(&older).cloned().collect();
        assert_eq!(since, SINCE_V1BETA2.map(str::to_owned).into());
        assert!(older.is_subset(&newer));
    }
}
