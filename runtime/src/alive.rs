//! Liveness as values: whoever must go on working shows that it does. A process that is stuck is started again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What has to go on working; by default nothing. Cloneable; all clones see the same parts.
#[derive(Clone, Debug, Default)]
pub struct Liveness(Arc<Mutex<BTreeMap<Arc<str>, Instant>>>);

/// A part that shows that it works. Dropping it means that there is nothing to show any more.
#[derive(Debug)]
pub struct Pulse {
    name: Arc<str>,
    liveness: Liveness,
}

/// For how long a part may be silent. Many times the longest pause of any part, so that a machine that is busy for some
/// seconds loses no process.
const SILENT_AT_MOST: Duration = Duration::from_secs(10);

impl Liveness {
    /// Adds a part that works now. There is one of each name.
    pub fn part(&self, name: impl Into<Arc<str>>) -> Pulse {
        let pulse = Pulse {
            name: name.into(),
            liveness: self.clone(),
        };
        pulse.beat();
        pulse
    }

    /// The parts that have been silent for too long, each with how long, sorted. Empty while everything works.
    #[must_use]
    pub fn stuck(&self) -> Vec<(Arc<str>, Duration)> {
        let now = Instant::now();
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = parts.iter().map(|(name, last)| (name.clone(), now - *last));
        silent.filter(|(_, silent)| *silent > SILENT_AT_MOST).collect()
    }
}

impl Pulse {
    /// Shows that it works.
    pub fn beat(&self) {
        let mut parts = self.liveness.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.insert(self.name.clone(), Instant::now());
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let mut parts = self.liveness.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_part_that_is_silent_for_too_long_is_stuck_and_named() {
        let liveness = Liveness::default();
        let (eth0, eth1) = (liveness.part("eth0"), liveness.part("eth1"));
        tokio::time::advance(SILENT_AT_MOST).await;
        eth1.beat();
        assert!(liveness.stuck().is_empty());
        tokio::time::advance(Duration::from_secs(1)).await;
        let stuck = liveness.stuck();
        assert_eq!(stuck, [("eth0".into(), SILENT_AT_MOST + Duration::from_secs(1))]);
        eth0.beat();
        assert!(liveness.stuck().is_empty(), "it works again");
    }

    #[tokio::test(start_paused = true)]
    async fn what_ended_is_not_stuck() {
        let liveness = Liveness::default();
        drop(liveness.part("eth0"));
        tokio::time::advance(2 * SILENT_AT_MOST).await;
        assert!(liveness.stuck().is_empty());
    }
}
