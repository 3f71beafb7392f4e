//! How often everything is looked at: at once while there is little to do, and never for more than a part of the time.

use std::time::Duration;
use tokio::time::Instant;

/// A turn is followed by at least this many times its own length without one.
const REST: u32 = 12;
/// Nobody waits longer than this for a turn.
const LONGEST_REST: Duration = Duration::from_millis(500);

/// When the next turn is due.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    asked: bool,
    rested: Option<Instant>,
}

impl Pace {
    /// Something changed.
    pub(crate) fn asked(&mut self) {
        self.asked = true;
    }

    /// Something changed that does not wait.
    pub(crate) fn asked_at_once(&mut self) {
        self.asked = true;
        self.rested = None;
    }

    /// Whether a turn was asked for and may be taken.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.asked && self.rested.is_none_or(|rested| rested <= now)
    }

    /// When the turn that was asked for may be taken.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.rested.filter(|_| self.asked)
    }

    /// Notes that a turn was taken.
    pub(crate) fn worked(&mut self, began: Instant, ended: Instant) {
        let rest = ended.duration_since(began).saturating_mul(REST).min(LONGEST_REST);
        self.asked = false;
        self.rested = Some(ended + rest);
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
        assert!(pace.is_due(Instant::now()));
    }

    #[test]
    fn nothing_is_due_that_nobody_asked_for() {
        let (pace, ended) = worked();
        assert_eq!((pace.is_due(ended + TURN * 99), pace.due()), (false, None));
    }

    #[test]
    fn a_turn_is_followed_by_a_rest_and_what_is_asked_for_in_it_is_due_after_it() {
        let (mut pace, ended) = worked();
        pace.asked();
        assert!(!pace.is_due(ended));
        assert_eq!(pace.due(), Some(ended + TURN * REST));
        assert!(pace.is_due(ended + TURN * REST));
    }

    #[test]
    fn a_long_turn_makes_nobody_wait_for_ever() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.worked(now, now + Duration::from_secs(9));
        pace.asked();
        assert_eq!(pace.due(), Some(now + Duration::from_secs(9) + LONGEST_REST));
    }

    #[test]
    fn the_lease_does_not_wait() {
        let (mut pace, ended) = worked();
        pace.asked_at_once();
        assert!(pace.is_due(ended));
    }
}
