//! Frames that fit one interface of a segment must fit the others.

use std::collections::BTreeMap;

use ferrolb_crds::domain::{InterfaceName, NodeName};

use crate::doctor::finding::Finding;
use crate::doctor::seen::{Seen, node};

/// Interfaces of the same name on nodes that hear each other there are compared.
pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut by_name: BTreeMap<&InterfaceName, Vec<(&NodeName, u32)>> = BTreeMap::new();
    for (name, facts) in seen.facts {
        for (interface, _) in facts
            .segments
            .iter()
            .filter(|(_, segment)| !segment.peers.is_empty())
        {
            let mtu = facts.interfaces.get(interface).map(|one| one.mtu);
            by_name
                .entry(interface)
                .or_default()
                .extend(mtu.map(|mtu| (name, mtu)));
        }
    }
    let mut findings = Vec::new();
    for (interface, all) in by_name {
        let most = all.iter().map(|(_, mtu)| *mtu).max().unwrap_or_default();
        let less = all.into_iter().filter(|(_, mtu)| *mtu < most);
        findings.extend(less.map(|(name, mtu)| {
            let message = format!("{interface} carries packets of {mtu} bytes, and that of other nodes {most}: longer ones are lost");
            Finding::warning(node(name), message)
                .at(format!("interfaces.{interface}.mtu"), mtu)
                .remedy(format!("Give the interfaces of a segment the same MTU: ip link set {interface} mtu {most}"))
        }));
    }
    findings
}
