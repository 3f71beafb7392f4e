//! Reverse path filtering: the kernel drops what comes in where it would not answer to.

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;

const STRICT: u8 = 1;

/// Strict filtering does no harm where answers leave by the interface on which clients ask.
pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, facts) in seen.nodes() {
        let strict = facts
            .interfaces
            .iter()
            .filter(|(_, one)| one.settings.rp_filter == Some(STRICT));
        let harmed =
            strict.filter(|(name, _)| facts.default_route.as_ref().is_some_and(|route| route != *name));
        for ((name, _), route) in harmed.zip(facts.default_route.iter().cycle()) {
            let message = format!(
                "the kernel drops packets that clients beyond the segment of {name} send to its addresses: answers would leave by {route}"
            );
            let finding = Finding::error(node.clone(), message)
                .at(format!("net.ipv4.conf.{name}.rp_filter"), STRICT)
                .remedy(format!(
                    "sysctl -w net.ipv4.conf.{name}.rp_filter=2, and the same in /etc/sysctl.d"
                ));
            findings.push(finding);
        }
    }
    findings
}
