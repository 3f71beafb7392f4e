//! A port's part in the speakers' protocol: the loop that serves the interface.
//!
//! What waits on the socket is read before anything is judged. What was decided is said to the other speakers first: those
//! who come next in line wait only so long. Then it is answered for, and then everybody is told, some addresses at a time
//! with a look at the socket in between. Lines in the log and the series of addresses that were given up come last.

mod coming;
mod holders;
mod listen;
mod probing;
mod report;
mod speak;
mod storm;
mod survey;
mod turnover;
mod udp;
mod witness;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::ready;
use std::net::IpAddr;

use ferrolb_crds::domain::InterfaceName;
use ferrolb_rawlink::SocketError;
use ferrolb_runtime::idle::at;
use ferrolb_runtime::random;
use ferrolb_segment::gate::Gate;
use ferrolb_segment::message::{Boot, Instance};
use ferrolb_segment::replay::Limits;
use ferrolb_segment::seal::{ETHERTYPE, GROUP};
use ferrolb_segment::ways::Choice;
use ferrolb_segment::{Effect, Event, Moment, Segment};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};

use super::PortTask;
use crate::layer2::announce::protocol::{Departure, Protocol, Survey};
use crate::layer2::wire::multicast::{ALL_NODES, group_mac};
use coming::Coming;
use report::Reporter;
use storm::Storm;
use turnover::Turnover;
use udp::Udp;
use witness::Witness;

/// As long as any frame of the protocol.
const BUFFER: usize = 2048;

/// This port's part in the protocol.
struct Station {
    protocol: Protocol,
    interface: InterfaceName,
    core: Segment,
    origin: Instant,
    sequence: u64,
    gate: Gate,
    /// Since when an address is claimed and nobody was told.
    untold: BTreeMap<IpAddr, Instant>,
    coming: BTreeMap<IpAddr, Coming>,
    storm: Storm,
    udp: Udp,
    witness: Witness,
    times_asked: usize,
    /// When nothing waited on the socket the last time.
    emptied: Moment,
    /// What is still to be logged.
    events: VecDeque<Event>,
    reporter: Reporter,
    surveys: broadcast::Receiver<Survey>,
}

impl PortTask {
    /// Serves the interface until it fails; returns why.
    pub(in super::super) async fn serve(mut self) -> SocketError {
        let mut protocol = self.announcer.protocol.clone();
        if protocol.keys.wait_for(Option::is_some).await.is_err() {
            return std::future::pending().await;
        }
        // The answer to a probe over IPv6 goes to all nodes.
        for group in [GROUP, group_mac(ALL_NODES)] {
            if let Err(error) = self.socket.join(group.0) {
                return error;
            }
        }
        let mut station = Station::new(protocol, self.port.interface.clone());
        if station.udp.choice.is_raw() {
            self.ether_types = BTreeSet::from([ETHERTYPE]);
        }
        if let Err(error) = self.renew_filter() {
            return error;
        }
        station.show_transport();
        station.follow_link(&self);
        if let Err(error) = station.see(&mut self) {
            return error;
        }
        let mut buffer = [0; BUFFER];
        let alive = self
            .announcer
            .liveness
            .part(format!("port {}", self.port.interface));
        loop {
            alive.beat();
            if let Err(error) = self.turn(&mut station, &mut buffer).await {
                return error;
            }
        }
    }

    async fn turn(&mut self, station: &mut Station, buffer: &mut [u8]) -> Result<(), SocketError> {
        let next = station.instant(station.core.next(station.now()));
        let report = station.report_due();
        let rest = (station.has_lines() || !self.retired.is_empty()).then(Instant::now);
        let storm = station.storm.sit_out(Instant::now());
        let (call, look) = (station.udp.next(), station.witness.next());
        let (burst, mut judge) = (self.next_burst(), false);
        tokio::select! {
            biased;
            received = self.socket.recv(buffer), if !storm => match received {
                Ok(received) => judge = station.take(self, &buffer[..received.length], received.vlan),
                Err(error) if error.is_link_gone() => self.announce_all(),
                Err(error) => return Err(error),
            },
            () = sleep_until(next) => {
                station.protocol.metrics.lateness.observe(next.elapsed().as_secs_f64());
                judge = true;
            }
            Ok(()) = station.protocol.views.changed() => { station.see(self)?; judge = true; }
            Ok(()) = station.protocol.departure.changed() => { station.depart(); judge = true; }
            Ok(()) = self.announcer.links.changed() => {
                self.follow_link();
                station.follow_link(self);
                judge = true;
            }
            Ok(survey) = station.surveys.recv() => station.answer_survey(&survey),
            () = at(burst) => {}
            () = at(call) => {}
            () = sleep_until(look) => {}
            () = at(rest) => {}
            () = at(report) => {}
            () = ready(()), if storm => {}
        }
        judge |= station.drain(self, buffer)?;
        station.call(self);
        if judge || Instant::now() >= next {
            station.judge(self)?;
        }
        if self.is_burst_due() {
            station.burst(self);
        }
        if !self.is_burst_due() {
            station.tell_some(self);
            self.retired.drop_some();
            station.look(self)?;
        }
        station.report(self);
        self.losses.count_unread(&self.socket, Instant::now());
        Ok(())
    }
}

impl Station {
    fn new(protocol: Protocol, interface: InterfaceName) -> Self {
        let origin = Instant::now();
        let choice = Choice::new(protocol.transport, protocol.conduct.profile);
        let me = Instance {
            node: protocol.me,
            boot: Boot(random::bits().max(1)),
        };
        Self {
            core: Segment::new(me, protocol.conduct, random::bits(), Moment::ORIGIN),
            origin,
            sequence: 0,
            gate: Gate::new(Limits::default(), Moment::ORIGIN),
            untold: BTreeMap::new(),
            coming: BTreeMap::new(),
            storm: Storm::new(origin),
            udp: Udp::new(choice, protocol.conduct.profile, interface.as_str()),
            witness: Witness::new(protocol.me),
            times_asked: 0,
            emptied: Moment::ORIGIN,
            events: VecDeque::new(),
            reporter: Reporter::new(),
            surveys: protocol.surveys.subscribe(),
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
        let views = self.protocol.views.borrow_and_update().clone();
        let Some(view) = views.get(&self.interface) else {
            return Ok(());
        };
        self.reporter.news = true;
        self.reporter.holders.follow(view);
        self.core.see(view.clone());
        self.locate(port, view)
    }

    fn follow_link(&mut self, port: &PortTask) {
        self.core.carry(port.carrier);
        self.core.fit(port.mtu());
    }

    fn depart(&mut self) {
        let departure = *self.protocol.departure.borrow_and_update();
        match departure {
            Departure::None => {}
            Departure::Leaving => self.core.leave(),
            Departure::Gone => self.core.quit(self.now()),
        }
        self.reporter.news = true;
    }

    fn judge(&mut self, port: &mut PortTask) -> Result<(), SocketError> {
        let now = self.now();
        self.core.advance(now);
        let effects = self.core.effects();
        self.tell_decision(&effects);
        self.reporter.holders.did(&effects);
        let Turnover { gained, lost } = Turnover::of(&port.held, &effects);
        // Nobody is told that an address was given up which is still answered for.
        self.give_up(port, &lost)?;
        for effect in &effects {
            if let Effect::Send(body) = effect {
                self.send(port, body);
            }
        }
        // The rounds of what was held before; the bursts of what is new begin with it.
        let again = effects.iter().filter_map(|effect| match effect {
            Effect::Announce(address) if port.held.contains(address) => Some(*address),
            _ => None,
        });
        let again: Vec<IpAddr> = again.collect();
        self.hold(port, &gained)?;
        again
            .into_iter()
            .for_each(|address| port.bursts.start(address, Instant::now()));
        for effect in effects {
            match effect {
                Effect::AskNeighbours => self.ask(port),
                Effect::Probe(addresses) => self.probe(port, &addresses)?,
                Effect::Found(from, findings) => {
                    let (me, now) = (self.protocol.me, self.now());
                    self.witness.told(me, from, &findings, now);
                }
                Effect::Tell(event) => {
                    self.reporter.news = true;
                    self.expect(&event);
                    self.events.push_back(event);
                }
                Effect::Announce(_) | Effect::Send(_) | Effect::Hold(_) | Effect::Release(_) => {}
            }
        }
        self.follow_probes(port)
    }

    fn hold(&mut self, port: &mut PortTask, gained: &[IpAddr]) -> Result<(), SocketError> {
        if gained.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        self.reporter.held_changed();
        self.untold.extend(gained.iter().map(|address| (*address, now)));
        port.hold(gained)
    }

    fn give_up(&mut self, port: &mut PortTask, lost: &[IpAddr]) -> Result<(), SocketError> {
        if lost.is_empty() {
            return Ok(());
        }
        self.reporter.held_changed();
        port.give_up(lost)?;
        self.untold.retain(|address, _| port.held.contains(address));
        Ok(())
    }

    /// A first round that is not sent now because this node is cut off is not made up for: a node that is heard again bursts.
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
                self.arrived(address);
            }
        }
    }
}
