//! How a watch that fails is tried again.
//!
//! `kube` lists or watches again as soon as its stream is polled after a failure, so the delay is ours to make. Its own
//! adapter (`default_backoff`) takes each item that is no error for a success. But every attempt to list begins with
//! `Event::Init`, before anything is sent: while lists fail, its delay never grows.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use kube::runtime::watcher::{self, Event};
use tokio::time::{Instant, sleep_until};

use crate::backoff::{Jitter, OF_WATCHES, STEADY};
use crate::client::RESPONSE_TIMEOUT;

/// `kube`'s watcher does not say that a watch was resumed. One that lasts longer than a response may take was.
pub(super) const RESUMED: Duration = RESPONSE_TIMEOUT.saturating_mul(2);

/// The same events and errors, with a delay after each error: it doubles from 0.2 s up to 15 s, less a random part of
/// up to a half.
///
/// The delay is short again once the watch worked for 5 s after a complete list or a change, or 60 s without either.
/// Every watch of a process goes through here, so that many nodes do not keep an ailing API server from recovering.
pub fn with_backoff<K>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
) -> impl Stream<Item = watcher::Result<Event<K>>> {
    let state = (Box::pin(events), Attempts::new(Instant::now()));
    stream::unfold(state, |(mut events, mut attempts)| async move {
        // A sleep that is over already would still end the burst that is being collected.
        if attempts.asked > Instant::now() {
            sleep_until(attempts.asked).await;
        }
        let item = events.next().await?;
        let now = Instant::now();
        match &item {
            Ok(event) => attempts.heard(event, now),
            Err(_) => attempts.failed(now, Jitter::random()),
        }
        Some((item, (events, attempts)))
    })
    .fuse()
}

/// How often a watch failed in a row, and when it may ask again. Pure.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Attempts {
    failures: u32,
    /// When the current attempt may begin, or began.
    asked: Instant,
    /// Since when the current attempt has shown that it works.
    works_since: Option<Instant>,
}

impl Attempts {
    fn new(now: Instant) -> Self {
        Self {
            failures: 0,
            asked: now,
            works_since: None,
        }
    }

    /// `Init` comes before anything is sent, and a list that shows objects may still break off.
    fn heard<K>(&mut self, event: &Event<K>, now: Instant) {
        if let Event::InitDone | Event::Apply(_) | Event::Delete(_) = event {
            self.works_since.get_or_insert(now);
        }
    }

    fn failed(&mut self, now: Instant, jitter: Jitter) {
        let steady = self.works_since.is_some_and(|since| now - since >= STEADY);
        if steady || now - self.asked >= RESUMED {
            self.failures = 0;
        }
        self.asked = now + OF_WATCHES.delay(self.failures, jitter);
        self.failures = self.failures.saturating_add(1);
        self.works_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Watched {
        attempts: Attempts,
        now: Instant,
    }

    impl Watched {
        fn new() -> Self {
            let now = Instant::now();
            Self {
                attempts: Attempts::new(now),
                now,
            }
        }

        fn hears(&mut self, event: &Event<()>) {
            self.attempts.heard(event, self.now);
        }

        fn works_for(&mut self, time: Duration) {
            self.now = self.now.max(self.attempts.asked) + time;
        }

        /// The delay after a failure, which comes as soon as it was asked.
        fn fails(&mut self) -> Duration {
            self.now = self.now.max(self.attempts.asked);
            self.attempts.failed(self.now, Jitter::NONE);
            self.attempts.asked - self.now
        }

        fn has_failed_for_long() -> Self {
            let mut watched = Self::new();
            for _ in 0..20 {
                let _delay = watched.fails();
            }
            watched
        }
    }

    const SHORTEST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(15);

    #[test]
    fn delays_grow_from_a_fifth_of_a_second_to_a_quarter_of_a_minute() {
        let mut watched = Watched::new();
        let delays: Vec<u128> = (0..9).map(|_| watched.fails().as_millis()).collect();
        assert_eq!(delays, [200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
    }

    #[test]
    fn asking_for_a_list_and_a_list_that_breaks_off_reset_nothing() {
        let mut watched = Watched::has_failed_for_long();
        watched.hears(&Event::Init);
        watched.hears(&Event::InitApply(()));
        watched.works_for(Duration::from_secs(10));
        assert_eq!(watched.fails(), LONGEST);
    }

    #[test]
    fn a_complete_list_and_a_change_reset_the_delay() {
        for event in [Event::InitDone, Event::Apply(()), Event::Delete(())] {
            let mut watched = Watched::has_failed_for_long();
            watched.works_for(Duration::ZERO);
            watched.hears(&event);
            watched.works_for(STEADY);
            assert_eq!(watched.fails(), SHORTEST, "{event:?}");
        }
    }

    #[test]
    fn a_watch_that_fails_right_after_its_list_resets_nothing() {
        let mut watched = Watched::has_failed_for_long();
        for _ in 0..3 {
            watched.works_for(Duration::ZERO);
            watched.hears(&Event::InitDone);
            watched.works_for(STEADY / 2);
            assert_eq!(watched.fails(), LONGEST);
        }
    }

    #[test]
    fn a_watch_that_was_resumed_without_a_word_resets_the_delay() {
        let mut watched = Watched::has_failed_for_long();
        watched.works_for(RESUMED);
        assert_eq!(watched.fails(), SHORTEST);
    }
}
