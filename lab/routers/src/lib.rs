//! Real routers in network namespaces, for tests: FRR and BIRD, as Debian builds them. `scripts/deps` unpacks their programs.

#![allow(clippy::unwrap_used, reason = "all of this is for tests")]

mod bird;
mod frr;
mod programs;

use std::thread;
use std::time::{Duration, Instant};

pub use bird::Bird;
pub use frr::Frr;
pub use nix::sys::signal::Signal;
pub use programs::missing;

/// When a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a condition.
///
/// # Panics
/// If it does not hold within half a minute.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "gave up waiting for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
