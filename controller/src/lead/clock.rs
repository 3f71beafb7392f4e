//! A clock that goes on while the machine is suspended.
//!
//! The monotonic clock stands still meanwhile. By it, a leader that wakes after an hour would write as if its lease had
//! a few seconds to go, beside the one that leads since.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// Now, as all times of an election are.
pub(crate) fn now() -> Instant {
    at(Instant::now(), suspended())
}

/// When a time of an election is, on the clock that timers follow.
pub(super) fn on_timers(time: Instant) -> Instant {
    time.checked_sub(suspended()).unwrap_or(time)
}

fn at(monotonic: Instant, suspended: Duration) -> Instant {
    monotonic.checked_add(suspended).unwrap_or(monotonic)
}

/// For how long the machine has been suspended since it was started. Nothing where the kernel does not say.
fn suspended() -> Duration {
    let of = |clock| clock_gettime(clock).map(Duration::from).unwrap_or_default();
    let awake = of(ClockId::CLOCK_MONOTONIC);
    of(ClockId::CLOCK_BOOTTIME).saturating_sub(awake)
}

#[cfg(test)]
mod tests {
    use super::super::Leadership;
    use super::*;

    #[test]
    fn a_leader_whose_machine_slept_past_its_lease_writes_nothing_when_it_wakes() {
        let start = Instant::now();
        let leadership = Leadership::Lead {
            term: 1,
            valid_until: at(start, Duration::ZERO) + Duration::from_secs(10),
        };
        let awake_for = start + Duration::from_secs(1);
        assert!(leadership.may_write(at(awake_for, Duration::ZERO)));
        assert!(!leadership.may_write(at(awake_for, Duration::from_secs(3_600))));
    }

    #[test]
    fn a_timer_for_a_time_of_the_election_ends_at_that_time() {
        let soon = now() + Duration::from_secs(5);
        let wait = on_timers(soon).duration_since(Instant::now());
        assert!(wait <= Duration::from_secs(5), "{wait:?}");
    }
}
