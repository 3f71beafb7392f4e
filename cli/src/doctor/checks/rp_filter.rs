//! Reverse path filtering: the kernel drops what comes in where it would not answer to.

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, facts) in seen.nodes() {
        let route = facts.default_route.as_ref();
        for (name, interface) in &facts.interfaces {
            let why = interface.reverse_path_doubt(name, route);
            findings.extend(why.map(|why| {
                Finding::error(node.clone(), why.to_string())
                    .because(why.word())
                    .at(format!("net.ipv4.conf.{name}.rp_filter"), 1)
                    .remedy(format!(
                        "sysctl -w net.ipv4.conf.{name}.rp_filter=2, and the same in /etc/sysctl.d"
                    ))
            }));
        }
    }
    findings
}
