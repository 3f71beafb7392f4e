//! Services that do not work: the causes of `ferrolb explain`, in its words.

use itertools::Itertools;

use crate::doctor::finding::{Finding, Severity};
use crate::doctor::seen::Seen;
use crate::explain::cause::{Cause, Effect};
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
    let findings = seen.services.iter().flat_map(|service| {
        let causes = service
            .with(effect)
            .filter(|cause| cause.reason != OF_THE_CLUSTER);
        causes.map(|cause| finding(severity, service.object(), cause))
    });
    findings.collect()
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
