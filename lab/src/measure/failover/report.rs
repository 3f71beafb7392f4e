//! The figures of all runs.

use serde::Serialize;

use super::Failover;
use super::fault::Kind;
use crate::error::{Error, Result};

/// One fault and what followed. Times are in milliseconds; those of the speakers and the announcement count from just
/// before the fault was made.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// The longest time between two answered questions of a client that asks every 2 ms.
    pub outage_ms: f64,
    /// How many of its questions were not answered, or later than counts.
    pub unanswered: usize,
    /// Until the new holder's speaker noticed; nothing if it does not say.
    pub detect_ms: Option<f64>,
    /// Until the new holder's speaker claimed the address; nothing if it does not say.
    pub claim_ms: Option<f64>,
    /// Until the client heard the new holder's first announcement; nothing if it heard none.
    pub gratuitous_ms: Option<f64>,
    /// The node that the client was served by in the end; nobody if it was not.
    pub answered_by: Option<String>,
    /// How long this machine stood still at most, as a thread saw that wants to run every millisecond.
    pub stall_ms: f64,
    /// The nodes to which it happened.
    pub victims: Vec<String>,
}

impl Run {
    /// The figures in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let step = |name: &str, at: Option<f64>| at.map_or(String::new(), |at| format!(", {name} {at} ms"));
        format!(
            "{}: outage {} ms, {} unanswered{}{}{}, {} answers, stood still for {} ms",
            self.victims.join(" and "),
            self.outage_ms,
            self.unanswered,
            step("detected", self.detect_ms),
            step("claimed", self.claim_ms),
            step("announced", self.gratuitous_ms),
            self.answered_by.as_deref().unwrap_or("nobody"),
            self.stall_ms
        )
    }
}

/// All runs of one kind. Percentiles are by nearest rank, of the outages.
#[derive(Debug, Clone, Serialize)]
pub struct Failovers {
    /// What happened.
    pub kind: Kind,
    /// How many nodes there were.
    pub nodes: usize,
    /// Speakers were plain processes.
    pub plain: bool,
    /// API server and etcd were dead.
    pub without_api: bool,
    /// Further variables of the speakers.
    pub variables: Vec<(String, String)>,
    /// Those that count.
    pub runs: Vec<Run>,
    /// Half of the outages are no longer.
    pub p50_ms: f64,
    /// 99 of 100 outages are no longer.
    pub p99_ms: f64,
    /// The longest outage.
    pub max_ms: f64,
    /// Questions without an answer, in all runs.
    pub unanswered: usize,
    /// The longest time to a new holder's announcement; nothing if one run heard none.
    pub gratuitous_max_ms: Option<f64>,
    /// Runs that were thrown away because this machine stood still for too long.
    pub repeated: usize,
    #[serde(skip)]
    wanted: usize,
}

impl Failovers {
    pub(super) fn new(what: &Failover, nodes: usize) -> Self {
        Self {
            kind: what.kind,
            nodes,
            plain: what.plain,
            without_api: what.without_api,
            variables: what.variables.clone(),
            runs: vec![],
            p50_ms: 0.0,
            p99_ms: 0.0,
            max_ms: 0.0,
            unanswered: 0,
            gratuitous_max_ms: None,
            repeated: 0,
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

    pub(super) fn count(&mut self, run: Run) {
        self.runs.push(run);
        let outages = sorted(self.runs.iter().map(|run| run.outage_ms).collect());
        self.p50_ms = percentile(&outages, 50);
        self.p99_ms = percentile(&outages, 99);
        self.max_ms = percentile(&outages, 100);
        self.unanswered = self.runs.iter().map(|run| run.unanswered).sum();
        let heard: Option<Vec<f64>> = self.runs.iter().map(|run| run.gratuitous_ms).collect();
        self.gratuitous_max_ms = heard.map(|heard| percentile(&sorted(heard), 100));
    }

    /// One in five, and one of fewer than five.
    fn may_repeat(&self) -> usize {
        self.wanted.div_ceil(5)
    }

    /// What these figures are worth.
    ///
    /// # Errors
    /// If too many runs were thrown away, or no new holder announced the address in one, or no node served in the end.
    pub fn verdict(&self) -> Result<()> {
        if self.repeated > self.may_repeat() {
            return Error::refused(format!(
                "{} runs were disturbed, and at most {} may be: this machine is too busy",
                self.repeated,
                self.may_repeat()
            ));
        }
        let silent = self
            .runs
            .iter()
            .filter(|run| run.gratuitous_ms.is_none() || run.answered_by.is_none());
        match silent.count() {
            0 => Ok(()),
            count => Error::refused(format!("in {count} runs there was no new holder in time")),
        }
    }

    /// The figures in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let gratuitous = self.gratuitous_max_ms.map_or(String::new(), |longest| {
            format!("; announced after {longest} ms at most")
        });
        format!(
            "{} runs on {} nodes: outage p50 {} ms, p99 {} ms, max {} ms, {} unanswered{gratuitous}; {} repeated",
            self.runs.len(),
            self.nodes,
            self.p50_ms,
            self.p99_ms,
            self.max_ms,
            self.unanswered,
            self.repeated
        )
    }
}

pub(in crate::measure) fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// By nearest rank: the smallest value that so many percent of all do not exceed.
pub(in crate::measure) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(50, 2.0)]
    #[case(75, 3.0)]
    #[case(99, 4.0)]
    #[case(100, 4.0)]
    fn a_percentile_is_the_value_of_the_nearest_rank(#[case] percent: usize, #[case] expected: f64) {
        assert_eq!(
            percentile(&[1.0, 2.0, 3.0, 4.0], percent).to_bits(),
            expected.to_bits()
        );
    }
}
