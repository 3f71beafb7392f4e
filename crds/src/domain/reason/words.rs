//! Parts of sentences.

use std::collections::{BTreeMap, BTreeSet};

use super::Reason;
use crate::domain::{Families, NodeName};

/// How many names a sentence lists before it says "and 7 more".
pub(super) const NAMED: usize = 10;

pub(super) fn families(families: Families) -> String {
    match families {
        Families::One(family) => format!("one {family} address"),
        Families::Prefer { .. } | Families::Both => "an address of each family".to_owned(),
    }
}

/// `n1, n2: cordoned; n3: out of service`: nodes with the same reason together.
pub(super) fn of_nodes(nodes: &BTreeMap<NodeName, Reason>) -> String {
    let mut by_reason: BTreeMap<&Reason, BTreeSet<&NodeName>> = BTreeMap::new();
    for (node, reason) in nodes {
        by_reason.entry(reason).or_default().insert(node);
    }
    let each: Vec<String> = by_reason
        .iter()
        .map(|(reason, nodes)| format!("{}: {reason}", listed(nodes)))
        .collect();
    each.join("; ")
}

pub(super) fn listed<T: ToString>(names: &BTreeSet<T>) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(ToString::to_string).collect();
    let more = names.len().saturating_sub(NAMED);
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `NoEndpoints` → `no_endpoints`.
pub(super) fn snake_case(word: &str) -> String {
    let mut snake = String::with_capacity(word.len() + 4);
    for (at, letter) in word.char_indices() {
        if at > 0 && letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
