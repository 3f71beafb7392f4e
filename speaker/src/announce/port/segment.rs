//! A port whose addresses come from the claims on its segment.
//!
//! What waits on the socket is read before anything is judged. What was decided is said to the other speakers first: those
//! who come next in line wait only so long. Then it is answered for, and then everybody is told, some addresses at a time
//! with a look at the socket in between. Lines in the log come last.

mod listen;
mod report;
mod speak;
mod storm;
mod udp;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::ready;
use std::net::IpAddr;

use ferrolb_crds::domain::InterfaceName;
use ferrolb_rawlink::SocketError;
use ferrolb_runtime::idle::at;
use storm::Storm;
use tokio::time::{Instant, sleep_until};
use udp::Udp;

use super::{PortTask, random};
use crate::announce::protocol::{Departure, Protocol};
use crate::held::HeldTable;
use ferrolb_segment::gate::Gate;
use ferrolb_segment::message::{Boot, Instance};
use ferrolb_segment::replay::Limits;
use ferrolb_segment::seal::{ETHERTYPE, GROUP};
use ferrolb_segment::ways::Choice;
use ferrolb_segment::{Effect, Event, Moment, Segment};

/// As long as any frame of the protocol.
const BUFFER: usize = 2048;

/// This port's part in the protocol.
struct Membership {
    protocol: Protocol,
    interface: InterfaceName,
    core: Segment,
    origin: Instant,
    sequence: u64,
    gate: Gate,
    held: BTreeSet<IpAddr>,
    /// Since when an address is claimed and nobody was told.
    untold: BTreeMap<IpAddr, Instant>,
    storm: Storm,
    udp: Udp,
    /// Stations that were asked whether they hear us.
    asked: BTreeSet<IpAddr>,
    times_asked: usize,
    /// When nothing waited on the socket the last time.
    emptied: Moment,
    /// What is still to be logged.
    events: VecDeque<Event>,
    /// Something changed that the report shows.
    news: bool,
    reported: Option<Instant>,
}

impl PortTask {
    /// Serves the interface until it fails; returns why.
    pub(in crate::announce) async fn serve(mut self, mut protocol: Protocol) -> SocketError {
        if protocol.keys.wait_for(Option::is_some).await.is_err() {
            return std::future::pending().await;
        }
        if let Err(error) = self.socket.join(GROUP.0) {
            return error;
        }
        let mut membership = Membership::new(protocol, self.port.interface.clone());
        if membership.udp.choice.is_raw() {
            self.ether_types = BTreeSet::from([ETHERTYPE]);
        }
        if let Err(error) = self.socket.replace_filter(&self.filter(&BTreeSet::new())) {
            return error;
        }
        membership.show_transport();
        membership.core.carry(self.carrier);
        if let Err(error) = membership.see(&mut self) {
            return error;
        }
        let mut buffer = [0; BUFFER];
        loop {
            if let Err(error) = self.turn(&mut membership, &mut buffer).await {
                return error;
            }
        }
    }

    async fn turn(&mut self, membership: &mut Membership, buffer: &mut [u8]) -> Result<(), SocketError> {
        let next = membership.instant(membership.core.next(membership.now()));
        let (report, lines) = (membership.report_due(), membership.lines_due());
        let storm = membership.storm.sit_out(Instant::now());
        let call = membership.udp.next();
        let (burst, mut judge) = (self.next_burst(), false);
        tokio::select! {
            biased;
            received = self.socket.recv(buffer), if !storm => match received {
                Ok(received) => judge = membership.take(self, &buffer[..received.length], received.vlan),
                Err(error) if error.is_link_gone() => self.announce_all(),
                Err(error) => return Err(error),
            },
            () = sleep_until(next) => {
                membership.protocol.metrics.lateness.observe(next.elapsed().as_secs_f64());
                judge = true;
            }
            Ok(()) = membership.protocol.views.changed() => { membership.see(self)?; judge = true; }
            Ok(()) = membership.protocol.departure.changed() => { membership.depart(); judge = true; }
            Ok(()) = self.announcer.links.changed() => {
                self.follow_link();
                membership.core.carry(self.carrier);
                judge = true;
            }
            () = at(burst) => {}
            () = at(call) => {}
            () = at(lines) => {}
            () = at(report) => {}
            () = ready(()), if storm => {}
        }
        judge |= membership.drain(self, buffer)?;
        membership.call(self);
        if judge || Instant::now() >= next {
            membership.judge(self)?;
        }
        if self.is_burst_due() {
            membership.burst(self);
        }
        if !self.is_burst_due() {
            membership.tell_some(self);
        }
        membership.report(self);
        Ok(())
    }
}

impl Membership {
    fn new(protocol: Protocol, interface: InterfaceName) -> Self {
        let origin = Instant::now();
        let choice = Choice::new(protocol.transport, protocol.conduct.profile);
        let me = Instance {
            node: protocol.me,
            boot: Boot(random().max(1)),
        };
        Self {
            core: Segment::new(me, protocol.conduct, random(), Moment::ORIGIN),
            origin,
            sequence: 0,
            gate: Gate::new(Limits::default(), Moment::ORIGIN),
            held: BTreeSet::new(),
            untold: BTreeMap::new(),
            storm: Storm::new(origin),
            udp: Udp::new(choice, protocol.conduct.profile, interface.as_str()),
            asked: BTreeSet::new(),
            times_asked: 0,
            emptied: Moment::ORIGIN,
            events: VecDeque::new(),
            news: true,
            reported: None,
            interface,
            protocol,
        }
    }

    fn now(&self) -> Moment {
        Moment::after_origin(self.origin.elapsed())
    }

    fn instant(&self, moment: Moment) -> Instant {
        self.origin + moment.since_origin()
    }

    fn see(&mut self, port: &mut PortTask) -> Result<(), SocketError> {
        let view = self
            .protocol
            .views
            .borrow_and_update()
            .get(&port.port.interface)
            .cloned();
        if let Some(view) = view {
            self.core.see((*view).clone());
        }
        self.locate(port)
    }

    fn depart(&mut self) {
        let departure = *self.protocol.departure.borrow_and_update();
        match departure {
            Departure::None => {}
            Departure::Leaving => self.core.leave(),
            Departure::Gone => self.core.quit(self.now()),
        }
        self.news = true;
    }

    fn judge(&mut self, port: &mut PortTask) -> Result<(), SocketError> {
        let now = self.now();
        self.core.advance(now);
        let effects = self.core.effects();
        self.tell_decision(&effects);
        let (before, after) = (self.held.clone(), held_after(&self.held, &effects));
        // Nobody is told that an address was given up which is still answered for.
        self.hold(port, before.intersection(&after).copied().collect())?;
        for effect in &effects {
            if let Effect::Send(body) = effect {
                self.send(port, body);
            }
        }
        self.hold(port, after)?;
        for effect in effects {
            match effect {
                // Of what is new the burst has begun.
                Effect::Announce(address) if before.contains(&address) => {
                    port.bursts.start(address, Instant::now());
                }
                Effect::AskNeighbours => self.ask(port),
                Effect::Tell(event) => self.events.push_back(event),
                Effect::Announce(_) | Effect::Send(_) | Effect::Hold(_) | Effect::Release(_) => {}
            }
        }
        Ok(())
    }

    fn hold(&mut self, port: &mut PortTask, addresses: BTreeSet<IpAddr>) -> Result<(), SocketError> {
        if self.held == addresses {
            return Ok(());
        }
        let now = Instant::now();
        self.news = true;
        self.untold.retain(|address, _| addresses.contains(address));
        let new = addresses.difference(&self.held);
        self.untold.extend(new.map(|address| (*address, now)));
        self.held = addresses;
        let here = BTreeSet::from([port.port.interface.clone()]);
        let table: BTreeMap<_, _> = self.held.iter().map(|address| (*address, here.clone())).collect();
        port.hold(HeldTable::from(table), self.held.clone())
    }

    /// A first round that is not sent now because this node is cut off is not made up for: who is heard again bursts.
    fn burst(&mut self, port: &mut PortTask) {
        if !self.core.may_tell(self.now()) {
            let later = Instant::now() + self.protocol.conduct.profile.interval;
            port.bursts.put_off(later);
            port.half_told.clear();
            return;
        }
        for address in port.burst() {
            if let Some(since) = self.untold.remove(&address) {
                let took = since.elapsed().as_secs_f64();
                self.protocol.metrics.announce.observe(took);
            }
        }
    }
}

/// What is held once all of this was done.
fn held_after(before: &BTreeSet<IpAddr>, effects: &[Effect]) -> BTreeSet<IpAddr> {
    let mut held = before.clone();
    for effect in effects {
        match effect {
            Effect::Hold(address) => held.insert(*address),
            Effect::Release(address) => held.remove(address),
            _ => false,
        };
    }
    held
}
