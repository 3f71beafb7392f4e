//! One session (RFC 5880 section 6.8): a state machine of four states and two timers.
//!
//! It lives as long as the peer is wanted, whatever BGP does meanwhile.

mod remote;
mod report;
mod timing;

use std::num::NonZeroU32;
use std::time::Duration;

use super::packet::{Diagnostic, Packet, State};
use crate::Moment;
use remote::Remote;
pub use report::{Cause, Counters, Ignored, Input, Output, Path, Profile, Report, Status};
use timing::Timing;

/// How long one listens that may go on where an earlier process ended: longer than most peers pause that are Up.
const LISTEN: Duration = Duration::from_millis(600);

/// One session with one peer.
#[derive(Clone, Debug)]
pub struct Session {
    profile: Profile,
    discriminator: NonZeroU32,
    state: State,
    since: Moment,
    diagnostic: Diagnostic,
    remote: Remote,
    timing: Timing,
    counters: Counters,
    /// Until when nothing is said: the peer may have a session with an earlier process.
    listens: Option<Moment>,
    outputs: Vec<Output>,
}

impl Session {
    /// A session that begins in Down. Its discriminator must be random, and no other session's of this node (RFC 5880
    /// section 6.8.1). The seed spreads the packets in time.
    pub fn new(profile: Profile, discriminator: NonZeroU32, seed: u64, now: Moment) -> Self {
        Self {
            timing: Timing::new(&profile, seed, now),
            profile,
            discriminator,
            state: State::Down,
            since: now,
            diagnostic: Diagnostic::None,
            remote: Remote::default(),
            counters: Counters::default(),
            listens: None,
            outputs: Vec::new(),
        }
    }

    /// As [`Self::new`], and an earlier process may have had a session with the same discriminator. It listens first: a peer that
    /// says to it that it is Up has not missed that process yet, and misses nothing if this one goes on in Up. RFC 5880 knows no
    /// processes; to the peer it is one session that was late.
    pub fn taking_over(profile: Profile, discriminator: NonZeroU32, seed: u64, now: Moment) -> Self {
        Self {
            listens: Some(now + LISTEN),
            ..Self::new(profile, discriminator, seed, now)
        }
    }

    /// The own number of this session: packets that have it as `your_discriminator` are for it. Those without one are for
    /// the session with their source address (RFC 5881 section 3).
    pub fn discriminator(&self) -> NonZeroU32 {
        self.discriminator
    }

    /// Takes in what happened, and says what to do, in this order.
    pub fn handle(&mut self, input: Input<'_>, now: Moment) -> Vec<Output> {
        match input {
            Input::Packet { packet, ttl } => self.receive(packet, ttl, now),
            Input::Tick => self.tick(now),
            Input::Profile(profile) => self.change(profile, now),
            Input::Admin { up } => self.switch(up, now),
        }
        self.timing.expect(self.next(now));
        std::mem::take(&mut self.outputs)
    }

    /// When to [`Tick`](Input::Tick) next, if nothing comes before; none if only the peer can begin.
    pub fn next(&self, now: Moment) -> Option<Moment> {
        let detection = self.timing.detection_ends();
        let sending = self.interval().map(|_| self.timing.next_packet(now));
        detection.into_iter().chain(sending).chain(self.listens).min()
    }

    /// What the session is at.
    pub fn status(&self) -> Status {
        Status {
            state: self.state,
            since: self.since,
            diagnostic: self.diagnostic,
            remote_state: self.remote.state,
            remote_diagnostic: self.remote.diagnostic,
            remote_discriminator: self.remote.discriminator,
            transmit: self.interval(),
            detection: self.detection(),
            counters: self.counters,
        }
    }

    /// Time between packets, without jitter (6.8.2, 6.8.7); none if none are to be sent.
    fn interval(&self) -> Option<Duration> {
        let waits = self.profile.passive && self.remote.discriminator.is_none();
        let demand =
            self.remote.demand && [self.state, self.remote.state] == [State::Up; 2] && !self.timing.polls();
        let quiet = self.remote.min_rx.is_zero() || demand || waits || self.listens.is_some();
        (!quiet).then(|| self.timing.transmit().max(self.remote.min_rx))
    }

    /// The detection time (6.8.4); none before anything was heard.
    fn detection(&self) -> Option<Duration> {
        self.remote.discriminator?;
        let interval = self.timing.receive().max(self.remote.desired_min_tx);
        Some(interval * self.remote.multiplier.into())
    }

    // 6.8.6, after the checks that need no session.
    fn receive(&mut self, packet: &Packet, ttl: u8, now: Moment) {
        if let Err(why) = self.check(packet, ttl) {
            self.counters.ignored += 1;
            self.outputs.push(Output::Report(Report::Ignored(why)));
            return;
        }
        self.counters.received += 1;
        let goes_on = self.listens.take().is_some()
            && packet.state == State::Up
            && packet.your_discriminator == Some(self.discriminator);
        let interval = self.interval();
        self.remote.learn(packet);
        if packet.last {
            self.timing.answered(&self.profile, self.state);
        }
        if self.interval() != interval
            && let Some(interval) = self.interval()
        {
            self.timing.reschedule(interval, self.profile.multiplier);
        }
        if self.state == State::AdminDown {
            return;
        }
        self.timing.heard(self.detection(), now);
        match (packet.state, self.state) {
            (State::Up, State::Down) if goes_on => self.go(State::Up, Cause::Heard, now),
            (State::AdminDown, State::Init | State::Up) => self.fall(Cause::PeerAdminDown, now),
            (State::Down, State::Down) => self.go(State::Init, Cause::Heard, now),
            (State::Init, State::Down) | (State::Init | State::Up, State::Init) => {
                self.go(State::Up, Cause::Heard, now);
            }
            (State::Down, State::Up) => self.fall(Cause::Signalled(packet.diagnostic), now),
            _ => {}
        }
        if packet.poll {
            self.send(true, now);
        }
    }

    fn check(&self, packet: &Packet, ttl: u8) -> Result<(), Ignored> {
        let least = match self.profile.path {
            Path::SingleHop => 255, // RFC 5881 section 5
            Path::Multihop { minimum_ttl } => minimum_ttl,
        };
        if ttl < least {
            return Err(Ignored::Ttl { ttl, least });
        }
        match packet.your_discriminator {
            Some(other) if other != self.discriminator => Err(Ignored::Discriminator(other)),
            _ => Ok(()),
        }
    }

    fn tick(&mut self, now: Moment) {
        self.listens = self.listens.filter(|until| now < *until);
        if let Some(detection) = self.detection() {
            // Nobody can say what came meanwhile: the peer is not to blame.
            if let Some(late) = self.timing.stunned(detection, now) {
                self.counters.stunned += 1;
                self.outputs.push(Output::Report(Report::Stunned(late)));
            }
        }
        if self.timing.is_expired(now) {
            let detection = self.detection();
            self.remote.forget(); // 6.8.1
            self.timing.unheard();
            if matches!(self.state, State::Init | State::Up) {
                self.diagnostic = Diagnostic::Expired;
                self.go_after(State::Down, Cause::Expired, detection, now); // 6.8.4
            }
        }
        if self.interval().is_some() && now >= self.timing.next_packet(now) {
            self.send_periodic(now);
        }
    }

    fn fall(&mut self, cause: Cause, now: Moment) {
        self.diagnostic = Diagnostic::NeighborDown;
        self.go(State::Down, cause, now);
    }

    fn go(&mut self, to: State, cause: Cause, now: Moment) {
        self.go_after(to, cause, self.detection(), now);
    }

    /// `detection` was agreed with the peer, which may be forgotten by now.
    fn go_after(&mut self, to: State, cause: Cause, detection: Option<Duration>, now: Moment) {
        let from = std::mem::replace(&mut self.state, to);
        if from == to {
            return;
        }
        let detection = detection.unwrap_or_default();
        self.since = now;
        match (from, to) {
            (_, State::Up) => self.counters.ups += 1,
            (State::Up, _) => self.counters.downs += 1,
            _ => {}
        }
        self.timing.pace(&self.profile, to, now); // 6.8.3
        self.outputs.push(Output::Report(Report::State {
            from,
            to,
            cause,
            detection,
        }));
        if self.interval().is_some() {
            self.send_periodic(now); // 6.8.7: at once if it says something else than the one before
        }
    }

    fn change(&mut self, profile: Profile, now: Moment) {
        self.profile = profile;
        self.timing.pace(&self.profile, self.state, now);
        if let Some(interval) = self.interval() {
            self.timing.reschedule(interval, self.profile.multiplier);
        }
        if self.timing.detection_ends().is_some() {
            self.timing.adjust(self.detection(), now);
        }
    }

    // 6.8.16
    fn switch(&mut self, up: bool, now: Moment) {
        match (up, self.state) {
            (true, State::AdminDown) => {
                self.diagnostic = Diagnostic::None;
                self.go(State::Down, Cause::Admin, now);
            }
            (false, State::Down | State::Init | State::Up) => {
                self.diagnostic = Diagnostic::AdministrativelyDown;
                self.timing.unheard();
                self.go(State::AdminDown, Cause::Admin, now);
            }
            _ => {}
        }
    }

    fn send_periodic(&mut self, now: Moment) {
        self.send(false, now);
        if let Some(interval) = self.interval() {
            self.timing.sent(interval, self.profile.multiplier, now);
        }
    }

    fn send(&mut self, last: bool, now: Moment) {
        let poll = !last && self.timing.polls();
        if poll {
            self.timing.ask(now);
        }
        self.counters.sent += 1;
        self.outputs.push(Output::Send(Packet {
            diagnostic: self.diagnostic,
            state: self.state,
            poll,
            last,
            // This process forwards nothing, and its BFD ends with it.
            control_plane_independent: false,
            demand: false,
            multiplier: self.profile.multiplier,
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.discriminator,
            desired_min_tx: self.timing.desired(),
            required_min_rx: self.profile.receive,
            required_min_echo_rx: Duration::ZERO,
        }));
    }
}

#[cfg(test)]
mod tests;
