//! Speakers of different versions, as while they are replaced, or where that stopped half-way.

use std::collections::BTreeMap;

use ferrolb_crds::domain::{NodeName, listed};

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;
use crate::problem::ObjectId;

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut running: BTreeMap<&str, Vec<&NodeName>> = BTreeMap::new();
    for (name, facts) in seen.facts {
        running.entry(&facts.version).or_default().push(name);
    }
    if running.len() < 2 {
        return Vec::new();
    }
    let each: Vec<String> = running
        .iter()
        .map(|(version, nodes)| format!("{version} on {}", listed(nodes)))
        .collect();
    let set = ObjectId::new("DaemonSet", seen.installation, "speaker");
    let finding = Finding::warning(set, format!("different versions run: {}", each.join("; ")))
        .at("version", running.keys().copied().collect::<Vec<_>>().join(", "))
        .remedy(format!(
            "Let the update end: kubectl rollout status -n {} daemonset speaker",
            seen.installation
        ));
    vec![finding]
}
