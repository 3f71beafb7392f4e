//! Real routers in network namespaces, for tests: FRR, BIRD, ExaBGP and OpenBGPD as Debian builds them, unpacked by
//! `scripts/deps`, and GoBGP as the lab builds it.

#![allow(clippy::unwrap_used, reason = "all of this is for tests")]

mod bird;
mod exabgp;
mod frr;
mod gobgp;
mod make;
mod openbgpd;
mod programs;
mod session;

use std::thread;
use std::time::{Duration, Instant};

pub use bird::Bird;
pub use frr::Frr;
pub use make::Make;
pub use nix::sys::signal::Signal;
pub use programs::missing;
pub use session::{Family, Hops, Route, Router, Session};

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
