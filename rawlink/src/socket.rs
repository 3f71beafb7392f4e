//! A socket that receives and sends whole Ethernet frames on one interface.

mod ancillary;
mod sys;

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::MacBytes;
use crate::error::{SEND, SocketError};
use crate::filter::Program;

/// Room for some hundreds of small frames; the kernel caps it at `net.core.rmem_max`.
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;

/// An interface that goes down makes its socket ready with an error, but not readable.
const FRAME_OR_ERROR: Interest = Interest::READABLE.add(Interest::ERROR);

/// An `AF_PACKET` socket on one interface (packet(7)).
///
/// Frames are whole Ethernet frames, seen before a bridge or a VLAN interface takes them. The kernel strips the
/// outermost VLAN tag of a received frame; [`Received::vlan`] has it. Frames that this host sends through the
/// interface are not received.
#[derive(Debug)]
pub struct PacketSocket {
    fd: AsyncFd<PacketFd>,
    interface: String,
    index: u32,
}

/// What is known about a received frame besides its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Received {
    /// Bytes written to the caller's buffer: the frame without its VLAN tag, cut off where the buffer ends.
    pub length: usize,
    /// VLAN ID of the tag that the kernel took off the frame. `None` if it had none, or one that only carries a
    /// priority (VLAN ID 0): such a frame belongs to the untagged network (IEEE 802.1Q).
    pub vlan: Option<u16>,
}

/// Owns the descriptor; private, so that nobody can exchange or close it behind the runtime's back.
#[derive(Debug)]
struct PacketFd(Socket);

impl AsRawFd for PacketFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl PacketSocket {
    /// Opens a socket on the interface with this index; `name` is for errors only.
    ///
    /// The filter is attached before the socket is bound, and until then it belongs to no protocol: no frame that
    /// the filter would drop is ever received. An interface that is down can be opened: the first receive then fails
    /// with [`SocketError::is_link_gone`], and frames arrive once it is up.
    ///
    /// # Errors
    /// If the process lacks `CAP_NET_RAW`, the interface does not exist, or the filter exceeds `net.core.optmem_max`.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O enabled.
    pub fn open(index: u32, name: &str, filter: &Program) -> Result<Self, SocketError> {
        let failed = |operation| move |source| SocketError::new(name, operation, source);
        let socket = Socket::new(Domain::PACKET, Type::RAW, None).map_err(failed("open a packet socket"))?;
        configure(&socket).map_err(failed("set a socket option"))?;
        socket
            .attach_filter(&filter.to_kernel())
            .map_err(failed("attach a packet filter"))?;
        sys::bind(&socket, index).map_err(failed("bind a packet socket"))?;
        let fd = register(socket).map_err(failed("watch a packet socket"))?;
        Ok(Self {
            fd,
            interface: name.to_owned(),
            index,
        })
    }

    /// Waits for the next frame and writes it to `buffer`. Dropping the future loses no frame.
    ///
    /// # Errors
    /// Each time the interface goes down or away, this or a send fails once ([`SocketError::is_link_gone`]); frames
    /// that were received before may still follow.
    pub async fn recv(&self, buffer: &mut [u8]) -> Result<Received, SocketError> {
        self.fd
            .async_io(FRAME_OR_ERROR, |fd| sys::receive_incoming(&fd.0, buffer))
            .await
            .map_err(|source| self.error("receive a frame", source))
    }

    /// Receives a frame that is there already, as [`PacketSocket::recv`]; none if there is none. Unlike a future that is
    /// polled once this does not stop after some frames to let other tasks run: what waits can be read to its end.
    ///
    /// # Errors
    /// As [`PacketSocket::recv`].
    pub fn try_recv(&self, buffer: &mut [u8]) -> Result<Option<Received>, SocketError> {
        match sys::receive_incoming(self.socket(), buffer) {
            Ok(received) => Ok(Some(received)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(source) => Err(self.error("receive a frame", source)),
        }
    }

    /// Sends a frame (destination, source, EtherType, payload), waiting for room in the socket.
    ///
    /// # Errors
    /// If the interface is down or gone, or its transmit queue overflows ([`SocketError::is_queue_full`]).
    pub async fn send(&self, frame: &[u8]) -> Result<(), SocketError> {
        self.fd
            .async_io(Interest::WRITABLE, |fd| fd.0.send(frame))
            .await
            .map(drop)
            .map_err(|source| self.error(SEND, source))
    }

    /// Sends a frame now or not at all.
    ///
    /// # Errors
    /// As [`PacketSocket::send`], and [`io::ErrorKind::WouldBlock`] as [`SocketError::kind`] if the socket has no
    /// room.
    pub fn try_send(&self, frame: &[u8]) -> Result<(), SocketError> {
        self.socket()
            .send(frame)
            .map(drop)
            .map_err(|source| self.error(SEND, source))
    }

    /// Exchanges the filter in one step: each frame meets the old one or the new one. Frames that passed the old one
    /// and were not read yet are still received.
    ///
    /// # Errors
    /// If both filters together exceed `net.core.optmem_max`; the old one then stays.
    pub fn replace_filter(&self, filter: &Program) -> Result<(), SocketError> {
        self.socket()
            .attach_filter(&filter.to_kernel())
            .map_err(|source| self.error("attach a packet filter", source))
    }

    /// Has the interface receive frames for a link-layer group. The kernel counts: as many leaves as joins. Ends
    /// with the socket or the interface, outlasts down and up.
    ///
    /// Only the interface is told, not the network: a switch that follows MLD (RFC 4541) learns nothing from it.
    ///
    /// # Errors
    /// If the interface is gone or takes no more groups.
    pub fn join(&self, group: MacBytes) -> Result<(), SocketError> {
        sys::join(self.socket(), self.index, group)
            .map_err(|source| self.error("join a multicast group", source))
    }

    /// Undoes one [`PacketSocket::join`].
    ///
    /// # Errors
    /// None for a group that was not joined: the kernel does not tell.
    pub fn leave(&self, group: MacBytes) -> Result<(), SocketError> {
        sys::leave(self.socket(), self.index, group)
            .map_err(|source| self.error("leave a multicast group", source))
    }

    /// How many frames passed the filter since the last call and were dropped, because those before them were not read
    /// in time.
    ///
    /// # Errors
    /// None that is known for a socket that is open.
    pub fn take_dropped(&self) -> Result<u32, SocketError> {
        sys::take_dropped(self.socket()).map_err(|source| self.error("count dropped frames", source))
    }

    fn socket(&self) -> &Socket {
        &self.fd.get_ref().0
    }

    fn error(&self, operation: &'static str, source: io::Error) -> SocketError {
        SocketError::new(&self.interface, operation, source)
    }
}

fn configure(socket: &Socket) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    sys::enable(socket, libc::PACKET_AUXDATA)?;
    match sys::enable(socket, libc::PACKET_IGNORE_OUTGOING) {
        // Kernels before 4.20 do not know it; there `receive_incoming` alone leaves such frames out.
        Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Ok(()),
        other => other,
    }
}

fn register(socket: Socket) -> io::Result<AsyncFd<PacketFd>> {
    // SAFETY: `PacketFd` owns the socket and always returns its one descriptor, which stays open until the `AsyncFd`
    // drops it. Nothing in this crate takes the socket out of it or duplicates another descriptor onto it.
    unsafe { AsyncFd::register(PacketFd(socket)) }.map_err(io::Error::from)
}
