//! `Namespace`: its name and labels.

use k8s_openapi::api::core::v1 as kubernetes;
use kube::core::ObjectMeta;
use serde::Deserialize;

/// A namespace, which pools choose by its labels.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, kube::Resource)]
#[resource(inherit = "kubernetes::Namespace")]
#[serde(default)]
pub struct Namespace {
    /// Name and labels.
    pub metadata: ObjectMeta,
}
