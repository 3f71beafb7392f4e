//! Parts of sentences.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use itertools::Itertools;

use super::Reason;
use crate::domain::{Families, NodeName};

/// Stands between addresses and why no node announces them, in the message of condition Announced.
pub const NOT_ANNOUNCED: &str = "not announced: ";

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
    let each = by_reason.iter();
    each.map(|(reason, nodes)| format!("{}: {reason}", listed(nodes)))
        .join("; ")
}

/// `a, b, c and 7 more`: at most [`NAMED`] names.
pub fn listed<T: Display>(names: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>) -> String {
    let mut names = names.into_iter();
    let shown = names.by_ref().take(NAMED).join(", ");
    match names.len() {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
