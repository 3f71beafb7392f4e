//! IPv6 addresses that are announced on an interface where the kernel has no IPv6: it drops the packets that follow.

use ferrolb_crds::domain::Reason;

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, facts) in seen.nodes() {
        for (name, segment) in &facts.segments {
            let held = segment.held.iter().filter(|address| address.is_ipv6());
            let Some(why) = facts.interfaces.get(name).and_then(|one| one.ipv6_doubt(name)) else {
                continue;
            };
            let field = match why {
                Reason::Ipv6Off(_) => "disable_ipv6",
                _ => "addr_gen_mode",
            };
            findings.extend(held.map(|address| {
                Finding::error(node.clone(), format!("announces {address}, but {why}"))
                    .because(why.word())
                    .at(format!("net.ipv6.conf.{name}.{field}"), 1)
                    .remedy(format!(
                        "sysctl -w net.ipv6.conf.{name}.disable_ipv6=0, or let other nodes announce it."
                    ))
            }));
        }
    }
    findings
}
