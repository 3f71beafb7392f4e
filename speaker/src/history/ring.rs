//! The last records, as many as are kept. No clock.

use std::collections::VecDeque;

use super::record::Record;

/// So many are kept at most,
pub(super) const MOST: usize = 1_000;
/// and fewer where the names of their Services take more than this: Services may share an address, each with a long name.
const MOST_NAMES_BYTES: usize = 190_000;

/// The oldest comes first.
#[derive(Debug, Default)]
pub(super) struct Ring {
    records: VecDeque<Record>,
    names_bytes: usize,
}

impl Ring {
    /// Forgets the oldest where there is no room. What finds none at all is not kept.
    pub(super) fn push(&mut self, record: Record) {
        let bytes = record.services.len();
        while self.records.len() == MOST || self.names_bytes + bytes > MOST_NAMES_BYTES {
            match self.records.pop_front() {
                Some(oldest) => self.names_bytes -= oldest.services.len(),
                None => return,
            }
        }
        self.names_bytes += bytes;
        self.records.push_back(record);
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.records.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::record::{Cause, Happened, What};

    fn record(number: i64, services: &str) -> Record {
        let happened = Happened::new(What::Took, Cause::New).of([192, 0, 2, 1].into());
        Record::new(number, happened, services.to_owned())
    }

    /// All that it has of its own; the names of nodes and interfaces are the cluster's.
    fn cost_bytes(ring: &Ring) -> usize {
        ring.records.capacity() * size_of::<Record>() + ring.names_bytes
    }

    const MOST_BYTES: usize = 300_000;

    #[test]
    fn a_thousand_records_with_the_longest_names_cost_no_more_than_300_kilobytes() {
        let longest = format!("{}/{}", "n".repeat(63), "s".repeat(63));
        let mut ring = Ring::default();
        (0..2_000).for_each(|number| ring.push(record(number, &longest)));
        assert_eq!(ring.iter().count(), MOST);
        eprintln!(
            "{} bytes, {} a record and its Service",
            cost_bytes(&ring),
            size_of::<Record>() + longest.len()
        );
        assert!(cost_bytes(&ring) <= MOST_BYTES, "{}", cost_bytes(&ring));
    }

    proptest! {
        #[test]
        fn the_last_ones_are_kept_in_order_and_what_is_kept_is_bounded(
            lengths in prop::collection::vec(0usize..5_000, 0..2_000)
        ) {
            let mut ring = Ring::default();
            for (number, length) in (0..).zip(&lengths) {
                ring.push(record(number, &"s".repeat(*length)));
            }
            let kept: Vec<i64> = ring.iter().map(|one| one.at_unix_ms).collect();
            let first = lengths.len() - kept.len();
            prop_assert_eq!(&kept, &(0..).take(lengths.len()).skip(first).collect::<Vec<i64>>());
            let names: usize = lengths[first..].iter().sum();
            prop_assert_eq!(names, ring.names_bytes);
            prop_assert!(cost_bytes(&ring) <= MOST_BYTES && kept.len() <= MOST);
            // Nothing is forgotten for which there was room.
            if first > 0 && kept.len() < MOST {
                prop_assert!(names + lengths[first - 1] > MOST_NAMES_BYTES);
            }
        }
    }
}
