//! What a Service's status holds of ours, for comparing it with what was decided.

use std::net::IpAddr;

use ferrolb_crds::api::Condition;
use ferrolb_crds::api::core::{LoadBalancerIngress, Service};
use ferrolb_crds::domain::Origins;
use ferrolb_crds::names;

/// The fields the controller writes, as they are now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Observed {
    pub(crate) resource_version: String,
    pub(crate) ingress: Vec<LoadBalancerIngress>,
    pub(crate) pools: Origins,
    pub(crate) condition: Option<Condition>,
}

impl Observed {
    pub(crate) fn read(service: &Service) -> Self {
        let annotations = service.metadata.annotations.as_ref();
        Self {
            resource_version: service.metadata.resource_version.clone().unwrap_or_default(),
            ingress: service.ingress().to_vec(),
            pools: annotations.map(Origins::read).unwrap_or_default(),
            condition: service.condition(names::CONDITION_ASSIGNED).cloned(),
        }
    }

    /// Whether there is anything that only we write.
    pub(crate) fn has_traces(&self) -> bool {
        !self.pools.is_empty() || self.condition.is_some()
    }

    /// The entry of an address, if there is one.
    pub(crate) fn entry(&self, address: IpAddr) -> Option<&LoadBalancerIngress> {
        let text = address.to_string();
        self.ingress
            .iter()
            .find(|entry| entry.ip.as_deref() == Some(&text))
    }
}
