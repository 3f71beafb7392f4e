//! How often everything is looked at: at once while there is little to do, and never for more than a part of the time.
//! While writes wait for their turn, seldom: what is decided then would only wait behind them.

use std::time::Duration;

use tokio::time::Instant;

/// A turn is followed by at least this many times its own length without one.
const REST: u32 = 12;
/// Nobody waits longer than this for a turn.
const LONGEST_REST: Duration = Duration::from_millis(500);
/// While writes wait for their turn, a turn comes as seldom as this: what is decided would only wait behind them. With
/// 10,000 Services each turn takes as long as several hundred writes.
const REST_BEHIND_WRITES: Duration = Duration::from_secs(10);

/// When the next turn is due.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    asked: bool,
    /// When the last turn ended, and the rest that it needs.
    last: Option<(Instant, Duration)>,
}

impl Pace {
    /// Something changed.
    pub(crate) fn asked(&mut self) {
        self.asked = true;
    }

    /// Something changed that does not wait.
    pub(crate) fn asked_at_once(&mut self) {
        self.asked = true;
        self.last = None;
    }

    /// Whether a turn was asked for and may be taken, where writes wait or not.
    pub(crate) fn is_due(&self, writes_wait: bool, now: Instant) -> bool {
        self.asked && self.due(writes_wait).is_none_or(|due| due <= now)
    }

    /// When the turn that was asked for may be taken, if nothing changes.
    fn due(&self, writes_wait: bool) -> Option<Instant> {
        let (ended, rest) = self.last.filter(|_| self.asked)?;
        Some(ended + if writes_wait { REST_BEHIND_WRITES } else { rest })
    }

    /// When to look again. A turn that was asked for sees to all that is due by time as well, so it alone is waited for.
    pub(crate) fn next_wake(&self, writes_wait: bool, by_time: Option<Instant>) -> Option<Instant> {
        self.due(writes_wait).or(by_time)
    }

    /// Notes that a turn was taken.
    pub(crate) fn worked(&mut self, began: Instant, ended: Instant) {
        let rest = ended.duration_since(began).saturating_mul(REST).min(LONGEST_REST);
        self.asked = false;
        self.last = Some((ended, rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: Duration = Duration::from_millis(10);

    fn worked() -> (Pace, Instant) {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.worked(now, now + TURN);
        (pace, now + TURN)
    }

    #[test]
    fn the_first_turn_does_not_wait() {
        let mut pace = Pace::default();
        pace.asked();
        assert!(pace.is_due(false, Instant::now()));
    }

    #[test]
    fn nothing_is_due_that_nobody_asked_for() {
        let (pace, ended) = worked();
        assert_eq!(
            (pace.is_due(false, ended + TURN * 99), pace.due(false)),
            (false, None)
        );
    }

    #[test]
    fn a_turn_is_followed_by_a_rest_and_what_is_asked_for_in_it_is_due_after_it() {
        let (mut pace, ended) = worked();
        pace.asked();
        assert!(!pace.is_due(false, ended));
        assert_eq!(pace.due(false), Some(ended + TURN * REST));
        assert!(pace.is_due(false, ended + TURN * REST));
    }

    #[test]
    fn while_writes_wait_the_next_turn_does_too_but_not_for_ever() {
        let (mut pace, ended) = worked();
        pace.asked();
        assert_eq!(pace.due(true), Some(ended + REST_BEHIND_WRITES));
        assert!(pace.is_due(true, ended + REST_BEHIND_WRITES));
    }

    #[test]
    fn what_was_due_before_a_turn_that_waits_wakes_nobody() {
        let (mut pace, ended) = worked();
        assert_eq!(pace.next_wake(true, Some(ended)), Some(ended));
        pace.asked();
        assert_eq!(
            pace.next_wake(true, Some(ended)),
            Some(ended + REST_BEHIND_WRITES)
        );
        assert_eq!(pace.next_wake(false, Some(ended)), Some(ended + TURN * REST));
    }

    #[test]
    fn a_long_turn_makes_nobody_wait_for_ever() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.worked(now, now + Duration::from_secs(9));
        pace.asked();
        assert_eq!(pace.due(false), Some(now + Duration::from_secs(9) + LONGEST_REST));
    }

    #[test]
    fn the_lease_does_not_wait() {
        let (mut pace, ended) = worked();
        pace.asked_at_once();
        assert!(pace.is_due(false, ended));
    }
}
