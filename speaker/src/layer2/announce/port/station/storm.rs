//! A storm of frames that are refused is read in gulps: to be woken by each costs more than to look at it.
//!
//! An event loop is woken by each frame whether anybody waits for one or not, so the thread sleeps without it.

use std::thread;
use std::time::Duration;

use tokio::time::Instant;

/// Frames are counted for so long.
const WINDOW: Duration = Duration::from_millis(100);
/// So many refused frames in it are a storm.
const MANY: u32 = 500;
/// How long frames wait then. The kernel has room for those of some milliseconds.
const PAUSE: Duration = Duration::from_millis(2);

/// How many frames were refused lately.
#[derive(Debug)]
pub(super) struct Storm {
    since: Instant,
    refused: u32,
    /// There were many in the last whole window.
    raged: bool,
}

impl Storm {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            refused: 0,
            raged: false,
        }
    }

    /// A frame was refused.
    pub(super) fn refused(&mut self, now: Instant) {
        self.roll(now);
        self.refused = self.refused.saturating_add(1);
    }

    /// Lets frames gather while there is a storm; whether there is one.
    pub(super) fn sit_out(&mut self, now: Instant) -> bool {
        let rages = self.rages(now);
        if rages {
            thread::sleep(PAUSE);
        }
        rages
    }

    fn rages(&mut self, now: Instant) -> bool {
        self.roll(now);
        self.raged || self.refused >= MANY
    }

    fn roll(&mut self, now: Instant) {
        let windows = now.saturating_duration_since(self.since).as_nanos() / WINDOW.as_nanos();
        if windows > 0 {
            self.raged = windows == 1 && self.refused >= MANY;
            (self.since, self.refused) = (now, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storm(refused: u32) -> (Storm, Instant) {
        let start = Instant::now();
        let mut storm = Storm::new(start);
        (0..refused).for_each(|_| storm.refused(start));
        (storm, start)
    }

    #[test]
    fn few_refused_frames_are_no_storm() {
        let (mut storm, start) = storm(MANY - 1);
        assert!(!storm.rages(start));
    }

    #[test]
    fn many_are_and_for_one_window_more() {
        let (mut storm, start) = storm(MANY);
        assert!(storm.rages(start));
        let next = start + WINDOW;
        assert!(storm.rages(next));
        assert!(!storm.rages(next + WINDOW));
    }

    #[test]
    fn after_silence_there_is_no_storm() {
        let (mut storm, start) = storm(MANY);
        assert!(!storm.rages(start + WINDOW * 2));
    }
}
