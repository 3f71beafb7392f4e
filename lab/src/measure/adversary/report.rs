//! The figures of all storms.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Adversary;
use crate::error::{Error, Result};
use crate::measure::stage::VARIABLES;

/// By how much the memory of a speaker may grow from before the first storm until after the last.
const MOST_GROWTH_BYTES: u64 = 2 << 20;
/// The share of one core, in each storm.
const MOST_CPU_PERCENT: f64 = 50.0;
/// A storm with fewer frames than this part of what was asked for says nothing.
const ENOUGH: f64 = 0.8;

/// One kind of frames for a while.
#[derive(Debug, Clone, Serialize)]
pub struct Storm {
    /// What was sent.
    pub attack: &'static str,
    /// How many frames were sent.
    pub frames_per_second: f64,
    /// How many of them each speaker read and refused, on average.
    pub refused_per_second: f64,
    /// Processor time of each speaker meanwhile, in hundredths of one core.
    pub cpu_percent: BTreeMap<String, f64>,
    /// How often another node than the holder announced an address.
    pub announced_by_others: usize,
    /// Addresses that not their holder alone answers for.
    pub moved: usize,
    /// How often a speaker took another for dead.
    pub taken_for_dead: usize,
    /// By how much the memory of the speaker that grew most has grown.
    pub grown_bytes: u64,
}

impl Storm {
    /// The figures in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "{}: {:.0} frames/s, {:.0} refused by each, CPU {:?} %, {} addresses moved, {} announced by others, {} taken for \
             dead, {} KiB more memory",
            self.attack,
            self.frames_per_second,
            self.refused_per_second,
            self.cpu_percent.values().collect::<Vec<_>>(),
            self.moved,
            self.announced_by_others,
            self.taken_for_dead,
            self.grown_bytes / 1024
        )
    }
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Adversity {
    /// How many nodes there were, each with a speaker.
    pub nodes: u8,
    /// How many addresses they held.
    pub addresses: u16,
    /// Further variables of the speakers.
    pub variables: Vec<(String, String)>,
    /// How many frames a second were asked for.
    pub asked_per_second: u32,
    /// All storms, in this order.
    pub storms: Vec<Storm>,
    /// By how much the memory of the speaker that grew most has grown in all storms.
    pub grown_bytes: u64,
}

impl Adversity {
    pub(super) fn new(what: &Adversary) -> Self {
        Self {
            nodes: what.nodes,
            addresses: what.addresses,
            variables: VARIABLES
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            asked_per_second: what.frames_per_second,
            storms: vec![],
            grown_bytes: 0,
        }
    }

    /// What is wrong however fast this machine is.
    #[must_use]
    pub fn wrong(&self) -> Vec<String> {
        let moved = |storm: &&Storm| storm.moved + storm.announced_by_others + storm.taken_for_dead > 0;
        let storms = self.storms.iter().filter(moved);
        let mut wrong: Vec<String> = storms
            .map(|storm| format!("{} frames moved something", storm.attack))
            .collect();
        if self.grown_bytes >= MOST_GROWTH_BYTES {
            wrong.push(format!("memory grew by {} bytes", self.grown_bytes));
        }
        wrong
    }

    /// Whether nothing moved, for little.
    ///
    /// # Errors
    /// If something did or cost too much, or the storms were none.
    pub fn verdict(&self) -> Result<()> {
        let mut broken = self.wrong();
        let asked = f64::from(self.asked_per_second);
        for storm in &self.storms {
            if storm.frames_per_second < ENOUGH * asked {
                broken.push(format!(
                    "only {} {} frames/s",
                    storm.frames_per_second, storm.attack
                ));
            }
            if storm
                .cpu_percent
                .values()
                .any(|percent| *percent > MOST_CPU_PERCENT)
            {
                broken.push(format!("{} frames cost too much", storm.attack));
            }
        }
        match broken.is_empty() {
            true => Ok(()),
            false => Err(Error::Refused(broken.join("; "))),
        }
    }

    /// The figures in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let most = |of: fn(&Storm) -> usize| self.storms.iter().map(of).sum::<usize>();
        let cpu = self.storms.iter().flat_map(|storm| storm.cpu_percent.values());
        format!(
            "{} storms on {} nodes: {} addresses moved, {} speakers taken for dead; at most {} % of a core, {} KiB more memory",
            self.storms.len(),
            self.nodes,
            most(|storm| storm.moved),
            most(|storm| storm.taken_for_dead),
            cpu.copied().fold(0.0, f64::max),
            self.grown_bytes / 1024
        )
    }
}
