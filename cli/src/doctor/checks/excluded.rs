//! Every node carries the label that excludes it, so the label is ignored.

use ferrolb_crds::names::EXCLUDE_NODE;

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;
use crate::problem::ObjectId;

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let all = seen.cases.judgement.as_ref().is_some_and(|one| one.all_excluded);
    let message = format!("every node carries the label {EXCLUDE_NODE}, so it is ignored");
    let finding = || {
        Finding::warning(ObjectId::new("Node", "", "*"), message)
            .at("metadata.labels", EXCLUDE_NODE)
            .remedy(format!(
                "Remove the label from the nodes that should announce: kubectl label node NODE {EXCLUDE_NODE}-"
            ))
    };
    all.then(finding).into_iter().collect()
}
