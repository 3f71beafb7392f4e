//! Conversations with the kernel, one request and its answers at a time (netlink(7)).

use std::io;

use rtnetlink::sys::{Socket, SocketAddr};

/// Netlink messages begin at multiples of this.
pub(crate) const ALIGNMENT: usize = 4;

/// A socket for questions to the kernel.
///
/// # Errors
/// The kernel lacks the protocol, or has no socket to give.
pub(crate) fn kernel(protocol: isize) -> io::Result<Socket> {
    let mut socket = Socket::new(protocol)?;
    socket.bind_auto()?;
    // the kernel's own port
    socket.connect(&SocketAddr::new(0, 0))?;
    Ok(socket)
}
