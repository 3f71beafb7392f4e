//! Lists of the peers that an instance hears, put together from their parts (F5).

use std::collections::BTreeMap;

use super::message::{HeardPage, Tag, Version};

/// The newest whole list of another instance, and the parts of a newer one.
#[derive(Clone, Debug, Default)]
pub(super) struct HeardList {
    /// The version of the newest whole list.
    pub(super) version: Version,
    /// Whether each is known to hear the instance.
    tags: BTreeMap<Tag, bool>,
    coming: Version,
    parts: BTreeMap<u8, Vec<(Tag, bool)>>,
}

impl HeardList {
    /// It names nobody: the instance is deaf, or alone.
    pub(super) fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = Tag> + '_ {
        self.tags.keys().copied()
    }

    /// Those of which the instance knows that they hear it.
    pub(super) fn mutual(&self) -> impl Iterator<Item = Tag> + '_ {
        self.tags
            .iter()
            .filter(|(_, mutual)| **mutual)
            .map(|(tag, _)| *tag)
    }

    pub(super) fn names(&self, tag: Tag) -> bool {
        self.tags.contains_key(&tag)
    }

    /// Whether the instance says that it and that one hear each other.
    pub(super) fn confirms(&self, tag: Tag) -> bool {
        self.tags.get(&tag).is_some_and(|mutual| *mutual)
    }

    /// Adds a part; a list replaces the last one when it is complete. Whether one did.
    pub(super) fn add(&mut self, page: &HeardPage) -> bool {
        if page.version <= self.version || page.version < self.coming {
            return false;
        }
        if page.version > self.coming {
            self.coming = page.version;
            self.parts.clear();
        }
        let mutual = page.mutual.iter().map(|tag| (*tag, true));
        let one_way = page.one_way.iter().map(|tag| (*tag, false));
        self.parts
            .insert(page.part.index, mutual.chain(one_way).collect());
        let complete = self.parts.len() == usize::from(page.part.of);
        if complete {
            self.version = page.version;
            self.tags = std::mem::take(&mut self.parts).into_values().flatten().collect();
        }
        complete
    }
}
