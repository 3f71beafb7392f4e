//! UDP sockets for protocols between neighbours, which have to know how far a datagram came (RFC 5082).

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SetSockOpt, SockaddrStorage, recvmsg, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::stream::{MOST_HOPS, NETWORK_CONTROL};

/// A family of addresses.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// That of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    fn any(self) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Self::V6 => Ipv6Addr::UNSPECIFIED.into(),
        }
    }
}

/// What came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Datagram {
    /// Bytes written to the caller's buffer; a longer datagram is cut off.
    pub length: usize,
    /// Where it came from, with the interface of a link-local address.
    pub from: SocketAddr,
    /// Its TTL or hop limit as it arrived.
    pub hop_limit: u8,
}

/// Receives what is sent to a port.
#[derive(Debug)]
pub struct Listener(UdpSocket);

impl Listener {
    /// Listens on a port, on all addresses of a family, of one device or VRF or of all.
    ///
    /// # Errors
    /// Another program listens there, or the device does not exist.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O enabled.
    pub fn bind(family: Family, port: u16, device: Option<&str>) -> io::Result<Self> {
        let socket = open(family, device)?;
        match family {
            Family::V4 => sockopt::Ipv4RecvTtl.set(&socket, &true)?,
            Family::V6 => {
                socket.set_only_v6(true)?;
                socket.set_recv_hoplimit_v6(true)?;
            }
        }
        socket.bind(&SocketAddr::new(family.any(), port).into())?;
        UdpSocket::from_std(socket.into()).map(Self)
    }

    /// Waits until something can be received.
    ///
    /// # Errors
    /// None that is known for a socket that is open.
    pub async fn readable(&self) -> io::Result<()> {
        self.0.readable().await
    }

    /// Receives what is there already; none if nothing is.
    ///
    /// # Errors
    /// None that is known for a socket that is open.
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
        match self.0.try_io(Interest::READABLE, || receive(&self.0, buffer)) {
            Ok(datagram) => Ok(Some(datagram)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Sends to one address, from one port, for life.
#[derive(Debug)]
pub struct Sender(Socket);

impl Sender {
    /// Sends to this address from a port within the range that RFC 5881 section 4 asks for. Without `source` the kernel
    /// chooses the address.
    ///
    /// # Errors
    /// There is no route, the source is no address of this host, or no port is free.
    pub fn connect(to: SocketAddr, source: Option<IpAddr>, device: Option<&str>) -> io::Result<Self> {
        let family = Family::of(to.ip());
        let socket = open(family, device)?;
        match family {
            Family::V4 => {
                socket.set_ttl_v4(MOST_HOPS)?;
                socket.set_tos_v4(NETWORK_CONTROL)?;
            }
            Family::V6 => {
                socket.set_unicast_hops_v6(MOST_HOPS)?;
                socket.set_tclass_v6(NETWORK_CONTROL)?;
            }
        }
        bind_high(&socket, source.unwrap_or_else(|| family.any()))?;
        socket.connect(&to.into())?;
        Ok(Self(socket))
    }

    /// Sends now or not at all.
    ///
    /// # Errors
    /// What the kernel says, also of the datagram before: that nothing listens there, for example.
    pub fn try_send(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.send(bytes).map(drop)
    }

    /// The address that datagrams come from.
    pub fn source(&self) -> Option<IpAddr> {
        let local = self.0.local_addr().ok()?;
        Some(local.as_socket()?.ip())
    }
}

fn open(family: Family, device: Option<&str>) -> io::Result<Socket> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if let Some(device) = device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    Ok(socket)
}

/// From a chosen place on, so that two processes do not try the same ports in the same order.
fn bind_high(socket: &Socket, address: IpAddr) -> io::Result<()> {
    const FIRST: u16 = 49152;
    const COUNT: u16 = u16::MAX - FIRST;
    let start = std::process::id() as u16 % COUNT;
    let mut last = io::Error::from(ErrorKind::AddrInUse);
    for at in 0..COUNT {
        let port = FIRST + (start + at) % COUNT;
        match socket.bind(&SocketAddr::new(address, port).into()) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => last = error,
            other => return other,
        }
    }
    Err(last)
}

/// Receives from a socket that was told to say the hop limit.
pub(crate) fn receive(socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<Datagram> {
    let mut control = cmsg_space!(libc::c_int);
    let mut slices = [IoSliceMut::new(buffer)];
    let received = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut slices,
        Some(&mut control),
        MsgFlags::empty(),
    )?;
    let hop_limit = received.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::Ipv4Ttl(hops) | ControlMessageOwned::Ipv6HopLimit(hops) => Some(hops),
        _ => None,
    });
    let hop_limit = hop_limit.and_then(|hops| u8::try_from(hops).ok());
    let from = received.address.as_ref().and_then(address);
    match from.zip(hop_limit) {
        Some((from, hop_limit)) => Ok(Datagram {
            length: received.bytes,
            from,
            hop_limit,
        }),
        // The kernel says both of every datagram of such a socket.
        None => Err(ErrorKind::InvalidData.into()),
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| SocketAddr::from(*address));
    v4.or_else(|| {
        storage
            .as_sockaddr_in6()
            .map(|address| SocketAddr::from(*address))
    })
}
