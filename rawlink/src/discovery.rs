//! What routers, and those that look for them, say to all on one segment (neighbour discovery, RFC 4861 sections 4.1 and 4.2).

use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::datagrams::{Datagram, receive};
use crate::stream::MOST_HOPS;

/// All routers of a segment (RFC 4291 section 2.7.1): where solicitations go.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// Types of ICMPv6: solicitations and advertisements of routers.
const TYPES: [u8; 2] = [133, 134];

/// `ICMPV6_FILTER` of `linux/icmpv6.h`, which `libc` does not have.
const ICMPV6_FILTER: libc::c_int = 1;

/// Solicitations and advertisements of routers on one interface, in and out, as messages of ICMPv6 without the header of IPv6.
///
/// The kernel checks their checksums, and fills them in. It handles what it receives as ever; this only listens.
#[derive(Debug)]
pub struct RouterDiscovery {
    fd: AsyncFd<Socket>,
    index: u32,
}

impl RouterDiscovery {
    /// Listens on the interface of this index and name. What this host sends itself is not received.
    ///
    /// # Errors
    /// If the process lacks `CAP_NET_RAW`, or the interface does not exist or has no IPv6.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O enabled.
    pub fn open(index: u32, name: &str) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
        socket.set_nonblocking(true)?;
        admit(&socket, &TYPES)?;
        socket.bind_device(Some(name.as_bytes()))?;
        socket.set_recv_hoplimit_v6(true)?;
        socket.set_unicast_hops_v6(MOST_HOPS)?;
        socket.set_multicast_hops_v6(MOST_HOPS)?;
        socket.set_multicast_loop_v6(false)?;
        socket.join_multicast_v6(&ALL_ROUTERS, index)?;
        // SAFETY: the socket is owned by the `AsyncFd` from here on and always has its one descriptor, which stays open until that
        // drops it. Nothing takes the socket out of it or duplicates another descriptor onto it: the field is private.
        let fd = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }?;
        Ok(Self { fd, index })
    }

    /// Waits for the next message and writes it to `buffer`. Dropping the future loses none.
    ///
    /// # Errors
    /// The interface went down or away.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
        loop {
            let received = self
                .fd
                .async_io(Interest::READABLE, |socket| receive(socket, buffer));
            let datagram = received.await?;
            // Until the socket was bound it belonged to all interfaces.
            if matches!(datagram.from, SocketAddr::V6(from) if from.scope_id() == self.index) {
                return Ok(datagram);
            }
        }
    }

    /// Sends a message to a station or a group on the segment, now or not at all. The kernel chooses the link-local address as
    /// its source.
    ///
    /// # Errors
    /// If the interface is down or gone, or has no link-local address yet.
    pub fn try_send(&self, message: &[u8], to: Ipv6Addr) -> io::Result<()> {
        let to = SocketAddrV6::new(to, 0, 0, self.index);
        match self.fd.get_ref().send_to(message, &to.into()) {
            // There will be another one.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            other => other.map(drop),
        }
    }
}

/// Has the kernel drop messages of all other types (RFC 3542 section 3.2).
fn admit(socket: &Socket, types: &[u8]) -> io::Result<()> {
    // A bit that is set blocks its type.
    let mut blocked = [u32::MAX; 8];
    for kind in types {
        blocked[usize::from(kind >> 5)] &= !(1 << (kind & 31));
    }
    // SAFETY: the pointer and the length describe one initialised array of the size that this option takes, which the kernel
    // only reads.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_ICMPV6,
            ICMPV6_FILTER,
            (&raw const blocked).cast(),
            size_of_val(&blocked) as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
