//! When to stop: the first signal drains, the second aborts.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Tells every task when to begin to drain and when to give up. Cloneable; all clones agree. By default only
/// [`Shutdown::drain`] and [`Shutdown::abort`] begin it.
///
/// *Drain*: hand over what is held, finish what was begun, then return. *Abort*: return now.
/// An abort is also a drain, so whoever waits only for [`Shutdown::draining`] misses nothing.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    abort: CancellationToken,
}

impl Shutdown {
    /// A shutdown begun by SIGTERM or SIGINT: the first one drains, any later one aborts.
    ///
    /// From here on the process no longer dies of these signals: the caller must return when told to.
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The signal handlers cannot be installed.
    pub fn on_signals() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = Self::default();
        let told = shutdown.clone();
        tokio::spawn(async move {
            while !told.is_aborted() {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                told.signalled(name);
            }
        });
        Ok(shutdown)
    }

    /// Begins to drain. Does nothing when it has begun already.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Gives up: everybody returns at once.
    pub fn abort(&self) {
        self.drain.cancel();
        self.abort.cancel();
    }

    /// Returns once draining has begun.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Returns once the process shall stop at once.
    pub async fn aborted(&self) {
        self.abort.cancelled().await;
    }

    /// Whether draining has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Whether the process shall stop at once.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.abort.is_cancelled()
    }

    fn signalled(&self, signal: &str) {
        if self.is_draining() {
            tracing::warn!(signal, "stopping at once");
            self.abort();
        } else {
            tracing::info!(signal, "draining; a second signal stops at once");
            self.drain();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_drains_and_the_second_aborts() {
        let shutdown = Shutdown::default();
        shutdown.signalled("SIGTERM");
        assert!(shutdown.is_draining() && !shutdown.is_aborted());
        shutdown.signalled("SIGINT");
        assert!(shutdown.is_aborted());
    }

    #[test]
    fn all_clones_agree() {
        let shutdown = Shutdown::default();
        let other = shutdown.clone();
        shutdown.drain();
        assert!(other.is_draining());
    }

    #[tokio::test]
    async fn an_abort_also_ends_the_wait_for_the_drain() {
        let shutdown = Shutdown::default();
        shutdown.abort();
        shutdown.draining().await;
        shutdown.aborted().await;
    }
}
