//! One interface: its socket, filter, groups and bursts, in one task.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ferrolb_rawlink::filter::{Interest, Program, program};
use ferrolb_rawlink::{PacketSocket, SocketError};
use prometheus::IntCounter;
use tokio::time::{Instant, sleep_until};

use super::groups::Groups;
use super::metrics::AddressCounters;
use super::{Announcer, News};
use crate::burst::Bursts;
use crate::held::HeldTable;
use crate::respond::{Ignored, Port, Response, gratuitous, respond};

/// Larger than any frame that concerns us; the rest of a longer one does not matter.
const BUFFER: usize = 512;

/// A port that works, and what of it does not.
pub(super) struct Opened {
    pub(super) task: PortTask,
    pub(super) trouble: Vec<String>,
}

/// Everything that one interface needs.
pub(super) struct PortTask {
    announcer: Announcer,
    port: Port,
    index: u32,
    socket: PacketSocket,
    groups: Groups,
    bursts: Bursts,
    held: HeldTable,
    counters: BTreeMap<IpAddr, AddressCounters>,
    ignored: BTreeMap<Ignored, IntCounter>,
    carrier: bool,
}

impl PortTask {
    /// Opens the socket with the filter for what is held now, joins the groups and begins the bursts.
    pub(super) fn open(mut announcer: Announcer, port: Port, index: u32) -> Result<Opened, SocketError> {
        let held = announcer.held.borrow_and_update().clone();
        let addresses = held.addresses_on(&port.interface);
        let socket = PacketSocket::open(index, port.interface.as_str(), &filter(&addresses))?;
        let ignored = Ignored::ALL.map(|why| (why, announcer.metrics.ignored(why)));
        let mut task = Self {
            bursts: Bursts::new(announcer.pace),
            groups: Groups::new(index),
            held: HeldTable::default(),
            counters: BTreeMap::new(),
            ignored: ignored.into(),
            carrier: false,
            announcer,
            port,
            index,
            socket,
        };
        task.carrier = task.has_carrier();
        let trouble = task.hold(held, addresses)?;
        Ok(Opened { task, trouble })
    }

    /// Serves the interface until it fails; returns why.
    pub(super) async fn run(mut self) -> String {
        let mut buffer = [0; BUFFER];
        loop {
            match self.step(&mut buffer).await {
                Ok(()) => {}
                Err(error) => return error.to_string(),
            }
        }
    }

    /// What is held comes first, then what is due, then who asks: a flood of questions delays neither.
    async fn step(&mut self, buffer: &mut [u8]) -> Result<(), SocketError> {
        tokio::select! {
            biased;
            changed = self.announcer.held.changed() => match changed {
                Ok(()) => self.follow_held(),
                Err(_) => pending().await,
            },
            changed = self.announcer.links.changed() => match changed {
                Ok(()) => { self.follow_link(); Ok(()) }
                Err(_) => pending().await,
            },
            () = at(self.bursts.next()) => { self.burst(); Ok(()) }
            received = self.socket.recv(buffer) => {
                let received = received?;
                let length = received.length.min(buffer.len());
                self.answer(&buffer[..length], received.vlan);
                Ok(())
            }
        }
    }

    fn follow_held(&mut self) -> Result<(), SocketError> {
        let held = self.announcer.held.borrow_and_update().clone();
        let addresses = held.addresses_on(&self.port.interface);
        for message in self.hold(held, addresses)? {
            self.announcer.tell_trouble(&self.port.interface, message);
        }
        Ok(())
    }

    /// Filter first, then the table, with no frame read in between: a question for a new address that
    /// passes the filter is read with the new table, and one for an address that was given up meets a
    /// table without it.
    fn hold(&mut self, held: HeldTable, addresses: BTreeSet<IpAddr>) -> Result<Vec<String>, SocketError> {
        self.socket.replace_filter(&filter(&addresses))?;
        self.held = held;
        let now = Instant::now();
        let before: BTreeSet<IpAddr> = self.counters.keys().copied().collect();
        for address in before.difference(&addresses) {
            self.bursts.stop(*address);
            self.counters.remove(address);
        }
        for address in addresses.difference(&before) {
            self.counters.insert(*address, self.announcer.metrics.of(*address));
            self.bursts.start(*address, now);
        }
        self.burst();
        Ok(self.groups.follow(&addresses, &self.socket))
    }

    /// A cable that was pulled and put back may lead to another switch: tell everybody again.
    fn follow_link(&mut self) {
        let carrier = self.has_carrier();
        if carrier && !self.carrier {
            let now = Instant::now();
            self.counters.keys().for_each(|address| self.bursts.start(*address, now));
        }
        self.carrier = carrier;
    }

    fn has_carrier(&self) -> bool {
        self.announcer.links.borrow().get(&self.index).is_some_and(|link| link.carrier)
    }

    fn burst(&mut self) {
        for address in self.bursts.due(Instant::now(), chance()) {
            let counters = self.counters.get(&address);
            for frame in gratuitous(address, &self.port) {
                // A frame that finds no room is lost like one on the wire; more rounds follow.
                if self.socket.try_send(frame.bytes()).is_ok() {
                    counters.inspect(|counters| counters.gratuitous.inc());
                }
            }
        }
    }

    fn answer(&self, frame: &[u8], vlan: Option<u16>) {
        match respond(frame, vlan, &self.port, &self.held) {
            Response::Ignored(why) => {
                self.ignored.get(&why).inspect(|counter| counter.inc());
            }
            Response::Reply { address, frame } => {
                let counters = self.counters.get(&address);
                counters.inspect(|counters| counters.requests.inc());
                // Who got no answer asks again.
                if self.socket.try_send(frame.bytes()).is_ok() {
                    counters.inspect(|counters| counters.responses.inc());
                }
            }
            Response::ForeignClaim { address, mac } => {
                self.counters.get(&address).inspect(|counters| counters.foreign.inc());
                self.announcer.tell(News::ForeignClaim { address, mac, interface: self.port.interface.clone() });
            }
        }
    }
}

fn filter(addresses: &BTreeSet<IpAddr>) -> Program {
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
    program(&Interest { ipv4, ipv6, ether_types: BTreeSet::new() })
}

/// Chance from 0 to 1: each `RandomState` has other keys.
fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1u64 << 53) as f64
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
