//! A Service of a class that nobody serves, as far as can be seen.

use ferrolb_crds::domain::ServiceClass;

use crate::doctor::finding::{Finding, Severity};
use crate::doctor::seen::Seen;
use crate::explain::cause::Effect;

/// One with an address is served by somebody.
pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in seen.services {
        let view = &service.case.view;
        let ServiceClass::LoadBalancer(class) = &view.class else {
            continue;
        };
        if view.in_status().next().is_some() || !service.case.service.ingress().is_empty() {
            continue;
        }
        let class = class.as_deref().unwrap_or_default();
        findings.extend(service.with(Effect::NotServed).map(|cause| {
            super::services::finding(Severity::Warning, service.object(), cause)
                .at("spec.loadBalancerClass", class)
        }));
    }
    findings
}
