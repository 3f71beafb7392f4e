//! Time as an argument, for protocols that read no clock.

use std::ops::Add;
use std::time::Duration;

/// A moment of a clock that only goes forward, as time since an arbitrary origin.
///
/// Moments of different processes mean nothing to each other. The shell makes them of its monotonic clock.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Moment(Duration);

impl Moment {
    /// Where the clock begins.
    pub const ORIGIN: Self = Self(Duration::ZERO);

    /// This long after the origin.
    pub const fn after_origin(time: Duration) -> Self {
        Self(time)
    }

    /// The time since the origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// The time since an earlier moment; zero if that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    /// That much later; the last moment there is, if it were later than that.
    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn time_since_a_later_moment_is_zero() {
        let earlier = Moment::ORIGIN + SECOND;
        let later = earlier + SECOND;
        assert_eq!(
            (later.since(earlier), earlier.since(later)),
            (SECOND, Duration::ZERO)
        );
    }

    #[test]
    fn nothing_is_later_than_the_last_moment() {
        let last = Moment::after_origin(Duration::MAX);
        assert_eq!(last + SECOND, last);
    }
}
