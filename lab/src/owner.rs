//! What may end a lab, as its keeper sees it.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::error::{Doing, Error, Result};

/// What the process at the other end of standard input writes to say that the lab outlives it.
pub(crate) const DETACH: u8 = b'd';

/// What may end the lab: the process at the other end of standard input, or a signal.
pub(crate) struct Owner {
    signals: SignalFd,
    detached: bool,
}

/// What happened while waiting.
pub(crate) enum Event {
    Connection,
    Over(&'static str),
}

impl Owner {
    pub(crate) fn new() -> Result<Self> {
        let ending: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]
            .into_iter()
            .collect();
        ending.thread_block().doing(|| "block signals".into())?;
        let signals =
            SignalFd::with_flags(&ending, SfdFlags::SFD_CLOEXEC).doing(|| "receive signals".into())?;
        Ok(Self {
            signals,
            detached: false,
        })
    }

    /// Waits for something to do, at most as long as `timeout`; without a listener only for the end.
    pub(crate) fn next(
        &mut self,
        listener: Option<&UnixListener>,
        timeout: PollTimeout,
    ) -> Result<Option<Event>> {
        let stdin = std::io::stdin();
        let of_input = |fd| PollFd::new(fd, PollFlags::POLLIN);
        // A hang-up is reported whatever was asked for: once detached, the input is not polled at all.
        let input = (!self.detached).then(|| of_input(stdin.as_fd()));
        let mut waiting = vec![of_input(self.signals.as_fd())];
        waiting.extend(listener.map(|listener| of_input(listener.as_fd())));
        waiting.extend(input);
        poll(&mut waiting, timeout).doing(|| "wait".into())?;
        let ready: Vec<bool> = waiting.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        if ready[0] {
            return Ok(Some(Event::Over("a signal")));
        }
        if !self.detached && ready.last() == Some(&true) {
            let mut byte = [0];
            let read = stdin.lock().read(&mut byte).unwrap_or(0);
            self.detached = read == 1 && byte[0] == DETACH;
            return Ok((!self.detached).then_some(Event::Over("its owner is gone")));
        }
        let connection = listener.is_some() && ready[1];
        Ok(connection.then_some(Event::Connection))
    }

    /// An error once the lab is to end.
    pub(crate) fn still_wants_it(&mut self) -> Result<()> {
        match self.next(None, PollTimeout::ZERO)? {
            Some(Event::Over(why)) => Error::refused(format!("stopped while starting: {why}")),
            _ => Ok(()),
        }
    }
}
