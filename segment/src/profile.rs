//! How fast the speakers of a segment notice that one of them is gone.

use std::time::Duration;

/// Beacon interval and how many may be missing; all other times follow from these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Profile {
    /// How often a beacon goes out.
    pub interval: Duration,
    /// After this many intervals without a frame an instance is not heard any more.
    pub multiplier: u8,
}

impl Profile {
    /// A dead holder is replaced within half a second.
    pub const NORMAL: Self = Self {
        interval: Duration::from_millis(100),
        multiplier: 3,
    };

    /// Without a frame for so long an instance is not heard any more.
    pub fn detection(self) -> Duration {
        self.interval * u32::from(self.multiplier)
    }

    /// How long the others are asked whether they hear it.
    pub fn asking(self) -> Duration {
        (self.interval * 3 / 5).clamp(Duration::from_millis(15), Duration::from_millis(60))
    }

    /// How long each node in the order may claim an address before the next one may too.
    pub fn slot(self) -> Duration {
        (self.interval * 3 / 5).max(Duration::from_millis(25))
    }

    /// How long a new instance listens before it takes part.
    pub fn joining(self) -> Duration {
        (self.interval * 4).max(self.detection() + self.interval)
    }

    /// How old the last frame of an instance may be for a witness that it is alive.
    pub fn testimony(self) -> Duration {
        self.interval * 2
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::NORMAL
    }
}
