//! A storm of frames that are refused is read in gulps: to be woken by each costs more than to look at it.

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

    /// Until when the socket is left alone; none if there is no storm.
    pub(super) fn pause(&mut self, now: Instant) -> Option<Instant> {
        self.roll(now);
        (self.raged || self.refused >= MANY).then_some(now + PAUSE)
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
        assert_eq!(storm.pause(start), None);
    }

    #[test]
    fn many_are_and_for_one_window_more() {
        let (mut storm, start) = storm(MANY);
        assert_eq!(storm.pause(start), Some(start + PAUSE));
        let next = start + WINDOW;
        assert_eq!(storm.pause(next), Some(next + PAUSE));
        assert_eq!(storm.pause(next + WINDOW), None);
    }

    #[test]
    fn after_silence_there_is_no_storm() {
        let (mut storm, start) = storm(MANY);
        assert_eq!(storm.pause(start + WINDOW * 2), None);
    }
}
