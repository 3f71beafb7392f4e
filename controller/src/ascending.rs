//! Looking up one Service after the other in the order of a map.

use std::collections::BTreeMap;
use std::collections::btree_map::Iter;
use std::iter::Peekable;

use ferrolb_crds::domain::ServiceKey;

/// What a map has of keys that are asked for in ascending order: walking along costs less than a search for each.
pub(crate) struct Ascending<'a, V>(Peekable<Iter<'a, ServiceKey, V>>);

impl<'a, V> Ascending<'a, V> {
    pub(crate) fn over(map: &'a BTreeMap<ServiceKey, V>) -> Self {
        Self(map.iter().peekable())
    }

    /// The value of this key, which is not less than those asked for before.
    pub(crate) fn get(&mut self, key: &ServiceKey) -> Option<&'a V> {
        while self.0.next_if(|(known, _)| *known < key).is_some() {}
        self.0
            .peek()
            .filter(|(known, _)| *known == key)
            .map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_finds_what_a_search_finds(
            known in proptest::collection::btree_set(0_u8..30, 0..20),
            asked in proptest::collection::vec(0_u8..30, 0..40),
        ) {
            let key = |number: &u8| ServiceKey::new("shop", format!("{number:02}"));
            let map: BTreeMap<ServiceKey, u8> = known.iter().map(|one| (key(one), *one)).collect();
            let mut ascending = Ascending::over(&map);
            for one in asked.into_iter().collect::<BTreeSet<_>>() {
                for _twice in 0..2 {
                    prop_assert_eq!(ascending.get(&key(&one)), map.get(&key(&one)));
                }
            }
        }
    }
}
