//! Resource types of group `metallb.io`, as the API server stores them.
//!
//! Schemas say what a schema can say (CEL where needed); everything across objects is checked by the
//! parsers in [`crate::domain`] and reported, so one bad object never stops a good one.

mod ip_address_pool;
mod l2_advertisement;
mod schema;
mod service_l2_status;

pub use ip_address_pool::{IPAddressPool, IPAddressPoolSpec, IPAddressPoolStatus, ServiceAllocation};
pub use l2_advertisement::{
    L2Advertisement, L2AdvertisementSpec, L2AdvertisementStatus, PreferredNodeSelector,
};
pub use service_l2_status::{
    AnnouncingInterface, ServiceL2Status, ServiceL2StatusSpec, ServiceL2StatusStatus,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// All resource definitions that FerroLB needs, in the order they are printed and applied.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    vec![
        IPAddressPool::crd(),
        L2Advertisement::crd(),
        ServiceL2Status::crd(),
    ]
}
