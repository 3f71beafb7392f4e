//! One interface: its socket, filter, groups and bursts, in one task.

mod neighbours;
mod segment;
mod telling;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::pending;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ferrolb_rawlink::filter::{Interest, Program, program_with_datagrams};
use ferrolb_rawlink::links::Link;
use ferrolb_rawlink::{PacketSocket, SocketError};
use ferrolb_runtime::idle::at;
use prometheus::IntCounter;
use tokio::time::Instant;

use super::groups::Groups;
use super::metrics::AddressCounters;
use super::{Announcer, News};
use crate::burst::Bursts;
use crate::held::HeldTable;
use crate::respond::{Ignored, Port, Response, respond};
use crate::wire::Mac;
use telling::Sent;

/// Larger than any frame that concerns us; the rest of a longer one does not matter.
const BUFFER: usize = 512;

/// Everything that one interface needs.
pub(super) struct PortTask {
    announcer: Announcer,
    port: Port,
    index: u32,
    socket: PacketSocket,
    groups: Groups,
    bursts: Bursts,
    /// Addresses of which it is the turn of the second frame of a round, and what became of the first.
    half_told: VecDeque<(IpAddr, Sent)>,
    held: HeldTable,
    /// Of each address that is held. Made when something is first counted: nobody waits for that to be told.
    counters: BTreeMap<IpAddr, OnceCell<AddressCounters>>,
    ignored: BTreeMap<Ignored, IntCounter>,
    /// The series of addresses that were given up, when `counters` was filled.
    forgotten: u64,
    carrier: bool,
    ipv6_off: bool,
    /// Frames that are no questions and are read too.
    ether_types: BTreeSet<u16>,
    /// Addresses of others whose answers are read too.
    watched: BTreeSet<IpAddr>,
    /// Datagrams to this port are read too.
    datagrams: Option<u16>,
}

impl PortTask {
    /// Opens the socket with the filter for what is held now, joins the groups and begins the bursts.
    pub(super) fn open(mut announcer: Announcer, port: Port, index: u32) -> Result<Self, SocketError> {
        let held = announcer.held.borrow_and_update().clone();
        let addresses = held.addresses_on(&port.interface);
        let socket = PacketSocket::open(
            index,
            port.interface.as_str(),
            &filter(&addresses, BTreeSet::new(), None),
        )?;
        let ignored = Ignored::ALL.map(|why| (why, announcer.metrics.ignored(why)));
        let mut task = Self {
            bursts: Bursts::new(announcer.pace),
            half_told: VecDeque::new(),
            groups: Groups::new(index),
            held: HeldTable::default(),
            counters: BTreeMap::new(),
            ignored: ignored.into(),
            forgotten: 0,
            carrier: false,
            ipv6_off: false,
            ether_types: BTreeSet::new(),
            watched: BTreeSet::new(),
            datagrams: None,
            announcer,
            port,
            index,
            socket,
        };
        task.carrier = task.has_carrier();
        task.hold(held, addresses)?;
        task.follow_link();
        Ok(task)
    }

    /// Serves the interface until it fails; returns why.
    pub(super) async fn run(mut self) -> SocketError {
        let mut buffer = [0; BUFFER];
        loop {
            if let Err(error) = self.step(&mut buffer).await {
                return error;
            }
        }
    }

    /// In no order of preference: neither a flood of questions nor a burst for many addresses shuts out the rest.
    async fn step(&mut self, buffer: &mut [u8]) -> Result<(), SocketError> {
        let burst = self.next_burst();
        tokio::select! {
            changed = self.announcer.held.changed() => match changed {
                Ok(()) => self.follow_held(),
                Err(_) => pending().await,
            },
            changed = self.announcer.links.changed() => match changed {
                Ok(()) => { self.follow_link(); Ok(()) }
                Err(_) => pending().await,
            },
            () = at(burst) => { let _told = self.burst(); Ok(()) }
            received = self.socket.recv(buffer) => match received {
                Ok(received) => { self.answer(&buffer[..received.length], received.vlan); Ok(()) }
                // The socket works again once the interface is up, which may be before anybody sees that it was down.
                Err(error) if error.is_link_gone() => { self.announce_all(); Ok(()) }
                Err(error) => Err(error),
            }
        }
    }

    fn follow_held(&mut self) -> Result<(), SocketError> {
        let held = self.announcer.held.borrow_and_update().clone();
        let addresses = held.addresses_on(&self.port.interface);
        self.hold(held, addresses)
    }

    /// Filter first, then the table, with no frame read in between: a question for a new address that
    /// passes the filter is read with the new table, and one for an address that was given up meets a
    /// table without it. The bursts that begin are due at once.
    fn hold(&mut self, held: HeldTable, addresses: BTreeSet<IpAddr>) -> Result<(), SocketError> {
        self.socket.replace_filter(&self.filter(&addresses))?;
        self.held = held;
        let now = Instant::now();
        let before: BTreeSet<IpAddr> = self.counters.keys().copied().collect();
        for address in before.difference(&addresses) {
            self.bursts.stop(*address);
            self.counters.remove(address);
        }
        self.renew_forgotten();
        for address in addresses.difference(&before) {
            self.counters.insert(*address, OnceCell::new());
            self.bursts.start(*address, now);
        }
        for message in self.groups.follow(&addresses, &self.socket) {
            self.announcer.tell_trouble(&self.port.interface, message);
        }
        self.watch_ipv6();
        Ok(())
    }

    /// An address that was given up and taken back before this port saw either has lost its series.
    fn renew_forgotten(&mut self) {
        let forgotten = self.announcer.metrics.forgotten();
        if forgotten != self.forgotten {
            self.counters
                .values_mut()
                .for_each(|counters| drop(counters.take()));
        }
        self.forgotten = forgotten;
    }

    fn counters(&self, address: IpAddr) -> Option<&AddressCounters> {
        let counters = self.counters.get(&address)?;
        Some(counters.get_or_init(|| self.announcer.metrics.of(address)))
    }

    fn follow_link(&mut self) {
        let links = self.announcer.links.borrow_and_update().clone();
        self.port.siblings = links.values().filter_map(|link| link.mac.map(Mac)).collect();
        let carrier = self.has_carrier();
        // A cable that was pulled and put back may lead to another switch.
        if carrier && !self.carrier {
            self.announce_all();
        }
        self.carrier = carrier;
        self.watch_ipv6();
    }

    fn has_carrier(&self) -> bool {
        let links = self.announcer.links.borrow();
        links.get(&self.index).is_some_and(|link| link.carrier)
    }

    fn announce_all(&mut self) {
        let now = Instant::now();
        self.counters
            .keys()
            .for_each(|address| self.bursts.start(*address, now));
    }

    /// Says so once if IPv6 addresses are held where IPv6 is off: an interface that has it has a link-local address.
    fn watch_ipv6(&mut self) {
        let off = |link: &Link| link.carrier && !link.addresses.iter().any(|(address, _)| address.is_ipv6());
        let off = self.announcer.links.borrow().get(&self.index).is_some_and(off)
            && self.counters.keys().any(IpAddr::is_ipv6);
        if off && !self.ipv6_off {
            let message = "no IPv6 address on the interface, so IPv6 seems to be off: held IPv6 addresses are \
                           answered for, but the kernel drops the packets that follow";
            self.announcer
                .tell_trouble(&self.port.interface, message.to_owned());
        }
        self.ipv6_off = off;
    }

    fn answer(&self, frame: &[u8], vlan: Option<u16>) {
        match respond(frame, vlan, &self.port, &self.held) {
            Response::Ignored(why) => {
                self.ignored.get(&why).inspect(|counter| counter.inc());
            }
            Response::Reply { address, frame } => {
                let counters = self.counters(address);
                counters.inspect(|counters| counters.requests.inc());
                // Who got no answer asks again.
                if self.socket.try_send(frame.bytes()).is_ok() {
                    counters.inspect(|counters| counters.responses.inc());
                }
            }
            Response::ForeignClaim { address, mac } => {
                self.counters(address).inspect(|counters| counters.foreign.inc());
                self.announcer.tell(News::ForeignClaim {
                    address,
                    mac,
                    interface: self.port.interface.clone(),
                });
            }
        }
    }
}

impl PortTask {
    fn filter(&self, addresses: &BTreeSet<IpAddr>) -> Program {
        let named = addresses.union(&self.watched).copied().collect();
        filter(&named, self.ether_types.clone(), self.datagrams)
    }
}

fn filter(addresses: &BTreeSet<IpAddr>, ether_types: BTreeSet<u16>, datagrams: Option<u16>) -> Program {
    let v4 = |address: &IpAddr| match address {
        IpAddr::V4(v4) => Some(*v4),
        IpAddr::V6(_) => None,
    };
    let v6 = |address: &IpAddr| match address {
        IpAddr::V6(v6) => Some(*v6),
        IpAddr::V4(_) => None,
    };
    let ipv4: BTreeSet<Ipv4Addr> = addresses.iter().filter_map(v4).collect();
    let ipv6: BTreeSet<Ipv6Addr> = addresses.iter().filter_map(v6).collect();
    let interest = Interest {
        ipv4,
        ipv6,
        ether_types,
    };
    program_with_datagrams(&interest, datagrams)
}

/// 64 bits of chance.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
