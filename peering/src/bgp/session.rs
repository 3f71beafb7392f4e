//! The session with one peer: the state machine of RFC 4271 section 8, which dials and does not listen.

mod connection;
mod ending;
mod negotiate;
mod report;
mod reset;
mod retry;
mod routing;
mod spec;
mod state;
mod timers;

use std::time::Duration;

use super::routes::Routes;
use super::wire::{self, Kind, Notification, cease, fsm};
use crate::Moment;
use crate::chance::Chance;
use crate::liveness::{Judgement, Liveness};
use connection::Connection;
use ending::Why;
pub use report::{Close, Counters, Down, Ending, Input, Negotiated, Output, Report, Status, Stop};
pub use reset::{ResetCause, reset_causes, waits_for_reset};
use retry::Retry;
pub use spec::{Endpoint, Hold, NextHops, Password, PeerAsn, PeerSpec, V6NextHop};
pub use state::State;
use state::{Act, Event, step};
use timers::Timers;

/// How this process came to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Start {
    /// The node did not announce before, or has booted since: nothing was forwarded meanwhile.
    Cold,
    /// The process before it announced, on the same boot of the node: what routers still send here is forwarded. The first
    /// OPEN says so (R and F bit of RFC 4724).
    Restarted,
}

/// In OpenSent the peer has so long to answer (RFC 4271 section 8.2.2: "a large value"; it suggests four minutes).
const OPEN_HOLD: Duration = Duration::from_secs(240);
/// Changes of routes are collected for so long.
const COLLECT: Duration = Duration::from_millis(5);

/// One peer.
#[derive(Debug)]
pub struct Session {
    spec: PeerSpec,
    /// The peer is wanted.
    runs: bool,
    /// A final stop is under way, with this to say at its end.
    leaving: Option<Notification>,
    /// Until the peer has all routes for the first time.
    start: Option<Start>,
    status: Status,
    timers: Timers,
    retry: Retry,
    chance: Chance,
    connection: Connection,
    routes: Routes,
    outputs: Vec<Output>,
}

impl Session {
    /// A session that begins in Idle and does nothing before [`Start`](Input::Start). The seed spreads its timers.
    pub fn new(spec: PeerSpec, start: Start, seed: u64, now: Moment) -> Self {
        Self {
            spec,
            runs: false,
            leaving: None,
            start: Some(start),
            status: Status::new(now),
            timers: Timers::default(),
            retry: Retry::default(),
            chance: Chance::new(seed),
            connection: Connection::default(),
            routes: Routes::default(),
            outputs: Vec::new(),
        }
    }

    /// Takes in what happened, and says what to do, in this order.
    pub fn handle(&mut self, input: Input<'_>, now: Moment) -> Vec<Output> {
        let before = self.connection.said();
        match input {
            Input::Start => {
                self.runs = true;
                self.leaving = None;
                self.fire(Event::Start, Why::Nothing, now);
            }
            Input::TcpUp(next_hops) => {
                if self.status.state == State::Connect {
                    self.connection.open(next_hops);
                }
                self.fire(Event::TcpUp, Why::Nothing, now);
            }
            Input::TcpFailed(words) => {
                self.fire(Event::TcpFails, Why::Down(Down::Tcp(words.to_owned())), now);
            }
            Input::Bytes(bytes) => self.read(bytes, now),
            Input::Sent(count) => self.sent(count, now),
            Input::Tick => self.tick(now),
            Input::Wanted(table) => {
                if self.leaving.is_none() && self.routes.want(table) {
                    self.timers.collect(now + COLLECT);
                }
            }
            Input::Bfd(liveness) => self.judge(liveness, now),
            Input::Again => self.again(now),
            Input::Spec(spec) => self.change(*spec, now),
            Input::Stop(stop) => self.stop(stop, now),
        }
        self.write(now);
        if self.connection.said() > before {
            self.outputs.push(Output::Send);
        }
        self.status.sent = self.routes.known();
        std::mem::take(&mut self.outputs)
    }

    /// What waits to be written, from its first byte on. At most [`OUTGOING_MAX`](super::OUTGOING_MAX) and a few small
    /// messages.
    pub fn outgoing(&self) -> &[u8] {
        self.connection.outgoing()
    }

    /// When to [`Tick`](Input::Tick) next, if nothing happens before; none if nothing will.
    pub fn next(&self, now: Moment) -> Option<Moment> {
        let has_room = self.connection.has_room();
        self.timers.next(has_room).map(|at| at.max(now))
    }

    /// Whether the peer has been told everything that is wanted, as far as the socket took it.
    pub fn has_told_all(&self) -> bool {
        self.status.state == State::Established && self.routes.is_told() && self.outgoing().is_empty()
    }

    /// What the session is at.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// What the peer is to be.
    pub fn spec(&self) -> &PeerSpec {
        &self.spec
    }

    /// Where and how to dial.
    pub fn endpoint(&self) -> &Endpoint {
        &self.spec.endpoint
    }

    /// Whether the session was stopped and has nothing left to do.
    pub fn is_over(&self) -> bool {
        !self.runs && self.status.state == State::Idle
    }

    /// Lets an event change the state, and does what belongs to it.
    fn fire(&mut self, event: Event, why: Why, now: Moment) {
        let Some((to, acts)) = step(self.status.state, event) else {
            return;
        };
        let from = self.status.state;
        if matches!(to, State::Idle | State::Active) && from != to {
            self.end(from, acts, why, now);
        } else {
            acts.iter().for_each(|act| self.act(*act, now));
        }
        self.go(to, now);
        if (from, to) == (State::OpenConfirm, State::Established) {
            self.established(now);
        }
    }

    fn go(&mut self, to: State, now: Moment) {
        let from = std::mem::replace(&mut self.status.state, to);
        if from != to {
            self.status.since = now;
            self.outputs.push(Output::Report(Report::State { from, to }));
        }
    }

    fn act(&mut self, act: Act, now: Moment) {
        match act {
            Act::Dial => {
                self.timers = Timers::default();
                self.timers.attempt = Some(now + retry::attempt(&self.spec));
                self.outputs.push(Output::Dial);
            }
            Act::SendOpen => {
                let open = negotiate::open(&self.spec, self.start, self.connection.next_hops());
                self.connection
                    .say(Kind::Open, &mut self.status.counters, |out| open.emit(out));
            }
            Act::SendKeepalive => self.keep_alive(now),
            Act::Hold => self.hold(now),
            Act::Announce => self.announce(now),
            Act::Repeat => self.timers.collect(now),
            // They end a session or an attempt.
            Act::Drop | Act::Notify | Act::Wait => {}
        }
    }

    /// The hold timer begins anew: with the agreed time once there is one.
    fn hold(&mut self, now: Moment) {
        let agreed = self.status.negotiated.as_ref().map(|agreed| agreed.hold.time());
        self.timers.attempt = None;
        self.timers.hold = agreed.unwrap_or(Some(OPEN_HOLD)).map(|time| now + time);
    }

    /// Sends a KEEPALIVE, unless something waits that says as much.
    fn keep_alive(&mut self, now: Moment) {
        if self.connection.outgoing().is_empty() || self.status.state == State::OpenSent {
            let counters = &mut self.status.counters;
            self.connection.say(Kind::Keepalive, counters, wire::keepalive);
        }
        let interval = self
            .status
            .negotiated
            .as_ref()
            .and_then(|agreed| agreed.keepalive);
        // RFC 4271 section 10.
        self.timers.keepalive = interval.map(|interval| now + self.chance.share(interval, 75, 100));
    }

    fn established(&mut self, now: Moment) {
        self.status.counters.established += 1;
        self.timers.stable = Some(now + retry::STABLE);
        if let Some(agreed) = &self.status.negotiated {
            let report = Report::Established(agreed.clone());
            self.outputs.push(Output::Report(report));
        }
    }

    fn tick(&mut self, now: Moment) {
        for event in self.timers.expired(now) {
            match event {
                timers::Expired::Retry => self.fire(Event::Retry, Why::Nothing, now),
                timers::Expired::Attempt => {
                    let down = retry::silence(&self.spec);
                    self.fire(Event::TcpFails, Why::Down(down), now);
                }
                timers::Expired::Hold => self.fire(Event::HoldExpires, Why::tell(fsm::HOLD_EXPIRED), now),
                timers::Expired::Keepalive => self.fire(Event::KeepaliveExpires, Why::Nothing, now),
                timers::Expired::SendHold => {
                    let down = Down::SendHold(timers::send_hold(self.status.negotiated.as_deref()));
                    let told = Notification::new(fsm::SEND_HOLD_EXPIRED);
                    self.fire(Event::SendHoldExpires, Why::Tell(told, Some(down)), now);
                }
                timers::Expired::Bfd => self.bfd_down(now),
                timers::Expired::Stable => self.retry.forget(),
                timers::Expired::Drain => self.finish(now),
            }
        }
    }

    fn judge(&mut self, liveness: Liveness, now: Moment) {
        self.timers.bfd = None;
        if liveness == Liveness::Up {
            self.again(now);
        }
        if self.status.state < State::OpenSent {
            return;
        }
        match liveness.judge(self.status.since, now) {
            Judgement::GoOn => {}
            Judgement::End => self.bfd_down(now),
            Judgement::EndAt(at) => self.timers.bfd = Some(at),
        }
    }

    fn bfd_down(&mut self, now: Moment) {
        // A peer that comes back is worth an attempt at once.
        self.retry.forget();
        self.fire(Event::BfdDown, Why::tell(cease::BFD_DOWN), now);
    }

    /// There is reason to believe that an attempt would succeed now.
    fn again(&mut self, now: Moment) {
        if self.runs {
            self.retry.forget();
            self.fire(Event::Retry, Why::Nothing, now);
        }
    }
}

#[cfg(test)]
mod tests;
