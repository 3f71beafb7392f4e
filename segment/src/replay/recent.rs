//! A map that forgets what was touched longest ago.

use std::collections::BTreeMap;

/// At most `ROOM` values, those touched last.
#[derive(Clone, Debug)]
pub(super) struct Recent<K, V, const ROOM: usize> {
    /// Each with the turn in which it was touched.
    pub(super) kept: BTreeMap<K, (u64, V)>,
    turn: u64,
}

impl<K, V, const ROOM: usize> Default for Recent<K, V, ROOM> {
    fn default() -> Self {
        Self {
            kept: BTreeMap::new(),
            turn: 0,
        }
    }
}

impl<K: Copy + Ord, V: Default, const ROOM: usize> Recent<K, V, ROOM> {
    pub(super) fn get(&self, key: K) -> Option<&V> {
        self.kept.get(&key).map(|(_, value)| value)
    }

    /// As [`Recent::get`]; that does not count as a touch.
    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.kept.get_mut(&key).map(|(_, value)| value)
    }

    /// The value, to be changed; a new one if there is none.
    pub(super) fn touch(&mut self, key: K) -> &mut V {
        if !self.kept.contains_key(&key) && self.kept.len() >= ROOM {
            self.forget_oldest();
        }
        self.turn += 1;
        let (turn, value) = self.kept.entry(key).or_default();
        *turn = self.turn;
        value
    }

    fn forget_oldest(&mut self) {
        let oldest = self.kept.iter().min_by_key(|(_, (turn, _))| *turn);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.kept.remove(&key);
        }
    }
}
