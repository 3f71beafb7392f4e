//! Who comes first by hash, remembered from one election to the next: hashes are what an election spends its time on.
//!
//! The first of a set stays the first of a smaller one that it is in, and of a larger one unless a newcomer beats it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use ferrolb_crds::domain::NodeName;

use super::choose::Contest;
use super::rank::{Hash, hash_of};

/// Nodes that are equal but for their hash, in order of their names.
pub(super) type Contenders = Arc<[NodeName]>;

/// To start a thread costs as much as so many hashes; each has several times as many to do.
const HASHES_PER_THREAD: usize = 25_000;

/// A node and its hash.
type Leader = (Hash, NodeName);

/// Equal sets are one, so that to compare them is cheap.
#[derive(Debug, Default)]
pub(super) struct Sets(BTreeSet<Contenders>);

impl Sets {
    /// The one that stands for all equal ones.
    pub(super) fn one(&mut self, set: &Contenders) -> Contenders {
        if let Some(known) = self.0.get(set) {
            return known.clone();
        }
        self.0.insert(set.clone());
        set.clone()
    }

    /// Forgets those that nothing refers to any more.
    pub(super) fn prune(&mut self) {
        self.0.retain(|set| Arc::strong_count(set) > 1);
    }
}

/// Who came first in the last election, by the lowest address of those that stand together.
#[derive(Debug, Default)]
pub(super) struct Firsts(HashMap<IpAddr, First>);

#[derive(Clone, Debug)]
struct First {
    /// The address that is hashed.
    by: IpAddr,
    among: Contenders,
    leader: Leader,
}

/// What must be hashed to know who comes first in a contest.
struct Count {
    by: IpAddr,
    uncounted: Contenders,
    leader: Option<Leader>,
}

impl Firsts {
    /// The first of each contest. What is not asked for is forgotten.
    pub(super) fn of(&mut self, contests: &[Arc<Contest>]) -> Vec<Option<NodeName>> {
        let mut before = std::mem::take(&mut self.0);
        let mut newcomers = Newcomers::default();
        let count = |contest: &Arc<Contest>| {
            let known = contest.addresses.first().and_then(|lowest| before.remove(lowest));
            Count::of(contest, known, &mut newcomers)
        };
        let leaders = settle(contests.iter().map(count).collect());
        self.0.reserve(contests.len());
        let winners = contests.iter().zip(leaders).map(|(contest, leader)| {
            let leader = leader?;
            let winner = leader.1.clone();
            let first = First {
                by: contest.first,
                among: contest.contenders.clone(),
                leader,
            };
            self.0.insert(*contest.addresses.first()?, first);
            Some(winner)
        });
        winners.collect()
    }
}

impl Count {
    fn of(contest: &Contest, known: Option<First>, newcomers: &mut Newcomers) -> Self {
        let (by, among) = (contest.first, &contest.contenders);
        let in_it = |first: &First| first.by == by && among.binary_search(&first.leader.1).is_ok();
        match known {
            Some(first) if first.by == by && Arc::ptr_eq(&first.among, among) => Self {
                by,
                uncounted: Contenders::default(),
                leader: Some(first.leader),
            },
            Some(first) if in_it(&first) => Self {
                by,
                uncounted: newcomers.of(&first.among, among),
                leader: Some(first.leader),
            },
            _ => Self {
                by,
                uncounted: among.clone(),
                leader: None,
            },
        }
    }

    fn settle(self) -> Option<Leader> {
        if self.uncounted.is_empty() {
            return self.leader;
        }
        let text = self.by.to_string();
        let hashed = self.uncounted.iter().map(|node| (hash_of(node, &text), node));
        let best = hashed.min().map(|(hash, node)| (hash, node.clone()));
        best.into_iter().chain(self.leader).min()
    }
}

/// On several threads where it is worth it: a million hashes take as long as all the rest of an election three times.
fn settle(counts: Vec<Count>) -> Vec<Option<Leader>> {
    let hashes: usize = counts.iter().map(|count| count.uncounted.len()).sum();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = (hashes / HASHES_PER_THREAD).clamp(1, threads);
    if threads == 1 {
        return counts.into_iter().map(Count::settle).collect();
    }
    let share = counts.len().div_ceil(threads);
    let mut counts = counts.into_iter();
    let shares: Vec<Vec<Count>> = (0..threads)
        .map(|_| counts.by_ref().take(share).collect())
        .collect();
    thread::scope(|scope| {
        let settle = |share: Vec<Count>| scope.spawn(move || share.into_iter().map(Count::settle).collect());
        let running: Vec<thread::ScopedJoinHandle<'_, Vec<_>>> = shares.into_iter().map(settle).collect();
        let done = running.into_iter().map(thread::ScopedJoinHandle::join);
        done.flat_map(|settled| settled.expect("hashing does not panic"))
            .collect()
    })
}

/// Those of a second set that are not in a first one, by where the sets lie. All sets live longer than this.
#[derive(Default)]
struct Newcomers(BTreeMap<[*const NodeName; 2], Contenders>);

impl Newcomers {
    fn of(&mut self, old: &Contenders, new: &Contenders) -> Contenders {
        let is_new = |node: &&NodeName| old.binary_search(node).is_err();
        let find = || new.iter().filter(is_new).cloned().collect();
        self.0
            .entry([old.as_ptr(), new.as_ptr()])
            .or_insert_with(find)
            .clone()
    }
}
