//! What the speaker logs, kept so that each trial can look at what is about its own peer.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use ferrolb_crds::domain::PeerName;

static LINES: Mutex<String> = Mutex::new(String::new());

/// Keeps warnings and what is worse from now on.
pub(crate) fn keep() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(|| Keeper)
        .init();
}

/// What is kept about a peer.
pub(crate) fn troubles(peer: &PeerName) -> Vec<String> {
    let field = format!("peer={peer}");
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let about = lines.lines().filter(|line| line.contains(&field));
    about.map(str::to_owned).collect()
}

struct Keeper;

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
