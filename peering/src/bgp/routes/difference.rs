//! In what two tables differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Attributes;
use crate::prefix::Prefix;

type Table = BTreeMap<Prefix, Arc<Attributes>>;
type Change<'a> = (Prefix, Option<&'a Arc<Attributes>>, Option<&'a Arc<Attributes>>);

/// The prefixes that have other attributes in the second table, are only in the first, or only in the second; in order.
pub(super) fn of<'a>(before: &'a Table, after: &'a Table) -> impl Iterator<Item = Change<'a>> {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    let merged = std::iter::from_fn(move || {
        let next = match (before.peek(), after.peek()) {
            (None, None) => return None,
            (Some((old, _)), Some((new, _))) => *old.min(new),
            (Some((prefix, _)), None) | (None, Some((prefix, _))) => *prefix,
        };
        let old = before
            .next_if(|(prefix, _)| **prefix == *next)
            .map(|(_, old)| old);
        let new = after.next_if(|(prefix, _)| **prefix == *next).map(|(_, new)| new);
        Some((*next, old, new))
    });
    merged.filter(|(_, old, new)| match (old, new) {
        (Some(old), Some(new)) => !Arc::ptr_eq(old, new) && old != new,
        _ => true,
    })
}
