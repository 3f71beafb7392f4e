//! Writes that were sent and are not yet seen through the watch.
//!
//! A write carries the resource version it was decided on, so it lands on exactly that version or not at
//! all. While the watch still shows that version, the Service counts as having what was written: a
//! lagging watch can never hand an address out twice. Any other version means that the watch has passed
//! the write, or that somebody else was first.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrolb_crds::domain::{Addresses, Origins, ServiceKey};
use ferrolb_runtime::backoff::{Backoff, Jitter};
use tokio::time::Instant;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(60));

/// What a Service's status says once a write has landed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Assumed {
    pub(crate) addresses: Addresses,
    pub(crate) allocated_from: Origins,
}

/// What became of a write, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// It landed.
    Landed,
    /// Nobody knows.
    Unknown,
    /// It did not land, and the same may be tried again later.
    Refused,
    /// It did not land because the object has changed: the next version decides anew.
    Stale,
}

/// All writes in flight, landed but unseen, or waiting to be tried again.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    writes: BTreeMap<ServiceKey, Write>,
    /// How many of them are on their way, and how many wait to be tried again: asked for much more often than changed.
    in_flight: usize,
    waiting: usize,
}

#[derive(Debug)]
struct Write {
    based_on: String,
    assumed: Assumed,
    phase: Phase,
    failures: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    InFlight,
    Landed,
    /// May have landed; the same write again will tell.
    Unknown {
        again: Instant,
    },
    Refused {
        again: Instant,
    },
}

impl Pending {
    /// What the Service at this version is taken to hold instead of what the watch shows.
    pub(crate) fn assumed(&self, service: &ServiceKey, version: &str) -> Option<&Assumed> {
        let write = self
            .writes
            .get(service)
            .filter(|write| write.based_on == version)?;
        (!matches!(write.phase, Phase::Refused { .. })).then_some(&write.assumed)
    }

    /// Whether a write decided on this version may be sent now.
    pub(crate) fn may_send(&self, service: &ServiceKey, version: &str, now: Instant) -> bool {
        let Some(write) = self.writes.get(service) else {
            return true;
        };
        match write.phase {
            Phase::InFlight => false,
            Phase::Landed => write.based_on != version,
            Phase::Unknown { again } => write.based_on != version || again <= now,
            // Somebody else's change does not shorten the wait: it may be what the write is refused for.
            Phase::Refused { again } => again <= now,
        }
    }

    /// Notes that a write decided on this version is on its way.
    pub(crate) fn sent(&mut self, service: ServiceKey, version: String, assumed: Assumed) {
        let write = Write {
            based_on: version,
            assumed,
            phase: Phase::InFlight,
            failures: self.writes.get(&service).map_or(0, |write| write.failures),
        };
        self.in_flight += 1;
        let before = self.writes.insert(service, write);
        self.leave(before.map(|write| write.phase));
    }

    /// Notes how a write ended.
    pub(crate) fn ended(&mut self, service: &ServiceKey, ending: Ending, now: Instant, jitter: Jitter) {
        let Some(write) = self.writes.get_mut(service) else {
            return;
        };
        let before = write.phase;
        let again = now + BACKOFF.delay(write.failures, jitter);
        write.failures = match ending {
            Ending::Landed => 0,
            _ => write.failures.saturating_add(1),
        };
        match ending {
            Ending::Landed => write.phase = Phase::Landed,
            Ending::Unknown => write.phase = Phase::Unknown { again },
            Ending::Refused => write.phase = Phase::Refused { again },
            Ending::Stale => drop(self.writes.remove(service)),
        }
        self.leave(Some(before));
        self.waiting += usize::from(matches!(ending, Ending::Unknown | Ending::Refused));
    }

    fn leave(&mut self, phase: Option<Phase>) {
        match phase {
            Some(Phase::InFlight) => self.in_flight -= 1,
            Some(Phase::Unknown { .. } | Phase::Refused { .. }) => self.waiting -= 1,
            Some(Phase::Landed) | None => {}
        }
    }

    /// Forgets, after a pass has sent what it had to: writes of Services that are gone, writes that were
    /// seen, and waits that are over without anything left to write.
    pub(crate) fn prune<'a>(&mut self, version_of: impl Fn(&ServiceKey) -> Option<&'a str>, now: Instant) {
        self.writes
            .retain(|service, write| match (write.phase, version_of(service)) {
                (Phase::InFlight, _) => true,
                (_, None) => false,
                (Phase::Refused { again }, Some(_)) => again > now,
                (Phase::Landed, Some(version)) => version == write.based_on,
                (Phase::Unknown { again }, Some(version)) => version == write.based_on && again > now,
            });
        let waits = |write: &&Write| !matches!(write.phase, Phase::InFlight | Phase::Landed);
        self.waiting = self.writes.values().filter(waits).count();
    }

    /// When the next write may be tried again.
    pub(crate) fn next_try(&self) -> Option<Instant> {
        if self.waiting == 0 {
            return None;
        }
        let again = |write: &Write| match write.phase {
            Phase::Unknown { again } | Phase::Refused { again } => Some(again),
            Phase::InFlight | Phase::Landed => None,
        };
        self.writes.values().filter_map(again).min()
    }

    /// Whether any write is on its way.
    pub(crate) fn in_flight(&self) -> bool {
        self.in_flight > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ServiceKey {
        ServiceKey::new("shop", "web")
    }

    fn assumed() -> Assumed {
        Assumed {
            addresses: ["192.0.2.1".parse().unwrap()].into_iter().collect(),
            allocated_from: Origins::default(),
        }
    }

    fn pending(ending: Option<Ending>, now: Instant) -> Pending {
        let mut pending = Pending::default();
        pending.sent(key(), "10".to_owned(), assumed());
        if let Some(ending) = ending {
            pending.ended(&key(), ending, now, Jitter::NONE);
        }
        pending
    }

    #[test]
    fn what_was_sent_counts_while_the_watch_lags() {
        for ending in [None, Some(Ending::Landed), Some(Ending::Unknown)] {
            let pending = pending(ending, Instant::now());
            assert_eq!(pending.assumed(&key(), "10"), Some(&assumed()), "{ending:?}");
            assert_eq!(pending.assumed(&key(), "11"), None, "{ending:?}");
        }
    }

    #[test]
    fn what_was_certainly_not_written_does_not_count() {
        for ending in [Ending::Refused, Ending::Stale] {
            assert_eq!(
                pending(Some(ending), Instant::now()).assumed(&key(), "10"),
                None,
                "{ending:?}"
            );
        }
    }

    #[test]
    fn one_write_of_a_service_at_a_time() {
        let pending = pending(None, Instant::now());
        assert!(!pending.may_send(&key(), "11", Instant::now()));
        assert!(pending.may_send(&ServiceKey::new("shop", "other"), "11", Instant::now()));
    }

    #[test]
    fn a_refused_write_waits_longer_each_time_and_a_landed_one_resets_that() {
        let now = Instant::now();
        let mut pending = pending(Some(Ending::Refused), now);
        assert_eq!(pending.next_try(), Some(now + Duration::from_millis(200)));
        assert!(!pending.may_send(&key(), "11", now));
        pending.sent(key(), "10".to_owned(), assumed());
        pending.ended(&key(), Ending::Refused, now, Jitter::NONE);
        assert_eq!(pending.next_try(), Some(now + Duration::from_millis(400)));
        pending.sent(key(), "10".to_owned(), assumed());
        pending.ended(&key(), Ending::Landed, now, Jitter::NONE);
        assert_eq!(pending.next_try(), None);
    }

    #[test]
    fn what_the_watch_has_passed_is_forgotten() {
        let now = Instant::now();
        let mut pending = pending(Some(Ending::Landed), now);
        pending.prune(|_| Some("10"), now);
        assert!(!pending.may_send(&key(), "10", now));
        pending.prune(|_| Some("11"), now);
        assert!(pending.writes.is_empty());
    }

    #[test]
    fn a_wait_that_is_over_with_nothing_left_to_write_wakes_nobody() {
        let now = Instant::now();
        for ending in [Ending::Refused, Ending::Unknown] {
            let mut pending = pending(Some(ending), now);
            pending.prune(|_| Some("10"), now);
            assert!(pending.next_try().is_some(), "{ending:?}");
            pending.prune(|_| Some("10"), now + Duration::from_secs(1));
            assert_eq!(pending.next_try(), None, "{ending:?}");
        }
    }
}
