//! How long this machine did not let a ready thread run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(1);

/// A thread that wants to run every millisecond, until it is dropped.
pub(in crate::measure) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Begin and end of each pause longer than two ticks.
    pauses: Mutex<Vec<(Instant, Instant)>>,
    over: AtomicBool,
}

impl Ticker {
    pub(in crate::measure) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let same = Arc::clone(&shared);
        Self {
            shared,
            thread: Some(thread::spawn(move || same.tick())),
        }
    }

    /// The longest pause that touches the time between both.
    pub(in crate::measure) fn longest(&self, from: Instant, to: Instant) -> Duration {
        let pauses = self.shared.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        longest(&pauses, from, to)
    }
}

fn longest(pauses: &[(Instant, Instant)], from: Instant, to: Instant) -> Duration {
    let touching = pauses.iter().filter(|(begin, end)| *end >= from && *begin <= to);
    touching.map(|(begin, end)| *end - *begin).max().unwrap_or(TICK)
}

impl Shared {
    fn tick(&self) {
        let mut last = Instant::now();
        while !self.over.load(Ordering::Relaxed) {
            thread::sleep(TICK);
            let now = Instant::now();
            if now - last > 2 * TICK {
                let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
                pauses.push((last, now));
            }
            last = now;
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pause_that_touches_the_time_counts() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let pauses = [(at(0), at(100)), (at(200), at(210)), (at(290), at(350))];
        assert_eq!(longest(&pauses, at(150), at(250)), Duration::from_millis(10));
        assert_eq!(longest(&pauses, at(150), at(300)), Duration::from_millis(60));
        assert_eq!(longest(&pauses, at(150), at(160)), TICK);
    }
}
