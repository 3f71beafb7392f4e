//! `BFDProfile`: how quickly peers are watched by BFD.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// Times by which BFD (RFC 5880) watches peers that name the profile.
#[derive(CustomResource, Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "metallb.io",
    version = "v1beta1",
    kind = "BFDProfile",
    plural = "bfdprofiles",
    namespaced,
    derive = "PartialEq",
    status = "BFDProfileStatus",
    printcolumn = r#"{"name":"Passive Mode","type":"boolean","jsonPath":".spec.passiveMode"}"#,
    printcolumn = r#"{"name":"Transmit Interval","type":"integer","jsonPath":".spec.transmitInterval"}"#,
    printcolumn = r#"{"name":"Receive Interval","type":"integer","jsonPath":".spec.receiveInterval"}"#,
    printcolumn = r#"{"name":"Multiplier","type":"integer","jsonPath":".spec.detectMultiplier"}"#
)]
pub struct BFDProfileSpec {
    /// The peer's packets shall be no closer than this, in milliseconds; 300 if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bfd_interval")]
    pub receive_interval: Option<i64>,

    /// Our packets are no closer than this, in milliseconds; 300 if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bfd_interval")]
    pub transmit_interval: Option<i64>,

    /// The peer declares us down after so many packets that did not come; 3 if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bfd_multiplier")]
    pub detect_multiplier: Option<i64>,

    /// Time between echo packets, in milliseconds. Without effect: none are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bfd_interval")]
    pub echo_interval: Option<i64>,

    /// Echo packets. Without effect: the control packets watch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_mode: Option<bool>,

    /// Say nothing before the peer has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passive_mode: Option<bool>,

    /// Packets of a peer that is several hops away are ignored if their TTL is lower; 254 if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "minimumTtl")]
    #[schemars(schema_with = "schema::bfd_minimum_ttl")]
    pub minimum_ttl: Option<i64>,
}

/// Nothing is reported here; the object exists because MetalLB has it.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct BFDProfileStatus {}
