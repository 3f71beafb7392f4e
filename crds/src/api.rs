//! Resource types of group `metallb.io`, as the API server stores them, and in [`core`] those of Kubernetes.
//!
//! Schemas say what a schema can say (CEL where needed); everything across objects is checked by the
//! parsers in [`crate::domain`] and reported, so one bad object never stops a good one.

mod bfd_profile;
mod bgp_advertisement;
mod bgp_peer;
mod bgp_session_state;
mod community;
mod condition;
mod configuration_state;
pub mod core;
mod ip_address_pool;
mod l2_advertisement;
mod schema;
mod service_bgp_status;
mod service_l2_status;

pub use bfd_profile::{BFDProfile, BFDProfileSpec, BFDProfileStatus};
pub use bgp_advertisement::{BGPAdvertisement, BGPAdvertisementSpec, BGPAdvertisementStatus};
pub use bgp_peer::{BGPPeer, BGPPeerSpec, BGPPeerStatus};
pub use bgp_session_state::{
    AgreedBfd, AgreedSession, BGPSessionState, BGPSessionStateSpec, BGPSessionStateStatus, PrefixesSent,
};
pub use community::{Community, CommunityAlias, CommunitySpec, CommunityStatus};
pub use condition::{Condition, Saying};
pub use configuration_state::{
    ConfigurationResult, ConfigurationState, ConfigurationStateSpec, ConfigurationStateStatus,
};
pub use ip_address_pool::{IPAddressPool, IPAddressPoolSpec, IPAddressPoolStatus, ServiceAllocation};
pub use l2_advertisement::{
    L2Advertisement, L2AdvertisementSpec, L2AdvertisementStatus, PreferredNodeSelector,
};
pub use service_bgp_status::{ServiceBGPStatus, ServiceBGPStatusSpec, ServiceBGPStatusStatus};
pub use service_l2_status::{
    AnnouncingInterface, ServiceL2Status, ServiceL2StatusSpec, ServiceL2StatusStatus,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSON};
use kube::CustomResourceExt;
use serde_json::json;

/// All resource definitions that FerroLB needs, in the order they are printed and applied.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    vec![
        IPAddressPool::crd(),
        with_optional_spec(L2Advertisement::crd()),
        bgp_peer::definition(),
        with_optional_spec(BGPAdvertisement::crd()),
        with_optional_spec(BFDProfile::crd()),
        Community::crd(),
        ServiceL2Status::crd(),
        ServiceBGPStatus::crd(),
        BGPSessionState::crd(),
        ConfigurationState::crd(),
    ]
}

/// An advertisement without `spec` announces everything, and MetalLB's own examples have none: the API server
/// fills in an empty one.
fn with_optional_spec(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    let schemas = definition.spec.versions.iter_mut();
    let schemas = schemas.filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    for spec in schemas.filter_map(|schema| schema.properties.as_mut()?.get_mut("spec")) {
        spec.default = Some(JSON(json!({})));
    }
    definition
}
