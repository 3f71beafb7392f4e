//! What can go wrong in the lab, said for the person who reads a failed test.

use std::io;
use std::path::Path;
use std::time::Duration;

/// Every failure of the lab.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused something.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was being done, as it reads after "cannot".
        what: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A program ended badly.
    #[error("`{command}` ended with {status}\n{output}")]
    Command {
        /// The command line.
        command: String,
        /// Exit status or signal.
        status: String,
        /// What it wrote to both outputs.
        output: String,
    },
    /// A condition did not come true in time.
    #[error("gave up after {waited:.1?} waiting for {what}{seen}")]
    Late {
        /// The condition.
        what: String,
        /// How long it was waited for.
        waited: Duration,
        /// What was seen last, or the end of a log; empty if there is nothing to show.
        seen: String,
    },
    /// The lab cannot or will not do it.
    #[error("{0}")]
    Refused(String),
}

/// Result of a call of the lab.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The lab refuses, and this is why.
    ///
    /// # Errors
    /// Always.
    pub fn refused<T>(message: impl Into<String>) -> Result<T> {
        Err(Self::Refused(message.into()))
    }

    /// True if nobody answered at all: no refusal, no reset, no ICMP error.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock))
    }

    /// The same error with the last lines of a log below it.
    #[must_use]
    pub fn with_log(self, log: &Path) -> Self {
        let tail = tail(log, 15);
        match self {
            Self::Late { what, waited, seen } => Self::Late {
                what,
                waited,
                seen: format!("{seen}\n{tail}"),
            },
            other => Self::Refused(format!("{other}\n{tail}")),
        }
    }
}

fn tail(log: &Path, lines: usize) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    let shown = all[all.len().saturating_sub(lines)..].join("\n");
    format!("--- end of {}\n{shown}\n---", log.display())
}

/// Names what was being done when the kernel refused.
pub trait Doing<T> {
    /// `what` reads after "cannot".
    ///
    /// # Errors
    /// [`Error::Io`] if there was one.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Io {
            what: what(),
            source: source.into(),
        })
    }
}
