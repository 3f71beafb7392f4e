//! One interface: its socket, filter, groups and bursts, in one task.

mod losses;
mod neighbours;
mod retired;
mod station;
mod telling;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_rawlink::filter::{Interest, program};
use ferrolb_rawlink::links::Link;
use ferrolb_rawlink::{PacketSocket, SocketError};
use prometheus::IntCounter;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::groups::Groups;
use super::metrics::AddressCounters;
use super::{Announcer, News};
use crate::layer2::burst::Bursts;
use crate::layer2::respond::{Ignored, Port, Response, respond};
use crate::layer2::wire::{Mac, v4, v6};
use retired::Retired;
use telling::Sent;

pub(super) use losses::Losses;

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
    /// What is answered for: the addresses that the station of this port holds.
    held: HashSet<IpAddr>,
    /// The counters of addresses that are held, since something was counted: nothing waits for them to be looked up.
    counters: HashMap<IpAddr, Arc<AddressCounters>>,
    retired: Retired,
    losses: Losses,
    ignored: BTreeMap<Ignored, IntCounter>,
    carrier: bool,
    ipv6_off: bool,
    /// Frames that are no questions and are read too.
    ether_types: BTreeSet<u16>,
    /// Addresses of other nodes, whose answers are read too.
    watched: BTreeSet<IpAddr>,
    /// Neighbours that were asked whether they hear this node, and did not answer yet.
    asked: BTreeSet<IpAddr>,
    /// Addresses of other nodes that this one asks for, to see what is answered.
    probed: BTreeSet<IpAddr>,
    /// Addresses that nobody used yet, which this node asks for: another station may have them.
    sought: BTreeSet<IpAddr>,
    /// Datagrams to this port are read too.
    datagrams: Option<u16>,
}

impl PortTask {
    /// Opens the socket. Nothing is held until the station claims it: another node may hold by now what the port of this
    /// interface held before.
    pub(super) fn open(announcer: Announcer, port: Port, index: u32) -> Result<Self, SocketError> {
        let nothing = program(&Interest::default());
        let socket = PacketSocket::open(index, port.interface.as_str(), &nothing)?;
        let ignored = Ignored::ALL.map(|(why, label)| (why, announcer.metrics.ignored(label)));
        let mut task = Self {
            bursts: Bursts::new(announcer.pace),
            half_told: VecDeque::new(),
            groups: Groups::new(index),
            held: HashSet::new(),
            counters: HashMap::new(),
            retired: Retired::default(),
            losses: announcer.metrics.losses(port.interface.as_str()),
            ignored: ignored.into(),
            carrier: false,
            ipv6_off: false,
            ether_types: BTreeSet::new(),
            watched: BTreeSet::new(),
            asked: BTreeSet::new(),
            probed: BTreeSet::new(),
            sought: BTreeSet::new(),
            datagrams: None,
            announcer,
            port,
            index,
            socket,
        };
        task.follow_link();
        Ok(task)
    }

    /// Answers for these from now on. The bursts that begin are due at once.
    fn hold(&mut self, addresses: &[IpAddr]) -> Result<(), SocketError> {
        let now = Instant::now();
        self.held.extend(addresses);
        addresses
            .iter()
            .for_each(|address| self.bursts.start(*address, now));
        self.follow_held(addresses)
    }

    /// Does not answer for these any more.
    fn give_up(&mut self, addresses: &[IpAddr]) -> Result<(), SocketError> {
        for address in addresses {
            self.held.remove(address);
            self.bursts.stop(*address);
            self.retired.add(self.counters.remove(address));
        }
        self.follow_held(addresses)
    }

    /// No frame is read between the table and the filter: one for a new address that passes the filter meets the new
    /// table, and one for an address that was given up meets a table without it.
    fn follow_held(&mut self, changed: &[IpAddr]) -> Result<(), SocketError> {
        self.renew_filter()?;
        if changed.iter().any(IpAddr::is_ipv6) {
            for message in self.groups.follow(&self.held, &self.socket) {
                self.announcer.tell_trouble(&self.port.interface, message);
            }
            self.watch_ipv6();
        }
        Ok(())
    }

    /// Programs everything about these anew and tells everybody where they are, although nothing changed: their witness
    /// finds them answered wrongly (W6).
    fn program_anew(&mut self, addresses: &[IpAddr]) -> Result<(), SocketError> {
        let now = Instant::now();
        self.announcer.metrics.nudged(addresses.len());
        self.groups.leave_all(addresses, &self.socket);
        addresses
            .iter()
            .for_each(|address| self.bursts.start(*address, now));
        self.follow_held(addresses)
    }

    /// The addresses of the interface itself.
    fn own_addresses(&self) -> Vec<IpAddr> {
        let links = self.announcer.links.borrow();
        let link = links.get(&self.index).into_iter();
        let addresses = link.flat_map(|link| &link.addresses);
        addresses.map(|(address, _)| *address).collect()
    }

    fn counters(&mut self, address: IpAddr) -> Option<&AddressCounters> {
        let metrics = &self.announcer.metrics;
        self.held.contains(&address).then(|| {
            &**self
                .counters
                .entry(address)
                .or_insert_with(|| metrics.of(address))
        })
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

    /// The longest packet that the interface carries.
    fn mtu(&self) -> u32 {
        let links = self.announcer.links.borrow();
        links.get(&self.index).map_or(0, |link| link.mtu)
    }

    /// Sends a frame now or not at all, and counts it if not.
    fn send(&self, frame: &[u8]) -> Result<(), SocketError> {
        let sent = self.socket.try_send(frame);
        sent.inspect_err(|error| self.losses.unsent(error))
    }

    fn announce_all(&mut self) {
        let now = Instant::now();
        self.held
            .iter()
            .for_each(|address| self.bursts.start(*address, now));
    }

    /// Says so once if IPv6 addresses are held where IPv6 is off: an interface that has it has a link-local address.
    fn watch_ipv6(&mut self) {
        let off = |link: &Link| link.carrier && !link.addresses.iter().any(|(address, _)| address.is_ipv6());
        let off = self.announcer.links.borrow().get(&self.index).is_some_and(off)
            && self.held.iter().any(IpAddr::is_ipv6);
        if off && !self.ipv6_off {
            let message = "no IPv6 address on the interface, so IPv6 seems to be off: held IPv6 addresses are \
                           answered for, but the kernel drops the packets that follow";
            self.announcer
                .tell_trouble(&self.port.interface, message.to_owned());
        }
        self.ipv6_off = off;
    }

    fn answer(&mut self, frame: &[u8], vlan: Option<u16>) {
        match respond(frame, vlan, &self.port, &self.held) {
            Response::Ignored(why) => {
                self.ignored.get(&why).inspect(|counter| counter.inc());
            }
            Response::Reply { address, frame } => {
                // A station that got no answer asks again.
                let sent = self.send(frame.bytes()).is_ok();
                if let Some(counters) = self.counters(address) {
                    counters.requests.inc();
                    counters.responses.inc_by(sent.into());
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

    /// Frames about what is held and what is waited for pass the filter from now on.
    fn renew_filter(&self) -> Result<(), SocketError> {
        let asked = || self.asked.iter().chain(&self.probed).chain(&self.sought);
        let named = || self.held.iter().chain(&self.watched).chain(asked());
        let interest = Interest {
            ipv4: named().filter_map(v4).collect(),
            ipv6: named().filter_map(v6).collect(),
            ether_types: self.ether_types.clone(),
            datagrams: self.datagrams,
        };
        self.socket.replace_filter(&program(&interest))
    }
}

/// The thread serves other ports too, which do not wait for the series of this one to go.
impl Drop for PortTask {
    fn drop(&mut self) {
        let mut retired = std::mem::take(&mut self.retired);
        retired.add(self.counters.drain().map(|(_, counters)| counters));
        // Where no runtime is left, nobody waits.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(retired.drop_all());
        }
    }
}
