//! How long to wait before the next attempt.

use std::time::Duration;

use super::report::Down;
use super::spec::PeerSpec;
use crate::bgp::wire::{Notification, cease};
use crate::chance::Chance;

/// The wait after the first failure; doubled with each further one.
const FIRST: Duration = Duration::from_millis(200);
/// The longest wait after an answer that only an administrator can change.
const PATIENT: Duration = Duration::from_secs(30);
/// An attempt is not given up before this: a lost SYN is sent again after a second, and again after three.
const ATTEMPT_MIN: Duration = Duration::from_secs(4);
/// A session that lasted so long was none that fails at once.
pub(super) const STABLE: Duration = Duration::from_secs(10);

/// How often in a row it failed.
#[derive(Clone, Debug, Default)]
pub(super) struct Retry {
    failures: u32,
}

impl Retry {
    /// Takes note of a failure. The wait is up to a quarter shorter or longer, so that nodes do not dial in step.
    pub(super) fn wait(&mut self, why: &Down, spec: &PeerSpec, chance: &mut Chance) -> Duration {
        let longest = if is_patient(why) {
            PATIENT.max(spec.connect)
        } else {
            spec.connect
        };
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        chance.share(doubled.min(longest), 75, 125)
    }

    /// There is reason to believe that the next attempt succeeds.
    pub(super) fn forget(&mut self) {
        self.failures = 0;
    }
}

/// How long an attempt may last.
pub(super) fn attempt(spec: &PeerSpec) -> Duration {
    spec.connect.max(ATTEMPT_MIN)
}

/// Nothing answers an attempt.
pub(super) fn silence(spec: &PeerSpec) -> Down {
    match (&spec.endpoint.password, spec.endpoint.ttl_security) {
        (Some(_), _) => Down::NoAnswerWithPassword,
        (None, true) => Down::NoAnswerWithTtlSecurity,
        (None, false) => Down::NoAnswer,
    }
}

/// Whether it will fail again until an administrator changes something, at either end.
fn is_patient(why: &Down) -> bool {
    let for_long = |notification: &Notification| {
        let reason = notification.reason();
        reason.0 == 2
            || matches!(
                reason,
                cease::MAXIMUM_PREFIXES | cease::SHUTDOWN | cease::DECONFIGURED
            )
    };
    match why {
        Down::Received(notification) | Down::Told(notification) => for_long(notification),
        Down::NoAnswerWithPassword => true,
        _ => false,
    }
}
