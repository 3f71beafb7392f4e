//! When the object may be written again. No clock: time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::{Backoff, Jitter};
use crate::patch::Outcome;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));
/// How long the watch may lag behind a write.
const LAG: Duration = Duration::from_secs(10);
/// So many writes more than one at once, then one in each interval.
const BURST: u32 = 7;

/// The last writes of one object.
#[derive(Debug, Default)]
pub(super) struct Pace {
    failures: u32,
    again: Option<Instant>,
    /// When the writes of the past no longer count: an interval later for each.
    forgotten: Option<Instant>,
    unseen: Option<Unseen>,
}

/// A write that changed the object, which the watch may not show yet.
#[derive(Debug)]
struct Unseen {
    decided_on: Option<String>,
    until: Instant,
}

impl Pace {
    /// When it may be written, with its version as seen now; none if at once.
    pub(super) fn rests_until(
        &self,
        seen: Option<&str>,
        interval: Duration,
        now: Instant,
    ) -> Option<Instant> {
        let unseen = self.unseen.as_ref();
        let lags = unseen.filter(|write| write.decided_on.as_deref() == seen);
        let often = self
            .forgotten
            .and_then(|forgotten| forgotten.checked_sub(interval * BURST));
        let reasons = [self.again, lags.map(|write| write.until), often];
        reasons.into_iter().flatten().max().filter(|time| *time > now)
    }

    /// Notes what became of a write that was decided on this version. Whether this failure is the first in a row.
    pub(super) fn wrote(
        &mut self,
        decided_on: Option<&str>,
        outcome: &Outcome,
        interval: Duration,
        now: Instant,
        jitter: Jitter,
    ) -> bool {
        (self.again, self.unseen) = (None, None);
        let Outcome::Applied(version) = outcome else {
            self.again = Some(now + BACKOFF.delay(self.failures, jitter));
            self.failures = self.failures.saturating_add(1);
            return self.failures == 1;
        };
        self.failures = 0;
        self.forgotten = Some(self.forgotten.map_or(now, |time| time.max(now)) + interval);
        let changed = decided_on != Some(version);
        self.unseen = changed.then(|| Unseen {
            decided_on: decided_on.map(str::to_owned),
            until: now + LAG,
        });
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);
    const MOMENT: Duration = Duration::from_millis(1);

    fn applied(version: &str) -> Outcome {
        Outcome::Applied(version.to_owned())
    }

    fn failed() -> Outcome {
        Outcome::Unknown("no answer".to_owned())
    }

    /// Writes once, the object being at this version, and returns whether it was the first failure.
    fn write(pace: &mut Pace, version: &str, outcome: &Outcome, now: Instant) -> bool {
        pace.wrote(Some(version), outcome, INTERVAL, now, Jitter::NONE)
    }

    #[tokio::test]
    async fn the_first_write_is_sent_at_once() {
        assert_eq!(Pace::default().rests_until(None, INTERVAL, Instant::now()), None);
    }

    #[tokio::test]
    async fn a_write_that_landed_is_awaited_in_the_watch_for_some_time() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        write(&mut pace, "1", &applied("2"), now);
        assert_eq!(pace.rests_until(Some("1"), INTERVAL, now), Some(now + LAG));
        assert_eq!(pace.rests_until(Some("1"), INTERVAL, now + LAG), None);
        assert_eq!(pace.rests_until(Some("2"), INTERVAL, now), None);
    }

    #[tokio::test]
    async fn an_object_that_was_made_is_awaited_too() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.wrote(None, &applied("1"), INTERVAL, now, Jitter::NONE);
        assert_eq!(pace.rests_until(None, INTERVAL, now), Some(now + LAG));
    }

    #[tokio::test]
    async fn a_write_that_changed_nothing_is_not_awaited() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        write(&mut pace, "1", &applied("1"), now);
        assert_eq!(pace.rests_until(Some("1"), INTERVAL, now), None);
    }

    #[tokio::test]
    async fn failures_are_tried_again_ever_more_slowly_until_one_lands() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let mut delays = Vec::new();
        for _ in 0..3 {
            write(&mut pace, "1", &failed(), now);
            delays.push(pace.rests_until(Some("1"), INTERVAL, now).unwrap() - now);
        }
        assert_eq!(delays, [500, 1000, 2000].map(Duration::from_millis));
        write(&mut pace, "1", &applied("2"), now);
        write(&mut pace, "2", &failed(), now);
        assert_eq!(pace.rests_until(Some("2"), INTERVAL, now), Some(now + delays[0]));
    }

    #[tokio::test]
    async fn only_the_first_failure_in_a_row_is_news() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert!(write(&mut pace, "1", &failed(), now));
        assert!(!write(&mut pace, "1", &failed(), now));
        assert!(!write(&mut pace, "1", &applied("2"), now));
        assert!(write(&mut pace, "2", &failed(), now));
    }

    #[tokio::test]
    async fn whoever_undoes_every_write_slows_them_down() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        let begin = now;
        let mut at_once = 0;
        while pace.rests_until(Some("theirs"), INTERVAL, now).is_none() {
            write(&mut pace, "before", &applied("ours"), now);
            at_once += 1;
        }
        assert_eq!(at_once, 8);
        for _ in 0..3 {
            now = pace.rests_until(Some("theirs"), INTERVAL, now).unwrap();
            write(&mut pace, "before", &applied("ours"), now);
        }
        assert_eq!(now - begin, 3 * INTERVAL);
    }

    #[tokio::test]
    async fn writes_at_long_intervals_never_rest() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..100 {
            write(&mut pace, "before", &applied("after"), now);
            now += INTERVAL + MOMENT;
            assert_eq!(pace.rests_until(Some("after"), INTERVAL, now), None);
        }
    }
}
