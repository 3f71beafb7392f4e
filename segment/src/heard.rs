//! Lists of whom an instance hears, put together from their parts.

use std::collections::{BTreeMap, BTreeSet};

use super::message::{HeardPage, Tag, Version};

/// The newest whole list of another instance, and the parts of a newer one.
#[derive(Clone, Debug, Default)]
pub(super) struct HeardList {
    version: Version,
    tags: BTreeSet<Tag>,
    coming: Version,
    parts: BTreeMap<u8, Vec<Tag>>,
}

impl HeardList {
    /// The version of the newest whole list.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// It names nobody: the instance is deaf, or alone.
    pub(super) fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = Tag> + '_ {
        self.tags.iter().copied()
    }

    pub(super) fn names(&self, tag: Tag) -> bool {
        self.tags.contains(&tag)
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
        self.parts.insert(page.part.index, page.tags.clone());
        let complete = self.parts.len() == usize::from(page.part.of);
        if complete {
            self.version = page.version;
            self.tags = std::mem::take(&mut self.parts).into_values().flatten().collect();
        }
        complete
    }
}
