//! The Lease of the controllers.

use ferrolb_crds::names::CONTROLLER_LEASE;

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;
use crate::explain::cause::{Cause, Effect};
use crate::explain::trouble::Trouble;
use crate::problem::ObjectId;

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let evidence = seen.evidence;
    let why = evidence
        .live
        .as_ref()
        .and_then(|live| live.leaderless(evidence.now));
    let finding = |why| {
        let cause = Cause::trouble(Effect::NoAddress, &Trouble::NoController(why));
        let lease = ObjectId::new("Lease", seen.installation, CONTROLLER_LEASE);
        Finding::error(lease, &cause.message)
            .because(&cause.reason)
            .remedy(cause.advice.join(" "))
    };
    why.map(finding).into_iter().collect()
}
