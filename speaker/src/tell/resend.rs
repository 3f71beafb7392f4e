//! When the same write may be sent again. No clock: time is an argument.
//!
//! The watch lags behind what was written. A write that landed counts as seen for [`SETTLED`]; if the watch still shows
//! something else then, somebody undid it. One that failed is tried again, ever more slowly.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrolb_runtime::backoff::{Backoff, Jitter};
use tokio::time::Instant;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));
/// How long the watch may lag.
const SETTLED: Duration = Duration::from_secs(5);

/// The last write of each object.
#[derive(Debug)]
pub(crate) struct Resend<W>(BTreeMap<String, Last<W>>);

#[derive(Debug)]
struct Last<W> {
    write: W,
    /// None while it is on its way.
    again: Option<Instant>,
    failures: u32,
}

impl<W> Default for Resend<W> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<W: Eq> Resend<W> {
    /// Whether this write of the object `name` may be sent; if so, it counts as sent.
    pub(crate) fn send(&mut self, name: &str, write: &W, now: Instant) -> bool
    where
        W: Clone,
    {
        let last = self.0.get(name);
        let may = last.is_none_or(|last| {
            last.again
                .is_some_and(|again| again <= now || (last.write != *write && last.failures == 0))
        });
        if may {
            let failures = last.map_or(0, |last| last.failures);
            let last = Last {
                write: write.clone(),
                again: None,
                failures,
            };
            self.0.insert(name.to_owned(), last);
        }
        may
    }

    /// Notes what became of the last write of `name`.
    pub(crate) fn ended(&mut self, name: &str, landed: bool, now: Instant, jitter: Jitter) {
        if let Some(last) = self.0.get_mut(name) {
            if landed {
                last.failures = 0;
                last.again = Some(now + SETTLED);
            } else {
                last.again = Some(now + BACKOFF.delay(last.failures, jitter));
                last.failures = last.failures.saturating_add(1);
            }
        }
    }

    /// Forgets writes that are over and that nobody asks for any more.
    pub(crate) fn prune(&mut self, asked_for: impl Fn(&str) -> bool) {
        self.0
            .retain(|name, last| last.again.is_none() || asked_for(name));
    }

    /// Whether any write is on its way.
    pub(crate) fn is_any_under_way(&self) -> bool {
        self.0.values().any(|last| last.again.is_none())
    }

    /// When the next write may be sent again.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(|last| last.again).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(landed: bool, now: Instant) -> Resend<u8> {
        let mut resend = Resend::default();
        assert!(resend.send("a", &1, now));
        resend.ended("a", landed, now, Jitter::NONE);
        resend
    }

    #[test]
    fn one_write_of_an_object_at_a_time() {
        let (mut resend, now) = (Resend::default(), Instant::now());
        assert!(resend.send("a", &1, now));
        assert!(!resend.send("a", &2, now + SETTLED));
        assert!(resend.send("b", &1, now));
        assert_eq!(resend.next(), None);
    }

    #[test]
    fn what_landed_is_not_sent_again_while_the_watch_may_lag() {
        let now = Instant::now();
        let mut resend = sent(true, now);
        assert!(!resend.send("a", &1, now));
        assert_eq!(resend.next(), Some(now + SETTLED));
        assert!(resend.send("a", &1, now + SETTLED));
    }

    #[test]
    fn something_else_need_not_wait_for_what_landed() {
        let now = Instant::now();
        assert!(sent(true, now).send("a", &2, now));
    }

    #[test]
    fn what_failed_waits_longer_each_time() {
        let now = Instant::now();
        let mut resend = sent(false, now);
        assert!(!resend.send("a", &2, now));
        let later = now + Duration::from_millis(500);
        assert_eq!(resend.next(), Some(later));
        assert!(resend.send("a", &1, later));
        resend.ended("a", false, later, Jitter::NONE);
        assert_eq!(resend.next(), Some(later + Duration::from_secs(1)));
    }

    #[test]
    fn what_nobody_asks_for_is_forgotten_once_it_is_over() {
        let now = Instant::now();
        let mut resend = sent(true, now);
        assert!(resend.send("b", &1, now));
        resend.prune(|_| false);
        assert_eq!(resend.next(), None);
        assert!(!resend.send("b", &1, now));
        assert!(resend.send("a", &1, now));
    }
}
