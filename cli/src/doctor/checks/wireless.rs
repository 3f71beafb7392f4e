//! Access points drop or delay broadcasts, ARP among them, and carry no frames of other EtherTypes.

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, facts) in seen.nodes() {
        let radios = facts.interfaces.iter().filter(|(_, one)| one.settings.wireless);
        findings.extend(radios.map(|(name, _)| {
            let message = format!("announces on {name}, which is a radio: access points lose ARP requests");
            Finding::warning(node.clone(), message)
                .at(format!("interfaces.{name}.wireless"), true)
                .remedy("Name another interface in spec.interfaces of the L2Advertisement, or leave the node out by spec.nodeSelectors.")
        }));
    }
    findings
}
