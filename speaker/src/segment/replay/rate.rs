//! How many frames are looked at, before anything is known of them but where they say they come from.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::segment::moment::Moment;
use crate::wire::Mac;

/// A number of frames in a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Frames a second, in the long run. At least 1.
    pub per_second: u32,
    /// Frames at once, after silence. At least 1.
    pub burst: u32,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Of one Ethernet address.
    pub each: Rate,
    /// Of all addresses together of which no frame was authentic yet.
    pub strangers: Rate,
    /// So many addresses are remembered. At least 1.
    pub addresses: usize,
}

impl Default for Limits {
    /// Room for 500 nodes that beacon fifty times a second, of which each sends 200 pages at once now and then. A forged
    /// beacon costs about 300 ns.
    fn default() -> Self {
        Self {
            each: Rate {
                per_second: 500,
                burst: 500,
            },
            strangers: Rate {
                per_second: 2000,
                burst: 1000,
            },
            addresses: 1024,
        }
    }
}

/// Counts the frames of each Ethernet address in bounded memory.
///
/// Anyone can invent addresses. So those of which no frame was authentic share one limit besides their own, and they are
/// forgotten before the others.
#[derive(Clone, Debug)]
pub struct RateLimit {
    limits: Limits,
    strangers: Bucket,
    stations: BTreeMap<Mac, Station>,
}

#[derive(Clone, Copy, Debug)]
struct Station {
    proven: bool,
    last: Moment,
    bucket: Bucket,
}

impl RateLimit {
    /// Nothing was seen yet.
    pub fn new(limits: Limits, now: Moment) -> Self {
        Self {
            limits,
            strangers: Bucket::full(limits.strangers, now),
            stations: BTreeMap::new(),
        }
    }

    /// Whether a frame of this address is to be looked at.
    pub fn allows(&mut self, source: Mac, now: Moment) -> bool {
        let known = self.stations.get(&source).copied();
        let mut station = known.unwrap_or_else(|| Station {
            proven: false,
            last: now,
            bucket: Bucket::full(self.limits.each, now),
        });
        let allowed = station.bucket.take(self.limits.each, now)
            && (station.proven || self.strangers.take(self.limits.strangers, now));
        if known.is_none() && (!allowed || !self.makes_room()) {
            return false;
        }
        station.last = now;
        self.stations.insert(source, station);
        allowed
    }

    /// A frame of this address that was allowed turned out to be authentic.
    pub fn prove(&mut self, source: Mac) {
        if let Some(station) = self.stations.get_mut(&source) {
            station.proven = true;
        }
    }

    /// How many addresses are remembered.
    pub fn addresses(&self) -> usize {
        self.stations.len()
    }

    /// Forgets who was silent longest, strangers first.
    fn makes_room(&mut self) -> bool {
        if self.stations.len() < self.limits.addresses {
            return true;
        }
        let first = self
            .stations
            .iter()
            .min_by_key(|(_, station)| (station.proven, station.last));
        let Some(source) = first.map(|(source, _)| *source) else {
            return false;
        };
        self.stations.remove(&source).is_some()
    }
}

/// Frames that may still come.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// In billionths of a frame.
    level: u64,
    filled: Moment,
}

const FRAME: u64 = 1_000_000_000;

impl Bucket {
    fn full(rate: Rate, now: Moment) -> Self {
        Self {
            level: u64::from(rate.burst) * FRAME,
            filled: now,
        }
    }

    fn take(&mut self, rate: Rate, now: Moment) -> bool {
        self.fill(rate, now);
        match self.level.checked_sub(FRAME) {
            Some(less) => {
                self.level = less;
                true
            }
            None => false,
        }
    }

    fn fill(&mut self, rate: Rate, now: Moment) {
        let elapsed = nanoseconds(now.since(self.filled));
        let more = elapsed.saturating_mul(rate.per_second.into());
        let full = u64::from(rate.burst) * FRAME;
        self.level = self.level.saturating_add(more).min(full);
        self.filled = self.filled.max(now);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
