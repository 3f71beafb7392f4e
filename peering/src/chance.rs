//! Chance that is the same each time: a generator with a seed.

use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014): good enough to spread timers.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number below `limit`; zero if that is zero.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    /// A share of a time, of `least` to `most` per cent, to the microsecond.
    pub(crate) fn share(&mut self, time: Duration, least: u64, most: u64) -> Duration {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 200);
        let [least, most] = [least, most].map(|per_cent| microseconds.saturating_mul(per_cent) / 100);
        Duration::from_micros(least + self.below(most.saturating_sub(least) + 1))
    }
}
