//! Randomness that can be had again, and the loop that spends the time given.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// Rounds without which a short time would mean nothing.
const AT_LEAST: u64 = 50_000;
/// Rounds between two looks at the clock.
const BATCH: u64 = 1000;

/// A sequence that its seed determines (SplitMix64, by Sebastiano Vigna).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.number() as u8
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// A number below `limit`, which is not zero.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit as u64) as usize
    }

    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Calls `round` until `FERROLB_FUZZ_SECONDS` (10) are over. `FERROLB_FUZZ_SEED` repeats a run.
pub(crate) fn fuzz(mut round: impl FnMut(&mut Random)) {
    let seconds = setting("FERROLB_FUZZ_SECONDS").unwrap_or(10);
    let seed = setting("FERROLB_FUZZ_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    eprintln!("FERROLB_FUZZ_SEED={seed}");
    let (mut random, mut rounds) = (Random(seed), 0);
    let end = Instant::now() + Duration::from_secs(seconds);
    while rounds < AT_LEAST || Instant::now() < end {
        (0..BATCH).for_each(|_| round(&mut random));
        rounds += BATCH;
    }
    eprintln!("{rounds} rounds");
}

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is no number")),
    )
}
