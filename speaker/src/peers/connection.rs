//! The connection of one session.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use ferrolb_peering::bgp::{Endpoint, NextHops, V6NextHop};
use ferrolb_rawlink::links::{Link, LinkTable};
use ferrolb_rawlink::stream::{Dial, Reach};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Long enough for a few retransmissions, and no longer than most hold times.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How long a peer may take to close its side.
const LINGER: Duration = Duration::from_secs(1);

/// Where the connection is.
#[derive(Default)]
pub(super) enum Connection {
    /// There is none.
    #[default]
    None,
    /// It is being made.
    Dialling(Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>),
    /// It is there.
    Up(TcpStream),
    /// Nothing is written any more; the peer is left to read what was.
    Closing(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// What happened to it.
pub(super) enum Happened {
    /// The attempt is over.
    Dialled(io::Result<TcpStream>),
    /// Something can be read or written.
    Ready,
    /// It is gone.
    Closed,
}

/// What reading came to.
pub(super) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing is there.
    Nothing,
    /// The peer closed it, or it broke.
    Broken(String),
}

impl Connection {
    /// Begins to dial.
    pub(super) fn dial(to: SocketAddr, endpoint: &Endpoint, internal: bool) -> Self {
        let dial = Dial {
            to,
            source: endpoint.source,
            device: endpoint.vrf.clone(),
            reach: match (endpoint.ttl_security, internal || endpoint.multihop) {
                (true, _) => Reach::ProvenSegment,
                (false, true) => Reach::Anywhere,
                (false, false) => Reach::Segment,
            },
            password: endpoint
                .password
                .as_ref()
                .map(|password| password.0.clone().into_bytes()),
            user_timeout: UNACKNOWLEDGED,
        };
        Self::Dialling(Box::pin(async move { dial.connect().await }))
    }

    /// Waits until something happens; for ever while there is no connection.
    pub(super) async fn next(&mut self, writes: bool) -> Happened {
        match self {
            Self::None => std::future::pending().await,
            Self::Dialling(dial) => Happened::Dialled(dial.await),
            Self::Up(stream) => {
                let interest = match writes {
                    true => Interest::READABLE | Interest::WRITABLE,
                    false => Interest::READABLE,
                };
                // What is wrong is found by reading.
                let _ready = stream.ready(interest).await;
                Happened::Ready
            }
            Self::Closing(closing) => {
                closing.await;
                Happened::Closed
            }
        }
    }

    /// Writes these last bytes, as far as the socket takes them, and closes. A socket that is closed while something waits to be
    /// read would send RST, and what was written last would be lost.
    pub(super) fn close(&mut self, last: &[u8]) {
        self.write(last);
        *self = match std::mem::take(self) {
            Self::Up(stream) => Self::Closing(Box::pin(async move {
                let _late = timeout(LINGER, drain(stream)).await;
            })),
            _ => Self::None,
        };
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> Read {
        let Self::Up(stream) = self else {
            return Read::Nothing;
        };
        match stream.try_read(buffer) {
            Ok(0) => Read::Broken("the peer closed the connection".to_owned()),
            Ok(count) => Read::Bytes(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Read::Nothing,
            Err(error) => Read::Broken(error.to_string()),
        }
    }

    /// How many bytes the socket took; what is wrong with it is found by reading.
    pub(super) fn write(&self, bytes: &[u8]) -> usize {
        match self {
            Self::Up(stream) => stream.try_write(bytes).unwrap_or(0),
            _ => 0,
        }
    }
}

/// Reads and drops until the peer has closed.
async fn drain(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    let _broken = stream.shutdown().await;
    while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

/// The addresses that the peer can forward to: ours on the connection, and of the other family those of its interface. Over a
/// link-local address it is alone, for both families: the router need not be on any of our subnets.
pub(super) fn next_hops(stream: &TcpStream, links: &LinkTable) -> NextHops {
    let Ok(own) = stream.local_addr().map(|address| address.ip().to_canonical()) else {
        return NextHops::default();
    };
    if let IpAddr::V6(address) = own
        && address.is_unicast_link_local()
    {
        return NextHops {
            v4: None,
            v6: Some(V6NextHop {
                address,
                link_local: None,
            }),
        };
    }
    let interface = links
        .values()
        .find(|link| link.addresses.iter().any(|(one, _)| *one == own));
    let others = |link: &Link| link.addresses.iter().map(|(one, _)| *one).collect::<Vec<_>>();
    let others = interface.map(others).unwrap_or_default();
    let v4 = others.iter().find_map(|one| match one {
        IpAddr::V4(address) if !address.is_link_local() => Some(*address),
        _ => None,
    });
    let v6 = |wanted: fn(&Ipv6Addr) -> bool| {
        others.iter().find_map(|one| match one {
            IpAddr::V6(address) if wanted(address) => Some(*address),
            _ => None,
        })
    };
    let link_local = v6(Ipv6Addr::is_unicast_link_local);
    let global = v6(|address| !address.is_unicast_link_local());
    match own {
        IpAddr::V4(own) => NextHops {
            v4: Some(own),
            v6: global
                .or(link_local)
                .map(|address| V6NextHop { address, link_local }),
        },
        IpAddr::V6(own) => NextHops {
            v4,
            v6: Some(V6NextHop {
                address: own,
                link_local,
            }),
        },
    }
}
