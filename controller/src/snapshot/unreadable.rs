//! Objects that nobody can read and that must not be overlooked all the same.

use std::sync::Arc;

use ferrolb_runtime::reflect::{Entry, ObjectKey, Problem, Reflection, Undecodable};
use serde_json::Value;

/// The objects of one store that cannot be decoded. They are looked for again only when the store changed.
#[derive(Default)]
pub(super) struct Unreadable {
    version: Option<u64>,
    objects: Vec<(ObjectKey, Arc<Undecodable>)>,
}

impl Unreadable {
    /// Follows the store.
    pub(super) fn read<K>(&mut self, store: &Reflection<K>) {
        let (version, snapshot) = store.versioned();
        if self.version.replace(version) == Some(version) {
            return;
        }
        let undecodable =
            |(key, entry): (&ObjectKey, &Entry<K>)| Some((key.clone(), entry.undecodable()?.clone()));
        self.objects = snapshot.iter().filter_map(undecodable).collect();
    }

    /// The objects as they came.
    pub(super) fn raw(&self) -> impl Iterator<Item = (&ObjectKey, &Value)> {
        self.objects.iter().map(|(key, object)| (key, &object.raw))
    }

    /// What is wrong with each.
    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.objects.iter().map(|(_, object)| &object.problem)
    }
}
