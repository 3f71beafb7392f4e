//! A port whose addresses come from the claims on its segment.
//!
//! What waits on the socket is read before anything is judged; what is held is answered for before anybody is told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ferrolb_rawlink::SocketError;
use ferrolb_runtime::idle::at;
use futures::FutureExt;
use tokio::time::{Instant, sleep_until};

use super::{PortTask, neighbours, random};
use crate::announce::protocol::{Departure, Protocol, SegmentReport};
use crate::held::HeldTable;
use crate::segment::message::{Body, Boot, Instance, Message, State};
use crate::segment::replay::{Limits, RateLimit, Sequences};
use crate::segment::seal::{self, ETHERTYPE, GROUP};
use crate::segment::{Effect, Event, Moment, Segment};
use crate::wire::Mac;
use crate::wire::arp::Arp;

/// Frames that are read before anything is judged.
const AT_ONCE: usize = 512;
/// What others are to know of this port is told at most so often.
const BETWEEN_REPORTS: Duration = Duration::from_millis(50);
/// As long as any frame of the protocol.
const BUFFER: usize = 2048;

/// This port's part in the protocol.
struct Membership {
    protocol: Protocol,
    core: Segment,
    origin: Instant,
    sequence: u64,
    sequences: Sequences,
    rate: RateLimit,
    held: BTreeSet<IpAddr>,
    /// Since when an address is claimed and nobody was told.
    untold: BTreeMap<IpAddr, Instant>,
    /// Stations that were asked whether they hear us.
    asked: BTreeSet<Ipv4Addr>,
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
        self.ether_types = BTreeSet::from([ETHERTYPE]);
        let mut membership = Membership::new(protocol);
        membership.core.carry(self.carrier);
        membership.see(&self);
        let mut buffer = [0; BUFFER];
        let failure = loop {
            if let Err(error) = self.turn(&mut membership, &mut buffer).await {
                break error;
            }
        };
        membership.end(&self);
        failure
    }

    async fn turn(&mut self, membership: &mut Membership, buffer: &mut [u8]) -> Result<(), SocketError> {
        let next = membership.instant(membership.core.next(membership.now()));
        let report = membership.report_due();
        let mut judge = false;
        tokio::select! {
            biased;
            received = self.socket.recv(buffer) => match received {
                Ok(received) => judge = membership.take(self, &buffer[..received.length], received.vlan),
                Err(error) if error.is_link_gone() => self.announce_all(),
                Err(error) => return Err(error),
            },
            () = sleep_until(next) => {
                membership.protocol.metrics.lateness.observe(next.elapsed().as_secs_f64());
                judge = true;
            }
            Ok(()) = membership.protocol.views.changed() => { membership.see(self); judge = true; }
            Ok(()) = membership.protocol.departure.changed() => { membership.depart(); judge = true; }
            Ok(()) = self.announcer.links.changed() => {
                self.follow_link();
                membership.core.carry(self.carrier);
                judge = true;
            }
            () = at(self.bursts.next()) => membership.burst(self),
            () = at(report) => {}
        }
        judge |= membership.drain(self, buffer)?;
        if judge || Instant::now() >= next {
            membership.judge(self)?;
        }
        membership.report(self);
        Ok(())
    }
}

impl Membership {
    fn new(protocol: Protocol) -> Self {
        let origin = Instant::now();
        let me = Instance {
            node: protocol.me,
            boot: Boot(random().max(1)),
        };
        Self {
            core: Segment::new(me, protocol.conduct, random(), Moment::ORIGIN),
            origin,
            sequence: 0,
            sequences: Sequences::default(),
            rate: RateLimit::new(Limits::default(), Moment::ORIGIN),
            held: BTreeSet::new(),
            untold: BTreeMap::new(),
            asked: BTreeSet::new(),
            news: true,
            reported: None,
            protocol,
        }
    }

    fn now(&self) -> Moment {
        Moment::after_origin(self.origin.elapsed())
    }

    fn instant(&self, moment: Moment) -> Instant {
        self.origin + moment.since_origin()
    }

    fn see(&mut self, port: &PortTask) {
        let view = self
            .protocol
            .views
            .borrow_and_update()
            .get(&port.port.interface)
            .cloned();
        if let Some(view) = view {
            self.core.see((*view).clone());
        }
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

    /// Reads what waits on the socket. Whether there is something to judge.
    fn drain(&mut self, port: &mut PortTask, buffer: &mut [u8]) -> Result<bool, SocketError> {
        let mut judge = false;
        for _ in 0..AT_ONCE {
            match port.socket.recv(buffer).now_or_never() {
                Some(Ok(received)) => judge |= self.take(port, &buffer[..received.length], received.vlan),
                Some(Err(error)) if error.is_link_gone() => port.announce_all(),
                Some(Err(error)) => return Err(error),
                None => break,
            }
        }
        Ok(judge)
    }

    /// Takes a frame in or answers it. Whether there is something to judge.
    fn take(&mut self, port: &PortTask, frame: &[u8], vlan: Option<u16>) -> bool {
        let now = self.now();
        if frame.get(12..14) == Some(&ETHERTYPE.to_be_bytes()) {
            return vlan.is_none() && self.hear(port, frame, now);
        }
        if let Some(arp) =
            Arp::parse(frame).filter(|arp| self.asked.contains(&arp.sender) && arp.source != port.port.mac)
        {
            self.core.witnessed(now);
            return self.asked.remove(&arp.sender);
        }
        if self.core.may_answer(now) {
            port.answer(frame, vlan);
        }
        false
    }

    fn hear(&mut self, port: &PortTask, frame: &[u8], now: Moment) -> bool {
        let (Some(destination), Some(source)) = (Mac::read(frame), frame.get(6..).and_then(Mac::read)) else {
            return false;
        };
        if destination != GROUP && destination != port.port.mac {
            return false;
        }
        match self.open(frame, source, now) {
            Ok(message) => {
                self.news |= !matches!(message.body, Body::Beacon(_));
                self.core.receive(&message, now, now);
                true
            }
            Err(reason) => {
                self.protocol.metrics.refused.with_label_values(&[reason]).inc();
                false
            }
        }
    }

    fn open(&mut self, frame: &[u8], source: Mac, now: Moment) -> Result<Message, &'static str> {
        if !self.rate.allows(source, now) {
            return Err("too_many");
        }
        let opened = {
            let keys = self.protocol.keys.borrow();
            let keys = keys.as_ref().ok_or("no_key")?;
            seal::open(keys, frame).map_err(seal::Refused::label)?
        };
        self.rate.prove(source);
        let message = opened.message;
        let accepted = self.sequences.accept(message.from, source, message.sequence);
        accepted.map_err(crate::segment::replay::Stale::label)?;
        Ok(message)
    }

    fn judge(&mut self, port: &mut PortTask) -> Result<(), SocketError> {
        let now = self.now();
        self.core.advance(now);
        let effects = self.core.effects();
        let held = self.held.clone();
        for effect in &effects {
            match effect {
                Effect::Hold(address) => {
                    self.held.insert(*address);
                    self.untold.insert(*address, Instant::now());
                }
                Effect::Release(address) => {
                    self.held.remove(address);
                    self.untold.remove(address);
                }
                _ => {}
            }
        }
        if self.held != held {
            self.news = true;
            self.hold(port)?;
        }
        for effect in effects {
            self.follow(port, effect);
        }
        Ok(())
    }

    fn hold(&self, port: &mut PortTask) -> Result<(), SocketError> {
        let here = BTreeSet::from([port.port.interface.clone()]);
        let table: BTreeMap<_, _> = self.held.iter().map(|address| (*address, here.clone())).collect();
        port.hold(HeldTable::from(table), self.held.clone())
    }

    fn follow(&mut self, port: &mut PortTask, effect: Effect) {
        match effect {
            Effect::Announce(address) => {
                port.bursts.start(address, Instant::now());
                self.burst(port);
            }
            Effect::Send(body) => self.send(port, body),
            Effect::AskNeighbours => self.ask(port),
            Effect::Tell(event) => self.tell(port, event),
            Effect::Hold(_) | Effect::Release(_) => {}
        }
    }

    /// A first round that is not sent now because this node is cut off is not made up for: who is heard again bursts.
    fn burst(&mut self, port: &mut PortTask) {
        if !self.core.may_tell(self.now()) {
            let later = Instant::now() + self.protocol.conduct.profile.interval;
            port.bursts.put_off(later);
            return;
        }
        port.burst();
        let told = self
            .untold
            .extract_if(.., |address, _| !port.bursts.is_first(*address));
        for (_, since) in told {
            self.protocol
                .metrics
                .announce
                .observe(since.elapsed().as_secs_f64());
        }
    }

    fn send(&mut self, port: &PortTask, body: Body) {
        self.sequence += 1;
        let message = Message {
            from: self.core.instance(),
            sequence: self.sequence,
            body,
        };
        let keys = self.protocol.keys.borrow();
        let Some(keys) = keys.as_ref() else { return };
        // What others would refuse is not sent; what finds no room is as good as lost on the wire.
        if let Ok(frame) = seal::seal(keys, port.port.mac, GROUP, &message) {
            let _lost = port.socket.try_send(&frame);
        }
    }

    fn ask(&mut self, port: &PortTask) {
        let links = port.announcer.links.borrow();
        let own = links
            .get(&port.index)
            .into_iter()
            .flat_map(|link| &link.addresses);
        let own = own.filter_map(|(address, _)| match address {
            IpAddr::V4(v4) => Some(*v4),
            IpAddr::V6(_) => None,
        });
        let sender = own.clone().next();
        self.asked = neighbours::known(&port.port.interface);
        self.asked
            .retain(|address| !self.held.contains(&IpAddr::V4(*address)));
        // Answers pass the filter only for addresses that it names.
        let named = self
            .held
            .iter()
            .copied()
            .chain(self.asked.iter().copied().map(IpAddr::V4))
            .collect();
        if port.socket.replace_filter(&port.filter(&named)).is_ok() {
            for target in &self.asked {
                let question = neighbours::question(port.port.mac, sender, *target);
                let _lost = port.socket.try_send(&question.emit());
            }
        }
    }

    fn tell(&mut self, port: &PortTask, event: Event) {
        self.news = true;
        let interface = &port.port.interface;
        let names = self.protocol.views.borrow();
        let nodes = names
            .get(interface)
            .map(|view| view.nodes.clone())
            .unwrap_or_default();
        let name = |node| {
            nodes
                .get(&node)
                .map_or_else(|| format!("{node:?}"), ToString::to_string)
        };
        match event {
            Event::Joined => tracing::info!(%interface, event = "segment", step = "join", "takes part"),
            Event::Up(peer) => {
                tracing::info!(%interface, event = "segment", step = "up", node = name(peer.node), "a speaker is up");
            }
            Event::Suspected(peer, silence) => {
                let (node, silence_ms) = (name(peer.node), silence.as_millis());
                tracing::debug!(%interface, event = "segment", step = "suspect", node, silence_ms, "a speaker is silent");
            }
            Event::Down(peer, silence) => {
                self.protocol.metrics.detect.observe(silence.as_secs_f64());
                let (node, silence_ms) = (name(peer.node), silence.as_millis());
                tracing::info!(%interface, event = "segment", step = "detect", node, silence_ms, "a speaker is down");
            }
            Event::Claimed(address, waited) => {
                self.protocol.metrics.claim.observe(waited.as_secs_f64());
                let waited_ms = waited.as_millis();
                tracing::info!(%interface, event = "segment", step = "claim", %address, waited_ms, "claimed an address that nobody held");
            }
            Event::TookOver(address) => {
                tracing::info!(%interface, event = "segment", step = "take", %address, "took over an address");
            }
            Event::GaveUp(address, heir) => {
                let heir = heir.map(name);
                tracing::info!(%interface, event = "segment", step = "yield", %address, heir, "gave up an address");
            }
            Event::Lost(address, winner) => {
                let node = name(winner);
                tracing::warn!(%interface, event = "segment", step = "lose", %address, node, "another has a stronger claim");
            }
            Event::Stunned(late) => {
                let late_ms = late.as_millis();
                tracing::warn!(%interface, event = "segment", step = "stun", late_ms, "was held up for so long that others may have taken over");
            }
        }
    }

    fn report_due(&self) -> Option<Instant> {
        let reported = self.reported?;
        self.news.then_some(reported + BETWEEN_REPORTS)
    }

    fn report(&mut self, port: &PortTask) {
        let now = Instant::now();
        let leaving = self.core.state() == State::Leaving && self.core.has_left(self.now());
        if !(self.news || leaving) || self.reported.is_some_and(|last| now < last + BETWEEN_REPORTS) {
            return;
        }
        self.news = false;
        self.reported = Some(now);
        let view = self.protocol.views.borrow().get(&port.port.interface).cloned();
        let places = view.iter().flat_map(|view| view.places.keys());
        let report = SegmentReport {
            joined: self.core.state() != State::Joining,
            up: self.core.up(),
            held: self.held.clone(),
            holders: places
                .filter_map(|address| Some((*address, self.core.holder(*address)?)))
                .collect(),
            left: leaving,
        };
        self.protocol.metrics.up.set(report.up.len() as i64);
        self.protocol.reports.send_if_modified(|reports| {
            let differs = reports.get(&port.port.interface) != Some(&report);
            reports.insert(port.port.interface.clone(), report);
            differs
        });
    }

    fn end(&self, port: &PortTask) {
        self.protocol
            .reports
            .send_modify(|reports| drop(reports.remove(&port.port.interface)));
    }
}
