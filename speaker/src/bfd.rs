//! BFD sessions with routers: whether each is there, known within tenths of a second, whatever BGP is at.
//!
//! ```text
//! Orders ──▶ loop ──┬──▶ session with 192.0.2.1 of `ferrolb_peering`, UDP ─▶ router
//! (newest           └──▶ …
//!  wins)   Reports ◀── whether each is up ──▶ sessions of BGP, and the rest of the speaker
//! ```
//! All run on a thread of their own, with the highest priority that it is given: a packet that is late looks like a node
//! that is gone. Two peers at one address share a session.

mod metrics;
mod ports;
mod text;
mod watched;
mod watches;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use ferrolb_crds::domain::{BfdProfile, PeerName};
use ferrolb_peering::Liveness;
use ferrolb_peering::bgp::Endpoint;
use ferrolb_rawlink::links::LinkTable;
use ferrolb_rawlink::priority;
use ferrolb_runtime::idle::at;
use ferrolb_runtime::newest::send_if_other;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::peers::News;
use crate::thread::on_own_thread;
pub use metrics::BfdMetrics;
use watches::Watches;

/// What is not as it should be is looked at again this often.
const AGAIN: Duration = Duration::from_secs(1);

/// Whom a session watches, and how it is reached.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Line {
    /// The router's address.
    pub peer: IpAddr,
    /// The interface that it is behind, if the address is link-local.
    pub interface: Option<Interface>,
    /// Our address; none leaves it to the kernel.
    pub source: Option<IpAddr>,
    /// The VRF device.
    pub vrf: Option<String>,
}

/// An interface of this node.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Interface {
    /// Its number in the kernel.
    pub index: u32,
    /// Its name.
    pub name: String,
}

impl Line {
    /// That of a peer of BGP; none as long as its router was not `found`, if it is named by an interface.
    pub fn of(endpoint: &Endpoint, found: Option<SocketAddrV6>) -> Option<Self> {
        let (peer, interface) = match (endpoint.address, &endpoint.interface) {
            (Some(address), _) => (address, None),
            (None, Some(name)) => {
                let router = found?;
                let interface = Interface {
                    index: router.scope_id(),
                    name: name.clone(),
                };
                ((*router.ip()).into(), Some(interface))
            }
            (None, None) => return None,
        };
        Some(Self {
            peer,
            interface,
            source: endpoint.source,
            vrf: endpoint.vrf.clone(),
        })
    }

    /// Where packets go, and come from but for the port.
    fn to(&self, port: u16) -> SocketAddr {
        match (self.peer, &self.interface) {
            (IpAddr::V6(address), Some(interface)) => {
                SocketAddrV6::new(address, port, 0, interface.index).into()
            }
            (address, _) => SocketAddr::new(address, port),
        }
    }

    fn is_from(&self, source: &SocketAddr) -> bool {
        let mut source = *source;
        source.set_port(0);
        source == self.to(0)
    }
}

/// How far away the peer may be, which says to which port packets go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// On the own segment: port 3784 (RFC 5881).
    Segment,
    /// Anywhere: port 4784 (RFC 5883).
    Anywhere,
    /// An internal peer. On the own segment FRR uses port 3784, and BIRD 4784: whichever the peer does.
    Either,
}

/// A session that is to be held.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The peer that is told of.
    pub name: PeerName,
    /// The times.
    pub profile: BfdProfile,
    /// How far away the peer may be.
    pub reach: Reach,
}

/// The sessions that are to be held.
pub type Orders = BTreeMap<Line, Wanted>;

/// What all sessions are at.
pub type Reports = BTreeMap<Line, Report>;

/// What a session is at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// What it says of the peer.
    pub liveness: Liveness,
    /// The peer of BGP by whose name it is told of.
    pub name: PeerName,
    /// What is wrong, in words, once it lasts.
    pub doubt: Option<String>,
    /// The times that both ends agreed on, while the session is up.
    pub agreed: Option<Times>,
}

/// The times of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Times {
    /// Between our packets, before jitter.
    pub transmit: Duration,
    /// After so long without a packet the peer counts as gone.
    pub detection: Duration,
}

/// What the thread needs.
pub struct Bfd {
    /// What is to be done.
    pub orders: watch::Receiver<Orders>,
    /// The interfaces of this node: which peers are on its segments.
    pub links: watch::Receiver<LinkTable>,
    /// What the sessions are at.
    pub reports: watch::Sender<Reports>,
    /// What happened to them; dropped while nobody listens fast enough.
    pub news: mpsc::Sender<News>,
    /// What is counted.
    pub metrics: BfdMetrics,
}

impl Bfd {
    /// Runs on a thread of its own until the sender of the orders is dropped. What is returned closes when the thread ends,
    /// however it does.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(self) -> std::io::Result<oneshot::Receiver<()>> {
        on_own_thread("bfd", move || self.run())
    }

    /// As [`Self::start`], on this thread.
    pub async fn run(mut self) {
        let first = priority::raise().is_ok();
        let mut watches = Watches::new(self.metrics.clone(), self.news.clone(), first);
        watches.follow(&self.orders.borrow_and_update(), &self.links.borrow_and_update());
        loop {
            let next = watches.next();
            let again = watches.any_doubt().then(|| Instant::now() + AGAIN);
            tokio::select! {
                changed = self.orders.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    watches.follow(&self.orders.borrow_and_update(), &self.links.borrow());
                }
                Ok(()) = self.links.changed() => {
                    watches.follow(&self.orders.borrow(), &self.links.borrow_and_update());
                }
                () = watches.readable() => {}
                () = at(next) => watches.woke(next),
                () = at(again) => watches.follow(&self.orders.borrow(), &self.links.borrow()),
            }
            // What waits in a socket may be what a timer waits for.
            watches.read();
            watches.tick();
            send_if_other(&self.reports, watches.reports());
        }
    }
}
