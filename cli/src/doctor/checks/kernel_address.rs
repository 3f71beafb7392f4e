//! Addresses of Services that are on an interface of a node, where the kernel answers for them.

use ferrolb_speaker::facts::{Facts, KernelAddress};

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;

/// Where kube-proxy in IPVS mode puts the addresses of all Services.
const IPVS: &str = "kube-ipvs0";

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, facts) in seen.nodes() {
        let answered = facts
            .kernel_addresses
            .iter()
            .filter(|one| is_answered(facts, one));
        findings.extend(answered.map(|KernelAddress { address, interface }| {
            let message = format!("the kernel answers for {address} of a Service, because interface {interface} has it");
            let remedy = match interface.as_str() {
                IPVS => "Set ipvs.strictARP: true in kube-proxy's configuration, and restart it.".to_owned(),
                _ => format!("ip address del {address} dev {interface}, and find out what put it there: kube-vip and keepalived do."),
            };
            Finding::error(node.clone(), message).at(interface, address).remedy(remedy)
        }));
    }
    findings
}

/// On another interface than where it is asked for, `arp_ignore` keeps the kernel from answering.
fn is_answered(facts: &Facts, one: &KernelAddress) -> bool {
    let is_announcing = facts.interfaces.contains_key(&one.interface);
    let ignores = |interface: &ferrolb_speaker::facts::InterfaceFacts| {
        one.address.is_ipv6() || interface.settings.arp_ignore.is_none_or(|value| value >= 1)
    };
    is_announcing || !facts.interfaces.values().all(ignores)
}
