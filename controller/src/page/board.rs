//! The elements of the page, and which of them changed of late. No I/O, no clock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;

/// So many updates are remembered for viewers that were away for a moment.
const REMEMBERED: usize = 256;

/// A part of the page, each with a body that rows are put into.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Section {
    Problems,
    Services,
    Pools,
    Nodes,
    Sessions,
    Moves,
}

/// The place of an element: its section, and what it is ordered by there, which no other element of the section has.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    pub(super) section: Section,
    pub(super) key: Arc<str>,
}

/// The elements as HTML, by their places.
pub(super) type Elements = BTreeMap<Place, Arc<str>>;

/// All elements at one version, and what led there.
#[derive(Clone, Debug)]
pub(super) struct Board {
    version: u64,
    elements: Elements,
    updates: VecDeque<Update>,
}

/// What one version changed.
#[derive(Clone, Debug)]
struct Update {
    version: u64,
    /// JSON: a list of [`Change`].
    changes: Arc<str>,
}

/// An element that is new or another one, or with `html` missing, gone.
#[derive(Serialize)]
struct Change<'a> {
    section: Section,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
}

/// What a viewer with an older version lacks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Missed {
    /// These updates, the oldest first, each with its version.
    Updates(Vec<(u64, Arc<str>)>),
    /// It is not known what: the page has to be loaded again.
    Everything,
}

impl Board {
    /// The first one of a process. `version` should be greater than that of any earlier process, so that their viewers
    /// are not taken for ours.
    pub(super) fn new(version: u64, elements: Elements) -> Self {
        Self {
            version,
            elements,
            updates: VecDeque::new(),
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The elements of a section, in order.
    pub(super) fn section(&self, section: Section) -> impl Iterator<Item = (&str, &str)> {
        let all = self
            .elements
            .iter()
            .filter(move |(place, _)| place.section == section);
        all.map(|(place, html)| (&*place.key, &**html))
    }

    /// The board with these elements, or none if they are the same.
    pub(super) fn with(&self, elements: Elements) -> Option<Self> {
        let changes = changes(&self.elements, &elements);
        if changes.is_empty() {
            return None;
        }
        let changes = serde_json::to_string(&changes).unwrap_or_default().into();
        let version = self.version + 1;
        let mut updates = self.updates.clone();
        updates.push_back(Update { version, changes });
        if updates.len() > REMEMBERED {
            updates.pop_front();
        }
        Some(Self {
            version,
            elements,
            updates,
        })
    }

    /// What a viewer lacks that has seen this version.
    pub(super) fn since(&self, seen: u64) -> Missed {
        let oldest = self.version - self.updates.len() as u64;
        if seen > self.version || seen < oldest {
            return Missed::Everything;
        }
        let missed = self.updates.iter().filter(|update| update.version > seen);
        Missed::Updates(
            missed
                .map(|update| (update.version, update.changes.clone()))
                .collect(),
        )
    }
}

fn changes<'a>(before: &'a Elements, after: &'a Elements) -> Vec<Change<'a>> {
    use itertools::EitherOrBoth::{Both, Left, Right};
    use itertools::Itertools;

    let change = |place: &'a Place, html: Option<&'a Arc<str>>| Change {
        section: place.section,
        key: &place.key,
        html: html.map(|html| &**html),
    };
    let pairs = before
        .iter()
        .merge_join_by(after, |(one, _), (other, _)| one.cmp(other));
    let changed = |pair| match pair {
        Both((_, one), (_, other)) if Arc::ptr_eq(one, other) || one == other => None,
        Both(_, (place, html)) | Right((place, html)) => Some(change(place, Some(html))),
        Left((place, _)) => Some(change(place, None)),
    };
    pairs.filter_map(changed).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn elements(of: &[(&str, &str)]) -> Elements {
        let one = |(key, html): &(&str, &str)| {
            let place = Place {
                section: Section::Services,
                key: (*key).into(),
            };
            (place, (*html).into())
        };
        of.iter().map(one).collect()
    }

    fn updates(board: &Board, seen: u64) -> Vec<(u64, Value)> {
        match board.since(seen) {
            Missed::Updates(all) => all
                .into_iter()
                .map(|(version, changes)| (version, serde_json::from_str(&changes).unwrap()))
                .collect(),
            Missed::Everything => panic!("everything was missed"),
        }
    }

    #[test]
    fn a_viewer_is_sent_what_changed_since_it_looked_and_no_more() {
        let first = Board::new(7, elements(&[("a", "1"), ("b", "1")]));
        let second = first
            .with(elements(&[("a", "1"), ("b", "2"), ("c", "1")]))
            .unwrap();
        let third = second.with(elements(&[("b", "2"), ("c", "1")])).unwrap();
        let changed = json!([
            {"section": "services", "key": "b", "html": "2"},
            {"section": "services", "key": "c", "html": "1"},
        ]);
        let gone = json!([{"section": "services", "key": "a"}]);
        assert_eq!(updates(&third, 7), [(8, changed), (9, gone.clone())]);
        assert_eq!(updates(&third, 8), [(9, gone)]);
        assert_eq!(updates(&third, 9), []);
    }

    #[test]
    fn elements_that_are_the_same_make_no_version() {
        let board = Board::new(7, elements(&[("a", "1")]));
        assert!(board.with(elements(&[("a", "1")])).is_none());
    }

    #[test]
    fn who_was_away_for_long_or_comes_from_another_process_loads_the_page_again() {
        let mut board = Board::new(7, Elements::new());
        for number in 0..=REMEMBERED {
            board = board.with(elements(&[("a", &number.to_string())])).unwrap();
        }
        assert_eq!(board.since(7), Missed::Everything);
        assert_eq!(updates(&board, 8).len(), REMEMBERED);
        assert_eq!(board.since(board.version() + 1), Missed::Everything);
    }
}
