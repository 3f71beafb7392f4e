//! What is being done, on standard error: one line that is written over on a terminal, a line each elsewhere.

use std::io::{self, IsTerminal, Write};

/// To the beginning of the line, and everything after it gone.
const ANEW: &str = "\r\x1b[K";

/// The stages so far.
pub(crate) struct Progress {
    terminal: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
        }
    }
}

impl Progress {
    /// The next stage begins. Whether anybody reads it does not matter.
    pub(crate) fn stage(&mut self, what: &str) {
        let (begin, end) = if self.terminal { (ANEW, "…") } else { ("", "\n") };
        let mut out = io::stderr().lock();
        let _unread = write!(out, "{begin}{what}{end}").and_then(|()| out.flush());
    }

    /// Nothing is being done any more.
    pub(crate) fn end(&mut self) {
        if self.terminal {
            let _unread = write!(io::stderr(), "{ANEW}");
        }
    }
}
