//! Interfaces on which a speaker should take part in the protocol, and does not.

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;

/// A speaker without a key takes part nowhere, which another check says.
pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, facts) in seen.nodes().filter(|(_, facts)| facts.key.is_some()) {
        let silent = facts
            .interfaces
            .iter()
            .filter(|(name, one)| one.up && !facts.segments.contains_key(*name));
        findings.extend(silent.map(|(name, _)| {
            Finding::error(node.clone(), format!("its speaker does not take part on {name}"))
                .at(format!("segments.{name}"), "")
                .remedy("Read the log of the speaker for what does not work on the interface.")
        }));
    }
    findings
}
