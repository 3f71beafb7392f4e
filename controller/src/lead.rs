//! Which of several controllers may write: leader election over one Lease.
//!
//! ```text
//! watch, reads, answers ──▶ Candidate (pure) ──▶ the write to send, when to wake, whether we lead until when
//! ```
//! - The holder renews by a PUT that carries the `resourceVersion` it was decided on. It may write until
//!   `renew_deadline` after the moment *before* its last successful renewal was sent.
//! - Each other candidate waits `lease_duration` on its own monotonic clock from when *it* first saw the record. Times
//!   in the object are never compared with a clock, so clocks may disagree.
//! - The first interval begins before the second and is shorter: two never lead at once, as long as no clock runs
//!   faster than another by `lease_duration / renew_deadline`. The module `model` checks it.
//! - It is advice between the willing. Whoever steals or deletes the Lease by force breaks it; every write of ours
//!   therefore also carries the version it was decided on.

mod candidate;
mod clock;
mod known;
mod lease;
#[cfg(test)]
mod model;
mod record;
mod wire;

use std::time::Duration;

use tokio::time::Instant;

pub(crate) use clock::now;
pub(crate) use lease::{identity, stand};

/// How long a lease lasts and how often it is renewed; the defaults are those of `kube-controller-manager`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Terms {
    /// How long the others leave an unrenewed lease alone. Whole seconds on the wire.
    pub(crate) lease_duration: Duration,
    /// How long a renewal lets the holder write; must be shorter than `lease_duration` by more than clocks drift.
    pub(crate) renew_deadline: Duration,
    /// From one renewal to the next, and the longest wait after a failure.
    pub(crate) retry_period: Duration,
}

impl Terms {
    /// 15 s, 10 s and 2 s.
    pub(crate) const DEFAULT: Self = Self {
        lease_duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
    };

    /// How long one request may take. Short enough for a second attempt before the deadline.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.renew_deadline / 3
    }
}

/// Whether this process may write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Leadership {
    /// Somebody else leads, or nobody.
    Follow {
        /// The identity in the Lease, if somebody holds it.
        leader: Option<String>,
    },
    /// We lead until `valid_until`, unless it is renewed or lost before.
    Lead {
        /// `leaseTransitions`: grows with each change of the holder, starts anew when the Lease was deleted.
        term: u64,
        /// From when on we do not lead, whatever this value still says.
        valid_until: Instant,
    },
}

impl Leadership {
    /// Whether a write may be sent at this time.
    ///
    /// Ask right before each write, with the time that [`now`] says: the task that renews may be stuck, and then only this
    /// notices the end.
    pub(crate) fn may_write(&self, now: Instant) -> bool {
        matches!(self, Self::Lead { valid_until, .. } if now < *valid_until)
    }

    /// Whether something else is to be done than leading in this term, or than following if it is none. A renewal is not.
    pub(crate) fn is_news(&self, led: Option<u64>) -> bool {
        let leads = match self {
            Self::Follow { .. } => None,
            Self::Lead { term, .. } => Some(*term),
        };
        leads != led
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::won(lead(3), None, true)]
    #[case::renewed(lead(3), Some(3), false)]
    #[case::won_again(lead(4), Some(3), true)]
    #[case::lost(follow(), Some(3), true)]
    #[case::another_leads(follow(), None, false)]
    fn a_renewal_is_no_news(#[case] now: Leadership, #[case] led: Option<u64>, #[case] is_news: bool) {
        assert_eq!(now.is_news(led), is_news);
    }

    fn lead(term: u64) -> Leadership {
        Leadership::Lead {
            term,
            valid_until: now(),
        }
    }

    fn follow() -> Leadership {
        Leadership::Follow { leader: None }
    }
}
