//! One session, and the socket that it sends from.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ferrolb_peering::bfd::{self, Ignored, Input, Output, PACKET_LEN, Packet, Path, Profile, Session, State};
use ferrolb_peering::{Liveness, Moment};
use ferrolb_rawlink::datagrams::{Family, Sender};

use super::metrics::Shown;
use super::ports::{Port, number};
use super::{Line, Reach, Times, Wanted, text};
use crate::peers::Happened;

/// A session may take so long to come up before something is said to be wrong.
const PATIENCE: Duration = Duration::from_secs(10);
/// For so long a session that is wanted no more says that it was switched off, so that the peer takes it for no failure.
const FAREWELL: Duration = Duration::from_secs(3);
/// Where the other port is a matter of taste, the peer is on the own segment, whatever TTL it sends with.
const ANY_TTL: u8 = 1;

/// One session.
pub(super) struct Watched {
    line: Line,
    pub(super) wanted: Wanted,
    core: Session,
    path: Path,
    sender: Result<Sender, String>,
    liveness: Liveness,
    /// Since when it is not up.
    down_since: Option<Moment>,
    /// When it is dropped, if it is wanted no more.
    ends: Option<Moment>,
    ignored: Option<Ignored>,
    /// The peer's host says that nothing listens.
    refused: bool,
    /// Nothing can come to it: it says nothing either, since another process may have the session.
    deaf: bool,
    random: (NonZeroU32, u64),
    shown: Shown,
}

impl Watched {
    pub(super) fn new(
        line: Line,
        wanted: Wanted,
        is_on_link: bool,
        random: (NonZeroU32, u64),
        shown: Shown,
        now: Moment,
    ) -> Self {
        let path = path(&wanted, is_on_link);
        let (discriminator, seed) = random;
        let mut watched = Self {
            core: Session::taking_over(profile(&wanted, path), discriminator, seed, now),
            sender: Err(String::new()),
            path,
            wanted,
            line,
            liveness: Liveness::Unknown,
            down_since: Some(now),
            ends: None,
            ignored: None,
            refused: false,
            deaf: false,
            random,
            shown,
        };
        watched.connect();
        watched
    }

    /// Something else is wanted, or is the same, or nothing is.
    pub(super) fn follow(&mut self, wanted: Option<&Wanted>, is_on_link: bool, now: Moment) {
        match wanted {
            None => {
                if self.ends.is_none() {
                    self.ends = Some(now + FAREWELL);
                    self.give(Input::Admin { up: false }, now);
                }
            }
            Some(wanted) => {
                if self.ends.take().is_some() {
                    self.give(Input::Admin { up: true }, now);
                }
                let is_other = self.wanted.reach != wanted.reach;
                let differs = self.wanted != *wanted;
                self.wanted = wanted.clone();
                if is_other {
                    self.take_path(path(wanted, is_on_link), now);
                } else if differs {
                    self.give(Input::Profile(profile(wanted, self.path)), now);
                }
            }
        }
        if self.sender.is_err() {
            self.connect();
        }
    }

    /// Whether packets can come to its port.
    pub(super) fn hears(&mut self, hears: bool, now: Moment) {
        if std::mem::replace(&mut self.deaf, !hears) && hears {
            let (discriminator, seed) = self.random;
            let profile = profile(&self.wanted, self.path);
            self.core = Session::taking_over(profile, discriminator, seed, now);
        }
    }

    fn connect(&mut self) {
        let to = self.line.to(number(self.path));
        let sender = Sender::connect(to, self.line.source, self.line.vrf.as_deref());
        self.sender = sender.map_err(|error| format!("cannot send to {to}: {error}"));
    }

    /// Goes on over another port: the old one's packets say nothing any more.
    fn take_path(&mut self, path: Path, now: Moment) {
        self.path = path;
        self.connect();
        self.give(Input::Profile(profile(&self.wanted, path)), now);
    }

    /// The ports that its packets may come to.
    pub(super) fn ports(&self) -> impl Iterator<Item = Port> + '_ {
        let any = Path::Multihop { minimum_ttl: ANY_TTL };
        let other = (self.wanted.reach == Reach::Either).then_some([Path::SingleHop, any]);
        let paths = other.into_iter().flatten().chain([self.path]);
        paths.map(|path| self.port(number(path)))
    }

    fn port(&self, number: u16) -> Port {
        Port {
            family: Family::of(self.line.peer),
            number,
            vrf: self.line.vrf.clone(),
        }
    }

    /// Whether a packet from there is for this session: the peer says so, or does not know its number yet (RFC 5881
    /// section 3).
    pub(super) fn is_meant(&self, port: &Port, from: &SocketAddr, packet: &Packet) -> bool {
        let is_it = |number| number == self.core.discriminator();
        self.line.is_from(from) && self.line.vrf == port.vrf && packet.your_discriminator.is_none_or(is_it)
    }

    /// A packet came to one of its ports.
    pub(super) fn receive(
        &mut self,
        port: &Port,
        packet: &Packet,
        hop_limit: u8,
        now: Moment,
    ) -> Option<Happened> {
        if port.number != number(self.path) {
            // A session that is up goes on as it is.
            if self.wanted.reach != Reach::Either || self.core.status().state == State::Up {
                return None;
            }
            let path = match self.path {
                Path::SingleHop => Path::Multihop { minimum_ttl: ANY_TTL },
                Path::Multihop { .. } => Path::SingleHop,
            };
            self.take_path(path, now);
        }
        self.give(
            Input::Packet {
                packet,
                ttl: hop_limit,
            },
            now,
        )
    }

    /// Its next turn, if no packet comes before.
    pub(super) fn next(&self, now: Moment) -> Option<Moment> {
        let next = self.core.next(now).filter(|_| !self.deaf);
        next.into_iter().chain(self.ends).min()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Moment) -> Option<Happened> {
        let is_due = !self.deaf && self.core.next(now).is_some_and(|next| next <= now);
        is_due.then(|| self.give(Input::Tick, now)).flatten()
    }

    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.ends.is_some()
    }

    /// What the session says of the peer.
    pub(super) fn liveness(&self) -> Liveness {
        self.liveness
    }

    /// The times that both ends agreed on, while the session is up.
    pub(super) fn agreed(&self) -> Option<Times> {
        let status = self.core.status();
        Some(Times {
            transmit: status.transmit.filter(|_| self.is_up())?,
            detection: status.detection?,
        })
    }

    pub(super) fn is_up(&self) -> bool {
        self.down_since.is_none()
    }

    fn give(&mut self, input: Input<'_>, now: Moment) -> Option<Happened> {
        let mut turn = None;
        for output in self.core.handle(input, now) {
            match output {
                Output::Send(packet) => self.send(&packet.bytes()),
                Output::Report(report) => turn = self.heed(&report, now).or(turn),
            }
        }
        self.shown.show(&self.core.status());
        turn
    }

    fn send(&mut self, bytes: &[u8; PACKET_LEN]) {
        if let Ok(sender) = &self.sender {
            // The error is that of the packet before, and this one is not sent.
            let refused = |error: &std::io::Error| error.kind() == ErrorKind::ConnectionRefused;
            let sent = sender.try_send(bytes);
            self.refused = sent.as_ref().is_err_and(refused);
            if self.refused {
                let _again = sender.try_send(bytes);
            }
        }
    }

    fn heed(&mut self, report: &bfd::Report, now: Moment) -> Option<Happened> {
        if let Some(liveness) = Liveness::of(report) {
            self.liveness = liveness;
        }
        let peer = &self.wanted.name;
        match *report {
            bfd::Report::State { to: State::Up, .. } => {
                self.down_since = None;
                self.ignored = None;
                let asked = text::asked(&self.wanted.profile);
                tracing::info!(%peer, asked, "BFD session up");
                Some(Happened::BfdUp(asked))
            }
            bfd::Report::State {
                from: State::Up,
                cause,
                detection,
                ..
            } => {
                self.down_since = Some(now);
                let why = text::why(cause, detection);
                tracing::warn!(%peer, why, "BFD session down");
                Some(Happened::BfdDown(why))
            }
            bfd::Report::Ignored(why) => {
                self.ignored = Some(why);
                None
            }
            bfd::Report::Stunned(late) => {
                tracing::warn!(%peer, late_ms = late.as_millis(), "BFD was late itself, and judges the peer anew");
                None
            }
            bfd::Report::State { .. } => None,
        }
    }

    /// What is wrong, if it has lasted.
    pub(super) fn doubt(&self, trouble: Option<&str>, now: Moment) -> Option<String> {
        let since = self.down_since?;
        if now.since(since) < PATIENCE {
            return None;
        }
        let port = number(self.path);
        let status = self.core.status();
        let why = match (&self.sender, trouble, self.ignored) {
            (_, Some(trouble), _) => trouble.to_owned(),
            (Err(why), ..) => why.clone(),
            (.., Some(why)) => format!("packets of the peer are ignored: {why}"),
            _ if status.remote_state == State::AdminDown => "it is switched off at the peer".to_owned(),
            _ if status.state == State::Init => {
                "packets of the peer come, and it says that none of ours do".to_owned()
            }
            _ if self.refused => format!("nothing listens on UDP port {port} of {}", self.line.peer),
            _ => format!("nothing comes from {} to UDP port {port}", self.line.peer),
        };
        Some(format!("the BFD session is not up: {why}"))
    }

    /// The port that its packets come to.
    pub(super) fn port_of_path(&self) -> Port {
        self.port(number(self.path))
    }
}

fn path(wanted: &Wanted, is_on_link: bool) -> Path {
    let far = Path::Multihop {
        minimum_ttl: wanted.profile.minimum_ttl,
    };
    match wanted.reach {
        Reach::Segment => Path::SingleHop,
        Reach::Anywhere => far,
        Reach::Either if is_on_link => Path::SingleHop,
        Reach::Either => far,
    }
}

fn profile(wanted: &Wanted, path: Path) -> Profile {
    Profile {
        transmit: wanted.profile.transmit,
        receive: wanted.profile.receive,
        multiplier: wanted.profile.multiplier,
        passive: wanted.profile.passive,
        path,
    }
}
