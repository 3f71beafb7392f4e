//! Reverse path filtering: the kernel drops what comes in where it would not answer to.

use ferrolb_crds::domain::InterfaceName;
use ferrolb_speaker::facts::InterfaceFacts;

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;

const STRICT: u8 = 1;

/// Strict filtering does no harm where answers leave by the interface on which clients ask.
pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, facts) in seen.nodes() {
        let Some(route) = &facts.default_route else {
            continue;
        };
        let is_harmed = |name: &InterfaceName, one: &InterfaceFacts| {
            name != route && one.settings.rp_filter == Some(STRICT)
        };
        let harmed = facts.interfaces.iter().filter(|(name, one)| is_harmed(name, one));
        for (name, _) in harmed {
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
