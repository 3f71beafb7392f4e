//! Names, and the words that take their place.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::originals::Kind;
use super::recognize::follows_escape;

/// The replacement of each name, found by the word that the name begins with.
#[derive(Default)]
pub(super) struct Names {
    by_first_word: BTreeMap<String, Vec<Name>>,
}

struct Name {
    /// In lower case.
    name: String,
    original: String,
    replacement: String,
}

impl Names {
    /// A word for each: its kind and a number. No replacement is one of the names.
    pub(super) fn of(names: &BTreeMap<String, Kind>) -> Self {
        let taken: BTreeSet<String> = names.keys().map(|name| name.to_ascii_lowercase()).collect();
        let mut next: BTreeMap<Kind, u32> = BTreeMap::new();
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        let mut by_first_word: BTreeMap<String, Vec<Name>> = BTreeMap::new();
        for (original, kind) in names {
            let name = original.to_ascii_lowercase();
            let number = next.entry(*kind).or_default();
            let mut fresh = || {
                loop {
                    *number += 1;
                    let word = format!("{kind}x{number}");
                    if !taken.contains(&word) {
                        return word;
                    }
                }
            };
            // Names differ by more than case.
            let replacement = given.entry(name.clone()).or_insert_with(&mut fresh).clone();
            by_first_word
                .entry(first_word(&name).to_owned())
                .or_default()
                .push(Name {
                    original: original.clone(),
                    replacement,
                    name,
                });
        }
        for names in by_first_word.values_mut() {
            names.sort_by_key(|one| Reverse(one.name.len()));
        }
        Self { by_first_word }
    }

    /// The longest name that begins here, alone or as a part of a longer one: where it ends, and what takes its place.
    pub(super) fn at(&self, text: &str, at: usize) -> Option<(usize, &str)> {
        let bytes = text.as_bytes();
        if !bytes[at].is_ascii_alphanumeric() || !begins_word(bytes, at) {
            return None;
        }
        let length = bytes[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        let word = text[at..at + length].to_ascii_lowercase();
        let is_here = |one: &&Name| {
            let end = at + one.name.len();
            let here = bytes
                .get(at..end)
                .is_some_and(|here| here.eq_ignore_ascii_case(one.name.as_bytes()));
            here && !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric)
        };
        let name = self.by_first_word.get(&word)?.iter().find(is_here)?;
        Some((at + name.name.len(), &name.replacement))
    }

    pub(super) fn replacements(&self) -> BTreeMap<String, String> {
        let all = self.by_first_word.values().flatten();
        all.map(|one| (one.original.clone(), one.replacement.clone()))
            .collect()
    }
}

fn first_word(name: &str) -> &str {
    let end = name.find(|letter: char| !letter.is_ascii_alphanumeric());
    &name[..end.unwrap_or(name.len())]
}

/// Whether no word goes on here.
fn begins_word(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|index| bytes.get(index));
    !before.is_some_and(u8::is_ascii_alphanumeric) || follows_escape(bytes, at)
}
