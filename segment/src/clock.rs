//! The clock of another instance, compared with the own one.

use std::time::Duration;

use super::Moment;

/// Comparisons count for two to three of these, but not in the one in which they are made: of frames that waited on the
/// socket each is a little ahead of the one before. Clocks drift by a millisecond meanwhile.
const WINDOW: Duration = Duration::from_secs(2);

/// How far the clock of a peer was ahead of the own one in the last seconds.
///
/// A frame that is late makes the peer's clock seem behind, and none makes it seem ahead. So the greatest difference is the
/// truest, and a greater one tells that the own clock stood still.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PeerClock {
    /// Milliseconds; the greatest difference in this window and in the two before.
    greatest: [Option<i64>; 3],
    began: Moment,
}

impl PeerClock {
    /// Compares them. Returns by how much the peer's clock ran ahead since it was compared before, if that is as much as
    /// `limit`; then the comparison changes nothing.
    pub(super) fn compare(&mut self, uptime: Duration, now: Moment, limit: Duration) -> Option<Duration> {
        let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2);
        let difference = milliseconds(uptime).saturating_sub(milliseconds(now.since_origin()));
        if now.since(self.began) >= WINDOW {
            self.greatest.rotate_right(1);
            self.greatest[0] = None;
            self.began = now;
        }
        if let Some(greatest) = self.known() {
            let ahead = u64::try_from(difference.saturating_sub(greatest)).unwrap_or(0);
            let ahead = Duration::from_millis(ahead);
            if ahead >= limit {
                return Some(ahead);
            }
        }
        self.greatest[0] = self.greatest[0].max(Some(difference));
        None
    }

    /// Whether the clocks were compared for long enough that one can be seen to run ahead.
    pub(super) fn is_known(&self) -> bool {
        self.known().is_some()
    }

    fn known(&self) -> Option<i64> {
        self.greatest[1].max(self.greatest[2])
    }
}

#[cfg(test)]
mod tests;
