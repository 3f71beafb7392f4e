//! The figures of all runs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::Exodus;
use crate::error::{Error, Result};
use crate::measure::failover::report::{percentile, sorted};
use crate::measure::stage::VARIABLES;

/// What is promised of the last announcement, from the cut.
const LAST_MS: f64 = 1000.0;
/// What is promised from the decision to claim to the last first announcement, of a thousand addresses.
const ANNOUNCE_MS: f64 = 20.0;
/// Writes for each address, with its Event. Besides, each node that is left may delete with one request what the dead one
/// reported.
const MOST_WRITES: usize = 4;

/// A node that died. Times are in milliseconds and count from just before its power was cut.
#[derive(Debug, Clone, Serialize)]
pub struct Move {
    /// The node.
    pub victim: String,
    /// How many addresses it held.
    pub moved: usize,
    /// How many of them another node announced.
    pub announced: usize,
    /// Until the first announcement by another node.
    pub first_ms: f64,
    /// Until the first announcement of the last address.
    pub last_ms: f64,
    /// The longest time from a speaker's decision to claim to the first announcement of an address that it was about;
    /// nothing if a speaker does not say when it decided.
    pub announce_ms: Option<f64>,
    /// How many of all addresses one other node answers for afterwards, and nobody else.
    pub answered_by_one: usize,
    /// How many addresses each node that is left answers for.
    pub spread: BTreeMap<String, usize>,
    /// What the speakers wrote until they had nothing more to write, Events aside.
    pub writes: usize,
    /// Events that they wrote.
    pub events: usize,
    /// The same by verb and resource, refused ones by themselves.
    pub writes_by_kind: BTreeMap<String, usize>,
    /// Writes that the API server received before the first announcement of the last address.
    pub early_writes: usize,
    /// Until the API server received the first write.
    pub first_write_ms: Option<f64>,
    /// How long this machine stood still at most, as a thread saw that wants to run every millisecond.
    pub stall_ms: f64,
}

impl Move {
    fn announced_late(&self) -> bool {
        let thousands = (self.moved as f64 / 1000.0).max(1.0);
        self.announce_ms
            .is_some_and(|longest| longest >= ANNOUNCE_MS * thousands)
    }

    /// The figures in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let announce = self.announce_ms.map_or(String::new(), |longest| {
            format!(", {longest} ms after the decision at most")
        });
        format!(
            "{}: {} of {} addresses announced by others after {} to {} ms{announce}; {:?}; {} writes and {} Events, {} early ({:?}); \
             stood still for {} ms",
            self.victim,
            self.announced,
            self.moved,
            self.first_ms,
            self.last_ms,
            self.spread,
            self.writes,
            self.events,
            self.early_writes,
            self.writes_by_kind,
            self.stall_ms
        )
    }
}

/// All runs. Percentiles are by nearest rank.
#[derive(Debug, Clone, Serialize)]
pub struct Exoduses {
    /// How many nodes there were.
    pub nodes: u8,
    /// How many addresses there were.
    pub addresses: usize,
    /// Further variables of the speakers.
    pub variables: Vec<(String, String)>,
    /// A node that is left should answer for so many at most: ⌈1.25 × addresses / nodes that are left⌉.
    pub bound: usize,
    /// Those that count.
    pub runs: Vec<Move>,
    /// Half of `last_ms` are no longer.
    pub last_p50_ms: f64,
    /// 99 of 100 of `last_ms` are no longer.
    pub last_p99_ms: f64,
    /// The longest of `last_ms`.
    pub last_max_ms: f64,
    /// The longest of `announce_ms`; nothing if a run has none.
    pub announce_max_ms: Option<f64>,
    /// Runs that were thrown away because this machine stood still for too long.
    pub repeated: usize,
    #[serde(skip)]
    wanted: usize,
}

impl Exoduses {
    pub(super) fn new(what: &Exodus, addresses: usize) -> Self {
        let alive = usize::from(what.nodes) - 1;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            nodes: what.nodes,
            addresses,
            variables: VARIABLES.map(owned).into(),
            bound: (addresses * 5).div_ceil(alive * 4),
            runs: vec![],
            last_p50_ms: 0.0,
            last_p99_ms: 0.0,
            last_max_ms: 0.0,
            announce_max_ms: None,
            repeated: 0,
            wanted: what.runs,
        }
    }

    pub(super) fn wants_more(&self) -> bool {
        self.runs.len() < self.wanted && self.repeated <= self.may_repeat()
    }

    /// One in five, and one of fewer than five.
    fn may_repeat(&self) -> usize {
        self.wanted.div_ceil(5)
    }

    pub(super) fn take(&mut self, run: Move, stall_limit: Duration) {
        if run.stall_ms > stall_limit.as_secs_f64() * 1000.0 {
            self.repeated += 1;
            return;
        }
        self.runs.push(run);
        let lasts = sorted(self.runs.iter().map(|run| run.last_ms).collect());
        self.last_p50_ms = percentile(&lasts, 50);
        self.last_p99_ms = percentile(&lasts, 99);
        self.last_max_ms = percentile(&lasts, 100);
        let announced: Option<Vec<f64>> = self.runs.iter().map(|run| run.announce_ms).collect();
        self.announce_max_ms = announced.map(|all| percentile(&sorted(all), 100));
    }

    /// Whether everything is as promised.
    ///
    /// # Errors
    /// What is not.
    pub fn verdict(&self) -> Result<()> {
        let mut broken = self.wrong();
        broken.extend(self.count("a node has too many", |run| {
            run.spread.values().any(|has| *has > self.bound)
        }));
        broken.extend(
            self.count("something was written before all was announced", |run| {
                run.early_writes > 0
            }),
        );
        if self.repeated > self.may_repeat() {
            broken.push(format!(
                "{} runs were disturbed: this machine is too busy",
                self.repeated
            ));
        }
        if self.last_p99_ms >= LAST_MS {
            broken.push(format!(
                "the last address was announced after {} ms",
                self.last_p99_ms
            ));
        }
        let late = self.runs.iter().filter(|run| run.announced_late()).count();
        if late > 0 {
            broken.push(format!(
                "in {late} runs announcements took longer than 20 ms for each thousand from the decision"
            ));
        }
        match broken.is_empty() {
            true => Ok(()),
            false => Err(Error::Refused(broken.join("; "))),
        }
    }

    /// What is wrong however slow this machine is. A node that stands still is not given its share, and is late.
    #[must_use]
    pub fn wrong(&self) -> Vec<String> {
        [
            self.count("not all addresses were announced", |run| {
                run.announced < run.moved
            }),
            self.count("not all addresses have one who answers", |run| {
                run.answered_by_one < self.addresses
            }),
            self.count("there were more than 4 writes for each address", |run| {
                // The objects of the dead node go with a few requests of each survivor.
                let deletions = 3 * run.spread.len();
                run.writes + run.events > MOST_WRITES * run.moved + deletions
            }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// In how many runs it is so; nothing if in none.
    fn count(&self, what: &str, is_so: impl Fn(&Move) -> bool) -> Option<String> {
        let count = self.runs.iter().filter(|run| is_so(run)).count();
        (count > 0).then(|| format!("in {count} runs {what}"))
    }

    /// The figures in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let announce = self.announce_max_ms.map_or(String::new(), |longest| {
            format!(", {longest} ms after the decision at most")
        });
        format!(
            "{} runs, {} addresses on {} nodes: the last announced after p50 {} ms, p99 {} ms, max {} ms{announce}; {} \
             repeated",
            self.runs.len(),
            self.addresses,
            self.nodes,
            self.last_p50_ms,
            self.last_p99_ms,
            self.last_max_ms,
            self.repeated
        )
    }
}
