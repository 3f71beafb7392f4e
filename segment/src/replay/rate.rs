//! How many seals are checked, before anything is known of the frames but where they say they come from (S5).

use std::time::Duration;

use super::recent::Recent;
use crate::Moment;
use crate::mac::Mac;

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
    /// For each address that an authentic frame came from: no other can use this up.
    pub each: Rate,
    /// For all together: what an address sends beyond that, in its own name or a borrowed one, and what strangers send.
    pub shared: Rate,
}

impl Default for Limits {
    /// Each has room for fifty beacons a second and 200 pages at once now and then. To check a seal takes a microsecond at
    /// most for a beacon, so what is shared is a tenth of a core, and twice a storm of 50,000 frames a second: below that
    /// limit nobody is kept out.
    fn default() -> Self {
        Self {
            each: Rate {
                per_second: 500,
                burst: 500,
            },
            shared: Rate {
                per_second: 100_000,
                burst: 10_000,
            },
        }
    }
}

/// Counts the frames whose seal is checked, in bounded memory.
///
/// Anyone can invent addresses, and send in the name of another. So only those are remembered from which an authentic
/// frame came, so many at most, and to use up what one of them may send keeps out nobody else.
#[derive(Clone, Debug)]
pub struct RateLimit<const ADDRESSES: usize = 1024> {
    limits: Limits,
    shared: Bucket,
    pub(super) proven: Recent<Mac, Option<Bucket>, ADDRESSES>,
}

impl<const ADDRESSES: usize> RateLimit<ADDRESSES> {
    /// Nothing was seen yet.
    pub fn new(limits: Limits, now: Moment) -> Self {
        Self {
            limits,
            shared: Bucket::full(limits.shared, now),
            proven: Recent::default(),
        }
    }

    /// Whether a frame of this address is to be looked at.
    pub fn allows(&mut self, source: Mac, now: Moment) -> bool {
        let Limits { each, shared } = self.limits;
        let own = self.proven.get_mut(source).and_then(Option::as_mut);
        own.is_some_and(|bucket| bucket.take(each, now)) || self.shared.take(shared, now)
    }

    /// A frame of this address turned out to be authentic, and new.
    pub fn prove(&mut self, source: Mac, now: Moment) {
        let full = || Bucket::full(self.limits.each, now);
        self.proven.touch(source).get_or_insert_with(full);
    }
}

/// Frames that may still come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
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
