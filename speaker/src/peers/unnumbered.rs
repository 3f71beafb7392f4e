//! A peer that is named by the interface that it is behind: it is found by the advertisements that routers send (RFC 4861), and
//! routers find this node by its own.

mod heard;

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use ferrolb_peering::Moment;
use ferrolb_peering::bgp::Endpoint;
use ferrolb_rawlink::datagrams::Datagram;
use ferrolb_rawlink::discovery::{ALL_ROUTERS, RouterDiscovery};
use ferrolb_rawlink::links::LinkTable;
use itertools::Itertools;
use tokio::time::{Instant, sleep_until};

use crate::layer2::wire::Mac;
use crate::layer2::wire::multicast::ALL_NODES;
use crate::layer2::wire::router::RouterMessage;
use heard::{Found, Heard};

/// Between two advertisements while there is no session: FRR takes no connection of a neighbour that it has not heard.
const OFTEN: Duration = Duration::from_secs(1);
/// The same while there is one: FRR's own pace.
const SELDOM: Duration = Duration::from_secs(10);
/// Longer than what routers say.
const BUFFER: usize = 2048;

/// The search for the router behind an interface.
pub(super) struct Unnumbered {
    interface: String,
    port: u16,
    link: Option<Behind>,
    socket: Option<RouterDiscovery>,
    /// Why nothing can be heard or said.
    trouble: Option<String>,
    heard: Heard,
    /// The session is up.
    is_up: bool,
    origin: Instant,
    /// When the last advertisement was sent, and when the next one is due.
    sent: Option<Instant>,
    due: Instant,
}

/// What matters of the interface.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Behind {
    index: u32,
    own: Option<Mac>,
    carrier: bool,
}

impl Unnumbered {
    /// The search for this peer; none if its address is known.
    pub(super) fn of(endpoint: &Endpoint, links: &LinkTable) -> Option<Self> {
        let interface = endpoint
            .interface
            .clone()
            .filter(|_| endpoint.address.is_none())?;
        let now = Instant::now();
        let mut search = Self {
            interface,
            port: endpoint.port,
            link: None,
            socket: None,
            trouble: None,
            heard: Heard::default(),
            is_up: false,
            origin: now,
            sent: None,
            due: now,
        };
        search.follow(links);
        Some(search)
    }

    /// The interfaces have changed.
    pub(super) fn follow(&mut self, links: &LinkTable) {
        let link = links.values().find(|link| link.name == self.interface);
        let link = link.map(|link| Behind {
            index: link.index,
            own: link.mac.map(Mac),
            carrier: link.carrier,
        });
        if link == self.link {
            return;
        }
        if link.map(|link| link.index) != self.link.map(|link| link.index) {
            self.socket = None;
            self.heard = Heard::default();
            if !self.is_up {
                self.heard.ask(self.now());
            }
        }
        self.link = link;
        self.due = Instant::now();
    }

    /// Whether the session is up: then there is nothing to look for.
    pub(super) fn know(&mut self, is_up: bool) {
        match (self.is_up, is_up) {
            (true, false) => {
                self.heard.ask(self.now());
                self.due = Instant::now();
            }
            (false, true) => self.heard.rest(),
            _ => {}
        }
        self.is_up = is_up;
    }

    /// Where the router listens.
    ///
    /// # Errors
    /// In words, why that is not known.
    pub(super) fn router(&self) -> Result<SocketAddr, String> {
        let unknown = || {
            self.problem()
                .or_else(|| self.trouble.clone())
                .unwrap_or_else(|| format!("no router advertisement has come on {}", self.interface))
        };
        self.found().map(SocketAddr::from).ok_or_else(unknown)
    }

    /// The same, if it is known.
    pub(super) fn found(&self) -> Option<SocketAddrV6> {
        match (self.heard.found(), self.link) {
            (Found::Router(router), Some(link)) => Some(SocketAddrV6::new(router, self.port, 0, link.index)),
            _ => None,
        }
    }

    /// What somebody has to change, in words.
    pub(super) fn problem(&self) -> Option<String> {
        let interface = &self.interface;
        match (self.link, self.heard.found()) {
            (None, _) => Some(format!("the node has no interface {interface}")),
            (Some(_), Found::Several(routers)) => Some(format!(
                "several routers advertise themselves on {interface}, and any may be the peer: {}",
                routers.iter().join(", ")
            )),
            _ => None,
        }
    }

    /// Searches, and returns when something else is found than before. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        let before = self.heard.found();
        let mut buffer = [0; BUFFER];
        while self.heard.found() == before {
            tokio::select! {
                received = receive(self.socket.as_ref(), &mut buffer) => match received {
                    Ok(datagram) => self.take_in(&buffer[..datagram.length], &datagram),
                    Err(error) => {
                        self.socket = None;
                        self.trouble = Some(format!("cannot listen on {}: {error}", self.interface));
                    }
                },
                () = sleep_until(self.due), if self.link.is_some() => self.speak(),
            }
        }
    }

    fn take_in(&mut self, message: &[u8], datagram: &Datagram) {
        let IpAddr::V6(source) = datagram.from.ip() else {
            return;
        };
        match RouterMessage::parse(message, source, datagram.hop_limit) {
            Some(RouterMessage::Advertisement(router)) => self.heard.hear(router, self.now()),
            Some(RouterMessage::Solicitation) => {
                let soonest = self.sent.map_or_else(Instant::now, |sent| sent + OFTEN);
                self.due = self.due.min(soonest);
            }
            None => {}
        }
    }

    /// Says that this node is there, and asks who else is.
    fn speak(&mut self) {
        let now = Instant::now();
        self.sent = Some(now);
        self.due = now + if self.is_up { SELDOM } else { OFTEN };
        let said = self.try_speak();
        self.trouble = said
            .err()
            .map(|error| format!("cannot look for a router on {}: {error}", self.interface));
        self.heard.forget(self.now());
    }

    fn try_speak(&mut self) -> std::io::Result<()> {
        let Some(link) = self.link else {
            return Ok(());
        };
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => RouterDiscovery::open(link.index, &self.interface)?,
        };
        let socket = self.socket.insert(socket);
        socket.try_send(&RouterMessage::advertisement(link.own), ALL_NODES)?;
        match self.is_up {
            true => Ok(()),
            false => socket.try_send(&RouterMessage::solicitation(link.own), ALL_ROUTERS),
        }
    }

    fn now(&self) -> Moment {
        Moment::after_origin(self.origin.elapsed())
    }
}

/// Waits for ever without a socket.
async fn receive(socket: Option<&RouterDiscovery>, buffer: &mut [u8]) -> std::io::Result<Datagram> {
    match socket {
        Some(socket) => socket.recv(buffer).await,
        None => std::future::pending().await,
    }
}
