//! The timers of a session.

use std::time::Duration;

use super::report::Negotiated;
use crate::Moment;

/// The least send hold time (RFC 9687 section 6).
const SEND_HOLD_MIN: Duration = Duration::from_secs(480);

/// How long a peer may take nothing: eight minutes, or twice the hold time if that is longer (RFC 9687 section 6).
pub(super) fn send_hold(agreed: Option<&Negotiated>) -> Duration {
    let hold = agreed.and_then(|agreed| agreed.hold.time()).unwrap_or_default();
    SEND_HOLD_MIN.max(2 * hold)
}

/// When each of them ends, of those that run.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    /// The next attempt.
    pub(super) retry: Option<Moment>,
    /// An attempt has lasted too long.
    pub(super) attempt: Option<Moment>,
    /// The peer said nothing.
    pub(super) hold: Option<Moment>,
    /// It is time to say something.
    pub(super) keepalive: Option<Moment>,
    /// The peer took nothing.
    pub(super) send_hold: Option<Moment>,
    /// The peer said it is down, and is not up again.
    pub(super) bfd: Option<Moment>,
    /// The session has lasted.
    pub(super) stable: Option<Moment>,
    /// The peer did not take the withdrawals.
    pub(super) drain: Option<Moment>,
    /// Changes were collected.
    collect: Option<Moment>,
}

/// What has ended, in the order in which it counts: what ends a session for good first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Expired {
    Drain,
    Bfd,
    Hold,
    SendHold,
    Stable,
    Keepalive,
    Attempt,
    Retry,
}

impl Timers {
    pub(super) fn collect(&mut self, until: Moment) {
        self.collect = Some(self.collect.map_or(until, |known| known.min(until)));
    }

    /// Whether what was collected is to be written.
    pub(super) fn collected(&mut self, now: Moment) -> bool {
        self.collect.take_if(|until| now >= *until).is_some()
    }

    /// Takes those that have ended.
    pub(super) fn expired(&mut self, now: Moment) -> Vec<Expired> {
        let all = [
            (&mut self.drain, Expired::Drain),
            (&mut self.bfd, Expired::Bfd),
            (&mut self.hold, Expired::Hold),
            (&mut self.send_hold, Expired::SendHold),
            (&mut self.stable, Expired::Stable),
            (&mut self.keepalive, Expired::Keepalive),
            (&mut self.attempt, Expired::Attempt),
            (&mut self.retry, Expired::Retry),
        ];
        let ended = all.into_iter().filter_map(|(timer, expired)| {
            let ended = timer.take_if(|at| now >= *at);
            ended.map(|_| expired)
        });
        ended.collect()
    }

    /// When the next one ends. What was collected has to wait for room.
    pub(super) fn next(&self, has_room: bool) -> Option<Moment> {
        let all = [
            self.retry,
            self.attempt,
            self.hold,
            self.keepalive,
            self.send_hold,
            self.bfd,
            self.stable,
            self.drain,
            self.collect.filter(|_| has_room),
        ];
        all.into_iter().flatten().min()
    }
}
