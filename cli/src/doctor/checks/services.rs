//! Services that do not work: the causes of `ferrolb explain`, in its words.

use itertools::Itertools;

use crate::doctor::finding::{Finding, Severity};
use crate::doctor::seen::Seen;
use crate::explain::cause::{Cause, Effect, causes};
use crate::problem::ObjectId;

/// Said once, and not again for each Service.
const OF_THE_CLUSTER: &str = "NoController";

pub(super) fn without_address(seen: &Seen<'_>) -> Vec<Finding> {
    of(seen, Effect::NoAddress, Severity::Error)
}

pub(super) fn not_announced(seen: &Seen<'_>) -> Vec<Finding> {
    of(seen, Effect::NotAnnounced, Severity::Error)
}

pub(super) fn doubtful(seen: &Seen<'_>) -> Vec<Finding> {
    of(seen, Effect::Doubtful, Severity::Warning)
}

fn of(seen: &Seen<'_>, effect: Effect, severity: Severity) -> Vec<Finding> {
    let mut findings = Vec::new();
    for case in seen.cases.all() {
        let object = ObjectId::new("Service", &*case.view.key.namespace, &*case.view.key.name);
        let causes = causes(&case).into_iter();
        let causes = causes.filter(|cause| cause.effect == effect && cause.reason != OF_THE_CLUSTER);
        findings.extend(causes.map(|cause| finding(severity, object.clone(), &cause)));
    }
    findings
}

/// The words of a cause, as the first line of `ferrolb explain` has them.
pub(super) fn finding(severity: Severity, object: ObjectId, cause: &Cause) -> Finding {
    let addresses = cause.addresses.iter().join(", ");
    let field = if addresses.is_empty() {
        ""
    } else {
        "status.loadBalancer.ingress"
    };
    Finding::new(severity, object, &cause.message)
        .because(&cause.reason)
        .at(field, addresses)
        .remedy(cause.advice.join(" "))
}
