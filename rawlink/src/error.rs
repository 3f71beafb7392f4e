//! What can go wrong with a socket, and on which interface.

use std::fmt;
use std::io;

/// A system call on the socket of an interface failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} on interface {interface}")]
pub struct SocketError {
    /// The interface, as the caller named it.
    pub interface: String,
    /// What was tried.
    pub operation: Operation,
    /// What the kernel said.
    pub source: io::Error,
}

/// What was tried on a socket.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Operation {
    /// Create the socket; takes `CAP_NET_RAW`.
    Open,
    /// Set an option of the socket.
    Configure,
    /// Attach a filter to the socket.
    AttachFilter,
    /// Bind the socket to its interface.
    Bind,
    /// Hand the socket to the runtime.
    Register,
    /// Receive a frame.
    Receive,
    /// Send a frame.
    Send,
    /// Join a multicast group.
    Join,
    /// Leave a multicast group.
    Leave,
    /// Read how many frames were dropped.
    Count,
}

impl SocketError {
    /// The kind of the kernel's error, [`io::ErrorKind::WouldBlock`] among them.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// Whether a frame was not sent for want of room, in the socket (`EAGAIN`) or in the transmit queue of the
    /// interface (`ENOBUFS`). A later frame may pass.
    #[must_use]
    pub fn is_queue_full(&self) -> bool {
        self.operation == Operation::Send
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
}

impl SocketError {
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

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open a packet socket",
            Self::Configure => "set a socket option",
            Self::AttachFilter => "attach a packet filter",
            Self::Bind => "bind a packet socket",
            Self::Register => "watch a packet socket",
            Self::Receive => "receive a frame",
            Self::Send => "send a frame",
            Self::Join => "join a multicast group",
            Self::Leave => "leave a multicast group",
            Self::Count => "count dropped frames",
        })
    }
}
