//! `BGPSessionState`: what the session of a node with a peer is at.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Written by the node's speaker; there is nothing to configure. Group, kind, columns and the first five fields are those
/// of FRR-K8s, which MetalLB ships.
#[derive(CustomResource, Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "frrk8s.metallb.io",
    version = "v1beta1",
    kind = "BGPSessionState",
    plural = "bgpsessionstates",
    namespaced,
    derive = "PartialEq",
    status = "BGPSessionStateStatus",
    printcolumn = r#"{"name":"Node","type":"string","jsonPath":".status.node"}"#,
    printcolumn = r#"{"name":"Peer","type":"string","jsonPath":".status.peer"}"#,
    printcolumn = r#"{"name":"VRF","type":"string","jsonPath":".status.vrf"}"#,
    printcolumn = r#"{"name":"BGP","type":"string","jsonPath":".status.bgpStatus"}"#,
    printcolumn = r#"{"name":"BFD","type":"string","jsonPath":".status.bfdStatus"}"#,
    printcolumn = r#"{"name":"Since","type":"date","jsonPath":".status.since"}"#,
    printcolumn = r#"{"name":"BGPPeer","type":"string","jsonPath":".status.bgpPeer","priority":1}"#,
    printcolumn = r#"{"name":"Last Error","type":"string","jsonPath":".status.lastError","priority":1}"#
)]
pub struct BGPSessionStateSpec {}

/// What the session is at.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BGPSessionStateStatus {
    /// The state by its name in RFC 4271: `Established`, or what comes before.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bgp_status: String,
    /// `up`, `down`, or `N/A` without BFD.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bfd_status: String,
    /// The node.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// The peer's address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub peer: String,
    /// The VRF device that the session runs in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vrf: String,
    /// The name of the `BGPPeer`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bgp_peer: String,
    /// Since when the session is up, or since when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>,
    /// Why the last session, or the last attempt, ended, in the words of whoever ended it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_error: String,
    /// What both ends agreed on, while the session is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<AgreedSession>,
    /// Prefixes that the peer was told, by family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefixes_sent: Option<PrefixesSent>,
    /// Prefixes that the peer has told, which are all dropped.
    #[serde(default)]
    pub prefixes_received: i64,
    /// What BFD agreed on, while its session is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_bfd: Option<AgreedBfd>,
}

impl BGPSessionStateStatus {
    /// Whether the session is up.
    pub fn is_up(&self) -> bool {
        self.bgp_status == "Established"
    }

    /// Whether a speaker wrote it. FRR-K8s, which has the same kind, does not say which `BGPPeer` it is.
    pub fn is_of_a_speaker(&self) -> bool {
        !self.bgp_peer.is_empty()
    }
}

/// What both ends of a session agreed on.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgreedSession {
    /// The peer's AS number.
    #[serde(rename = "peerASN")]
    pub peer_asn: i64,
    /// The peer's BGP identifier.
    #[serde(rename = "peerRouterID")]
    pub peer_router_id: String,
    /// The peer's name, if it says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub peer_name: String,
    /// After so many seconds without a message the session ends; 0 is never.
    pub hold_time_seconds: i64,
    /// The families, `IPv4` and `IPv6`.
    pub families: Vec<String>,
}

/// Prefixes that a peer was told, by family.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PrefixesSent {
    /// IPv4 prefixes.
    pub ipv4: i64,
    /// IPv6 prefixes.
    pub ipv6: i64,
}

/// What BFD agreed on.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgreedBfd {
    /// This node sends a packet each so many milliseconds.
    pub transmit_interval_milliseconds: i64,
    /// After so many milliseconds without a packet of the peer it counts as gone.
    pub detection_time_milliseconds: i64,
}
