//! The figures of all runs.

use serde::Serialize;

use super::Event;
use crate::fabric::Tors;

/// What became of one event.
#[derive(Debug, Clone, Serialize)]
pub struct RoutingRun {
    /// The node.
    pub node: String,
    /// Until these routers forward as they should afterwards: to others, or to the same again, or to the new address.
    pub routes_ms: f64,
    /// Requests until all was as before.
    pub sent: usize,
    /// Those of them without an answer.
    pub lost: usize,
    /// Sessions that FRR saw end.
    pub ends: usize,
    /// How long this machine stood still at most.
    pub stall_ms: f64,
}

/// All runs.
#[derive(Debug, Clone, Serialize)]
pub struct Routings {
    /// What happened.
    pub event: Event,
    /// The routers on the client's way.
    pub tors: Tors,
    /// In their order.
    pub runs: Vec<RoutingRun>,
}

impl RoutingRun {
    /// The figures in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "{}: routes after {} ms, {} of {} requests lost, {} sessions of FRR ended; stood still for {} ms",
            self.node, self.routes_ms, self.lost, self.sent, self.ends, self.stall_ms
        )
    }
}

impl Routings {
    /// The figures in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut times: Vec<f64> = self.runs.iter().map(|run| run.routes_ms).collect();
        times.sort_by(f64::total_cmp);
        let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
        let sum = |of: fn(&RoutingRun) -> usize| self.runs.iter().map(of).sum::<usize>();
        format!(
            "{:?}, {} runs: routes after {median} ms in the middle and {most} ms at most; {} of {} requests lost",
            self.event,
            self.runs.len(),
            sum(|run| run.lost),
            sum(|run| run.sent)
        )
    }
}
