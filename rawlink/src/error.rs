//! What can go wrong with a socket, and on which interface.

use std::io;

/// A system call on the socket of an interface failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} on interface {interface}")]
pub struct SocketError {
    /// The interface, as the caller named it.
    pub interface: String,
    /// What was tried, as in "cannot send a frame".
    pub operation: &'static str,
    /// What the kernel said.
    pub source: io::Error,
}

/// What was tried when a frame did not go out.
pub(crate) const SEND: &str = "send a frame";

impl SocketError {
    pub(crate) fn new(interface: &str, operation: &'static str, source: io::Error) -> Self {
        Self {
            interface: interface.to_owned(),
            operation,
            source,
        }
    }

    /// The kind of the kernel's error, [`io::ErrorKind::WouldBlock`] among them.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// Whether a frame was not sent for want of room, in the socket (`EAGAIN`) or in the transmit queue of the
    /// interface (`ENOBUFS`). A later frame may pass.
    #[must_use]
    pub fn is_queue_full(&self) -> bool {
        self.operation == SEND
            && (self.kind() == io::ErrorKind::WouldBlock || self.source.raw_os_error() == Some(libc::ENOBUFS))
    }

    /// Whether the interface is down or gone (`ENODEV`, `ENXIO`, `ENETDOWN`). The socket of an interface that is
    /// only down works again once it is up; that of a deleted one never does.
    #[must_use]
    pub fn is_link_gone(&self) -> bool {
        matches!(
            self.source.raw_os_error(),
            Some(libc::ENODEV | libc::ENXIO | libc::ENETDOWN)
        )
    }

    /// Why, in one word of a closed set.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self.source.raw_os_error() {
            Some(libc::EMSGSIZE) => "too_long",
            _ if self.is_queue_full() => "queue_full",
            _ if self.is_link_gone() => "link_gone",
            _ => "other",
        }
    }
}
