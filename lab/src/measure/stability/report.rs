//! The figures, and what is promised of them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Stability, Upset};
use crate::error::{Error, Result};

/// One answering MAC within so many milliseconds of the end of a partition.
const HEALED_MS: f64 = 300.0;
/// A claim round of the normal profile: silence, asking and a slot, 300 + 60 + 60 ms.
const ROUND_MS: f64 = 420.0;
/// A node with fewer than half is silent so soon under `single-owner` (docs/protocol.md)…
const SILENT_MS: f64 = 600.0;
/// … and its addresses are answered for again so soon.
const SERVED_MS: f64 = 1080.0;
/// Up to this loss nothing moves.
const HARMLESS_PERCENT: f64 = 5.0;

/// One upset and what followed. Times are in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct UpsetRun {
    /// The nodes to which it happened; of a partition, one half.
    pub victims: Vec<String>,
    /// How many addresses the victims held before.
    pub held_before: usize,
    /// And afterwards.
    pub held_after: usize,
    /// How often another node began to answer for an address than the one before.
    pub moves: usize,
    /// Those of addresses that no victim held before.
    pub foreign_moves: usize,
    /// The longest time for which two answered for one address.
    pub double_ms: f64,
    /// From just before the end of the upset until the last answer for an address by a node that does not keep it; zero
    /// if there was none, nothing if an address had not one holder at the end.
    pub one_holder_ms: Option<f64>,
    /// How long the end of the upset took: as much of the time above may be none.
    pub mending_ms: f64,
    /// From just before the upset (of a minority, from when it was cut off) until a victim last answered before the end of
    /// it; nothing if none did.
    pub answering_ms: Option<f64>,
    /// How often a victim answered for an address after another had taken it over.
    pub stale_answers: usize,
    /// The longest time without an answer for an address.
    pub silent_ms: f64,
    /// How long this machine stood still at most, as a thread saw that wants to run every millisecond.
    pub stall_ms: f64,
    /// What the speakers said, counted by step.
    pub steps: BTreeMap<String, usize>,
    /// What they said, word for word, if something moved that should not.
    pub trace: Vec<String>,
}

impl UpsetRun {
    /// What is promised and was not kept. `lenient` doubles the times, and adds that for which this machine stood
    /// still.
    #[must_use]
    pub fn broken(&self, upset: Upset, lenient: bool) -> Vec<String> {
        let bound = |ms: f64| if lenient { 2.0 * ms + self.stall_ms } else { ms };
        let mut broken = Vec::new();
        let mut promise = |kept: bool, what: String| {
            if !kept {
                broken.push(what);
            }
        };
        promise(self.one_holder_ms.is_some(), "not one holder at the end".into());
        let one_holder_ms = self.one_holder_ms.unwrap_or_default();
        match upset {
            Upset::Partition => promise(
                one_holder_ms <= bound(HEALED_MS),
                format!("two holders until {one_holder_ms} ms after the end"),
            ),
            Upset::Minority => {
                let answering_ms = self.answering_ms.unwrap_or_default();
                promise(
                    answering_ms <= bound(SILENT_MS),
                    format!("the smaller side answered for {answering_ms} ms"),
                );
                promise(
                    self.silent_ms <= bound(SERVED_MS),
                    format!("nobody answered for {} ms", self.silent_ms),
                );
                promise(
                    self.double_ms == 0.0,
                    format!("two holders for {} ms", self.double_ms),
                );
            }
            Upset::Unhear => promise(
                self.double_ms == 0.0,
                format!("two holders for {} ms", self.double_ms),
            ),
            Upset::Flap => promise(
                self.held_after <= self.held_before,
                format!("held {} before and {} after", self.held_before, self.held_after),
            ),
            Upset::Stun { .. } => {
                promise(
                    self.foreign_moves == 0,
                    format!("{} foreign moves", self.foreign_moves),
                );
                promise(
                    self.stale_answers == 0,
                    format!("{} stale answers", self.stale_answers),
                );
            }
            Upset::Loss { percent, .. } if percent <= HARMLESS_PERCENT => {
                promise(self.moves == 0, format!("{} moves", self.moves));
            }
            Upset::Loss { .. } => promise(
                self.double_ms <= bound(ROUND_MS),
                format!("two holders for {} ms", self.double_ms),
            ),
        }
        broken
    }

    /// The figures in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let one_holder = self
            .one_holder_ms
            .map_or("not one holder at the end".into(), |ms| {
                format!("one holder after {ms} ms (of which mending {})", self.mending_ms)
            });
        format!(
            "{}: {one_holder}, held {} and {}, {} moves, {} of them foreign, two holders for {} ms, {} stale answers, the last after {} ms, \
             silent for {} ms, stood still for {} ms, {:?}",
            self.victims.join(" and "),
            self.held_before,
            self.held_after,
            self.moves,
            self.foreign_moves,
            self.double_ms,
            self.stale_answers,
            self.answering_ms.unwrap_or_default(),
            self.silent_ms,
            self.stall_ms,
            self.steps
        )
    }
}

/// All runs of one upset.
#[derive(Debug, Clone, Serialize)]
pub struct Stabilities {
    /// What happened.
    #[serde(flatten)]
    pub upset: Upset,
    /// How many nodes there were.
    pub nodes: usize,
    /// How many addresses they held.
    pub addresses: u8,
    /// Further variables of the speakers.
    pub variables: Vec<(String, String)>,
    /// Those that count.
    pub runs: Vec<UpsetRun>,
    /// The longest of the runs; nothing if in one there was not one holder at the end.
    pub one_holder_max_ms: Option<f64>,
    /// The longest of the runs.
    pub double_max_ms: f64,
    /// All of all runs.
    pub moves: usize,
    /// All of all runs.
    pub foreign_moves: usize,
    /// All of all runs.
    pub stale_answers: usize,
    /// Runs that were thrown away because this machine stood still for too long.
    pub repeated: usize,
    /// What is promised and was not kept, by run.
    pub broken: Vec<String>,
    #[serde(skip)]
    wanted: usize,
}

impl Stabilities {
    pub(super) fn new(upset: Upset, what: &Stability, nodes: usize) -> Self {
        Self {
            upset,
            nodes,
            addresses: super::ADDRESSES,
            variables: what.variables.clone(),
            runs: vec![],
            one_holder_max_ms: Some(0.0),
            double_max_ms: 0.0,
            moves: 0,
            foreign_moves: 0,
            stale_answers: 0,
            repeated: 0,
            broken: vec![],
            wanted: what.runs,
        }
    }

    pub(super) fn wants_more(&self) -> bool {
        self.runs.len() < self.wanted && self.repeated <= self.may_repeat()
    }

    pub(super) fn tries(&self) -> usize {
        self.runs.len() + self.repeated
    }

    pub(super) fn repeat(&mut self) {
        self.repeated += 1;
    }

    pub(super) fn count(&mut self, run: UpsetRun) {
        let longest = |all: f64| run.one_holder_ms.map(|ms| all.max(ms));
        self.one_holder_max_ms = self.one_holder_max_ms.and_then(longest);
        self.double_max_ms = self.double_max_ms.max(run.double_ms);
        self.moves += run.moves;
        self.foreign_moves += run.foreign_moves;
        self.stale_answers += run.stale_answers;
        let number = self.runs.len() + 1;
        let broken = run.broken(self.upset, false).into_iter();
        self.broken
            .extend(broken.map(|what| format!("run {number}: {what}")));
        self.runs.push(run);
    }

    /// One in five, and one of fewer than five.
    fn may_repeat(&self) -> usize {
        self.wanted.div_ceil(5)
    }

    /// What these figures are worth.
    ///
    /// # Errors
    /// If too many runs were thrown away, or a promise was not kept.
    pub fn verdict(&self) -> Result<()> {
        if self.repeated > self.may_repeat() {
            return Error::refused(format!(
                "{} runs were disturbed, and at most {} may be: this machine is too busy",
                self.repeated,
                self.may_repeat()
            ));
        }
        match self.broken.is_empty() {
            true => Ok(()),
            false => Error::refused(self.broken.join("; ")),
        }
    }

    /// The figures in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let one_holder = self
            .one_holder_max_ms
            .map_or("never".into(), |ms| format!("{ms} ms"));
        format!(
            "{} runs on {} nodes with {} addresses: one holder after {one_holder} at most, two for {} ms at most, {} moves, {} of \
             them foreign, {} stale answers; {} repeated",
            self.runs.len(),
            self.nodes,
            self.addresses,
            self.double_max_ms,
            self.moves,
            self.foreign_moves,
            self.stale_answers,
            self.repeated
        )
    }
}
