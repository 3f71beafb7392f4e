//! What speakers cost while endpoints come and go.

use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Place;
use super::audit::AuditLog;
use super::stage::{Size, Stage};
use crate::error::Result;
use crate::pki;
use crate::program::Implementation;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Churn {
    /// Changes of `EndpointSlice`s a second.
    pub rate: u32,
    /// How long.
    pub lasting: Duration,
    /// Nodes of a lab made for it.
    pub nodes: u8,
    /// How many Services the speakers hold an address of.
    pub services: u16,
    /// Another speaker than this tree's.
    pub implementation: Implementation,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Churning {
    /// How many nodes there were, each with a speaker.
    pub nodes: u8,
    /// How many Services they held an address of.
    pub services: u16,
    /// Changes that the API server took.
    pub changes_per_second: f64,
    /// Processor time of the speaker that took most meanwhile, in hundredths of one core.
    pub cpu_percent: f64,
    /// Memory of the largest speaker afterwards.
    pub rss_bytes: u64,
}

/// Measures, once nothing has been written for a while.
///
/// # Errors
/// If the lab does not start, or the addresses are not held.
pub fn churn(place: &Place, what: &Churn) -> Result<Churning> {
    let size = Size {
        nodes: what.nodes,
        clients: 1,
        addresses: what.services,
    };
    let mut stage = Stage::set(place, size, &what.implementation)?;
    let nodes: Vec<u8> = stage.lab.plan().nodes().collect();
    nodes.iter().try_for_each(|node| stage.start(*node))?;
    stage.settle()?;
    AuditLog::of(pki::account("speaker"), stage.lab.state().log("audit")).settle()?;
    let (before, began) = (stage.usage()?, Instant::now());
    let mut changes = 0;
    while began.elapsed() < what.lasting {
        stage.change_endpoint(changes)?;
        changes += 1;
        thread::sleep((Duration::from_secs(1) * changes / what.rate).saturating_sub(began.elapsed()));
    }
    let (after, seconds) = (stage.usage()?, began.elapsed().as_secs_f64());
    stage.strike()?;
    let used = after
        .iter()
        .map(|(node, usage)| usage.cpu_seconds - before.get(node).map_or(0.0, |before| before.cpu_seconds));
    Ok(Churning {
        nodes: what.nodes,
        services: what.services,
        changes_per_second: f64::from(changes) / seconds,
        cpu_percent: 100.0 * used.fold(0.0, f64::max) / seconds,
        rss_bytes: after
            .values()
            .map(|usage| usage.rss_bytes)
            .max()
            .unwrap_or_default(),
    })
}

impl Churning {
    /// The figures in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "{} Services on {} nodes, {:.1} changes of endpoints a second: a speaker takes {:.1} % of a core at most, \
             and {:.1} MB of memory",
            self.services,
            self.nodes,
            self.changes_per_second,
            self.cpu_percent,
            self.rss_bytes as f64 / 1e6
        )
    }
}
