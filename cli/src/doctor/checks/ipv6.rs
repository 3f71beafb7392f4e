//! IPv6 addresses that are announced on an interface where the kernel has no IPv6: it drops the packets that follow.

use ferrolb_speaker::facts::InterfaceFacts;

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, facts) in seen.nodes() {
        for (name, segment) in &facts.segments {
            let held = segment.held.iter().filter(|address| address.is_ipv6());
            let Some((what, field)) = facts.interfaces.get(name).and_then(missing) else {
                continue;
            };
            findings.extend(held.map(|address| {
                let message = format!(
                    "announces {address} on {name}, where {what}: the kernel drops the packets that follow"
                );
                Finding::error(node.clone(), message)
                    .at(format!("net.ipv6.conf.{name}.{field}"), 1)
                    .remedy(format!(
                        "sysctl -w net.ipv6.conf.{name}.disable_ipv6=0, or let other nodes announce it."
                    ))
            }));
        }
    }
    findings
}

fn missing(interface: &InterfaceFacts) -> Option<(&'static str, &'static str)> {
    if interface.settings.ipv6_disabled {
        return Some(("IPv6 is off", "disable_ipv6"));
    }
    (interface.carrier && !interface.link_local).then_some(("no link-local address is", "addr_gen_mode"))
}
