//! TCP connections to routers: dialled with what `socket2` and tokio do not offer, or not together.

mod distance;
mod signature;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

/// The class that routers give to routing protocols (CS6, RFC 4594 section 3.1), as the byte of the header.
pub(crate) const NETWORK_CONTROL: u32 = 0xc0;

/// Hops that a packet may go when it is sent: what arrives with as many was not forwarded.
pub(crate) const MOST_HOPS: u32 = 255;

/// Where a connection leads and how it is made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dial {
    /// The other end; the scope of a link-local address included.
    pub to: SocketAddr,
    /// Our address; none leaves it to the kernel.
    pub source: Option<IpAddr>,
    /// The device that packets must leave by, or the VRF.
    pub device: Option<String>,
    /// How many routers may lie between both ends.
    pub reach: Reach,
    /// With what each segment is signed (RFC 2385): 80 bytes at most.
    pub password: Option<Vec<u8>>,
    /// The connection breaks when what was sent is not acknowledged for so long (RFC 5482).
    pub user_timeout: Duration,
}

/// How far packets go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// To stations on the own segment only: TTL 1, as routers do for external peers.
    Segment,
    /// To and from stations on the own segment only: TTL 255 both ways, which no router leaves as it is (RFC 5082).
    ProvenSegment,
    /// Anywhere: TTL 255.
    Anywhere,
}

impl Dial {
    /// Connects without blocking the thread; gives up only when the kernel does, or when the future is dropped.
    ///
    /// # Errors
    /// What the kernel said: an option it does not know, no route, refused, no answer.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::from_std_stream(self.socket()?.into());
        let stream = socket.connect(self.to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The socket with all its options: the signature has to be there before the first segment.
    fn socket(&self) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(self.to), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if let Some(device) = &self.device {
            socket.bind_device(Some(device.as_bytes()))?;
        }
        let hops = match self.reach {
            Reach::Segment => 1,
            Reach::ProvenSegment | Reach::Anywhere => MOST_HOPS,
        };
        match self.to {
            SocketAddr::V4(_) => {
                socket.set_ttl_v4(hops)?;
                socket.set_tos_v4(NETWORK_CONTROL)?;
            }
            SocketAddr::V6(_) => {
                socket.set_unicast_hops_v6(hops)?;
                socket.set_tclass_v6(NETWORK_CONTROL)?;
            }
        }
        if self.reach == Reach::ProvenSegment {
            // Before the first segment: routers that know it answer from their listening sockets with as many hops.
            distance::ask_for(&socket, self.to, MOST_HOPS)?;
        }
        socket.set_tcp_user_timeout(Some(self.user_timeout))?;
        if let Some(password) = &self.password {
            signature::sign(&socket, self.to, password)?;
        }
        if let Some(source) = self.source {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        Ok(socket)
    }
}
