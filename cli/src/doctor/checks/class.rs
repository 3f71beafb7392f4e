//! A Service of a class that nobody serves, as far as can be seen.

use ferrolb_crds::domain::ServiceClass;

use crate::doctor::finding::{Finding, Severity};
use crate::doctor::seen::Seen;
use crate::explain::cause::{Effect, causes};
use crate::problem::ObjectId;

/// One with an address is served by somebody.
pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for case in seen.cases.all() {
        let view = &case.view;
        let ServiceClass::LoadBalancer(class) = &view.class else {
            continue;
        };
        if view.in_status().next().is_some() || !case.service.ingress().is_empty() {
            continue;
        }
        let object = ObjectId::new("Service", &*view.key.namespace, &*view.key.name);
        let causes = causes(&case).into_iter();
        let class = class.as_deref().unwrap_or_default();
        let not_ours = causes.filter(|cause| cause.effect == Effect::NotServed);
        findings.extend(not_ours.map(|cause| {
            super::services::finding(Severity::Warning, object.clone(), &cause)
                .at("spec.loadBalancerClass", class)
        }));
    }
    findings
}
