//! How long to wait before trying again: a pure policy. Randomness is an argument, the caller sleeps.

use std::time::Duration;

use crate::random;

/// Delays that double from `first` up to `cap`, shortened at random by up to a half.
///
/// The random part keeps many nodes that failed together from trying again together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
}

/// How long a watch waits after a failure. The API server is on this network and lists are cheap, so the first retries
/// come soon.
pub(crate) const OF_WATCHES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));

/// A watch that ends or fails sooner has not recovered. Without this, an API server that lists and then refuses to watch
/// would be asked for whole lists several times a second.
pub(crate) const STEADY: Duration = Duration::from_secs(5);

/// A random fraction from 0 (inclusive) to 1 (exclusive), in units of 2⁻³².
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter(u32);

impl Backoff {
    /// A policy that waits `first` before the first retry and never longer than `cap`.
    #[must_use]
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap }
    }

    /// The longest delay before retry number `attempt` (0 is the first retry).
    #[must_use]
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let factor = 1u32.checked_shl(attempt).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.cap)
    }

    /// The delay before retry number `attempt`: from half of [`Backoff::ceiling`] (exclusive) to all of it.
    #[must_use]
    pub fn delay(&self, attempt: u32, jitter: Jitter) -> Duration {
        let ceiling = self.ceiling(attempt);
        ceiling - jitter.of(ceiling / 2)
    }
}

impl Jitter {
    /// No randomness: [`Backoff::delay`] is exactly [`Backoff::ceiling`].
    pub const NONE: Self = Self(0);

    /// The fraction `parts` / 2³².
    #[must_use]
    pub const fn from_parts(parts: u32) -> Self {
        Self(parts)
    }

    /// A fraction that nobody can predict; for shells only.
    #[must_use]
    pub fn random() -> Self {
        Self((random::bits() >> 32) as u32)
    }

    fn of(self, whole: Duration) -> Duration {
        let nanos = (whole.as_nanos() * u128::from(self.0)) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));

    #[test]
    fn delays_double_until_the_cap() {
        let delays: Vec<u128> = [0, 1, 2, 8, 9, 40]
            .map(|attempt| POLICY.delay(attempt, Jitter::NONE).as_millis())
            .into();
        assert_eq!(delays, [100, 200, 400, 25_600, 30_000, 30_000]);
    }

    #[test]
    fn the_largest_jitter_takes_almost_half_away() {
        let delay = POLICY.delay(0, Jitter::from_parts(u32::MAX));
        assert_eq!(delay.as_millis(), 50);
    }

    #[test]
    fn random_jitters_differ() {
        let jitters: std::collections::BTreeSet<u32> = (0..16).map(|_| Jitter::random().0).collect();
        assert!(jitters.len() > 8);
    }

    proptest! {
        #[test]
        fn a_delay_lies_between_half_and_all_of_its_ceiling(
            first in 0u64..=u64::MAX, cap in 0u64..=u64::MAX, attempt: u32, parts: u32,
        ) {
            let policy = Backoff::new(Duration::from_nanos(first), Duration::from_nanos(cap));
            let ceiling = policy.ceiling(attempt);
            let delay = policy.delay(attempt, Jitter::from_parts(parts));
            prop_assert!(ceiling <= Duration::from_nanos(cap));
            prop_assert!(delay <= ceiling && delay >= ceiling / 2);
        }

        #[test]
        fn a_later_attempt_never_waits_less(first: u32, cap: u32, attempt in 0u32..100) {
            let policy = Backoff::new(Duration::from_micros(first.into()), Duration::from_micros(cap.into()));
            prop_assert!(policy.ceiling(attempt) <= policy.ceiling(attempt + 1));
        }
    }
}
