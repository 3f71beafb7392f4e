//! Objects that controller and speakers skip.

use std::collections::BTreeSet;

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;
use crate::problem::Problem;

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let judged = seen.cases.judgement.iter().flat_map(|one| &one.problems);
    let all: BTreeSet<&Problem> = seen.evidence.problems.iter().chain(judged).collect();
    let finding = |problem: &Problem| {
        let (field, message) = match problem.message.split_once(": ") {
            Some((field, message)) if !field.contains(' ') => (field, message),
            _ => ("", &*problem.message),
        };
        Finding::warning(problem.object.clone(), message)
            .at(field, "")
            .remedy("Correct the field that is named; the rest of the object is used, as far as it can be.")
    };
    all.into_iter().map(finding).collect()
}
