//! Which pool owns which numbers where pools overlap: one sweep over the ends of all intervals.

/// First and last number of each interval, both included.
pub(in crate::domain) type Intervals = Vec<(u128, u128)>;

/// The same numbers in as few intervals as can be, in order.
pub(in crate::domain) fn merged(mut intervals: Intervals) -> Intervals {
    intervals.sort_unstable();
    let mut merged: Intervals = Vec::with_capacity(intervals.len());
    for (first, last) in intervals {
        match merged.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    merged
}

/// Whether the numbers from `first` to `last` have one in common with these merged intervals.
pub(super) fn meets(intervals: &Intervals, (first, last): (u128, u128)) -> bool {
    let after = intervals.partition_point(|(start, _)| *start <= last);
    after > 0 && intervals[after - 1].1 >= first
}

/// The intervals that each of several sets owns, in order, with the number of the set: common numbers belong to the
/// set that comes first. `intervals` are merged. Calls `met(later, earlier)` at least once for each two sets that have
/// numbers in common.
pub(super) fn sweep(intervals: &[Intervals], mut met: impl FnMut(usize, usize)) -> Vec<(u128, u128, usize)> {
    let mut sweep = Sweep::default();
    for (at, edge, set) in edges(intervals) {
        match edge {
            Edge::First => {
                for other in &sweep.open {
                    met(set.max(*other), set.min(*other));
                }
                sweep.open(at, set);
            }
            Edge::Last => sweep.close(at, set),
        }
    }
    sweep.owned
}

/// Sorted so that an interval is open both at its first and at its last number.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Edge {
    First,
    Last,
}

fn edges(intervals: &[Intervals]) -> Vec<(u128, Edge, usize)> {
    let of_set = |(set, intervals): (usize, &Intervals)| {
        let both = |(first, last): &(u128, u128)| [(*first, Edge::First, set), (*last, Edge::Last, set)];
        intervals.iter().flat_map(both).collect::<Vec<_>>()
    };
    let mut edges: Vec<_> = intervals.iter().enumerate().flat_map(of_set).collect();
    edges.sort_unstable();
    edges
}

#[derive(Default)]
struct Sweep {
    /// The sets with an interval at the current number, in order. The first owns it.
    open: Vec<usize>,
    /// From where on the owner owns; none beyond the largest number.
    since: Option<u128>,
    owned: Vec<(u128, u128, usize)>,
}

impl Sweep {
    fn open(&mut self, at: u128, set: usize) {
        match self.open.first() {
            Some(owner) if *owner < set => {}
            Some(owner) => {
                self.owned_until(at.checked_sub(1), *owner);
                self.since = Some(at);
            }
            None => self.since = Some(at),
        }
        let place = self.open.partition_point(|other| *other < set);
        self.open.insert(place, set);
    }

    fn close(&mut self, at: u128, set: usize) {
        if self.open.first() == Some(&set) {
            self.owned_until(Some(at), set);
            self.since = at.checked_add(1);
        }
        self.open.retain(|other| *other != set);
    }

    /// Nothing, if the owner changed at the same number already.
    fn owned_until(&mut self, last: Option<u128>, owner: usize) {
        if let (Some(first), Some(last)) = (self.since, last)
            && first <= last
        {
            self.owned.push((first, last, owner));
        }
    }
}
