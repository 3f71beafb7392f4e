//! Speakers understand only those that have the same key.

use std::collections::BTreeMap;

use ferrolb_crds::domain::{NodeName, listed};

use crate::doctor::finding::Finding;
use crate::doctor::seen::{Seen, node};

/// The key that most have is taken for the right one.
pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let mut having: BTreeMap<Option<u16>, Vec<&NodeName>> = BTreeMap::new();
    for (name, facts) in seen.facts {
        having.entry(facts.key).or_default().push(name);
    }
    let usual = having
        .iter()
        .filter(|(key, _)| key.is_some())
        .max_by_key(|(_, nodes)| nodes.len());
    let usual = usual.map(|(key, nodes)| (*key, listed(nodes)));
    let odd = having
        .iter()
        .filter(|(key, _)| Some(**key) != usual.as_ref().map(|(key, _)| *key));
    let finding = |(key, name): (&Option<u16>, &NodeName)| {
        let message = match (key, &usual) {
            (Some(_), Some((_, others))) => {
                format!("its speaker has another key than {others}, and they ignore each other")
            }
            _ => "its speaker has no key, and announces nothing".to_owned(),
        };
        Finding::error(node(name), message)
            .at("key", key.map(|key| format!("{key:04x}")).unwrap_or_default())
            .remedy("Compare Secret memberlist with what the log of the speaker says of it, and restart the speaker.")
    };
    odd.flat_map(|(key, nodes)| nodes.iter().map(move |name| (key, *name)))
        .map(finding)
        .collect()
}
