//! The control packet (RFC 5880 section 4.1), without authentication.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use strum::FromRepr;
use thiserror::Error;

/// The length of a packet without authentication, in bytes.
pub const PACKET_LEN: usize = 24;

const VERSION: u8 = 1;

const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;
const CONTROL_PLANE_INDEPENDENT: u8 = 0x08;
const AUTHENTICATION: u8 = 0x04;
const DEMAND: u8 = 0x02;
const MULTIPOINT: u8 = 0x01;

/// The state of a session.
#[derive(Clone, Copy, Debug, Eq, FromRepr, Hash, PartialEq)]
#[repr(u8)]
pub enum State {
    /// Switched off by the administrator.
    AdminDown = 0,
    /// The peer is not heard.
    Down = 1,
    /// The peer is heard and does not hear yet.
    Init = 2,
    /// Both hear each other.
    Up = 3,
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// Why a session left Up, by its number (RFC 5880 section 4.1).
#[derive(Clone, Copy, Debug, Eq, FromRepr, Hash, PartialEq)]
#[repr(u8)]
pub enum Diagnostic {
    /// Nothing happened.
    None = 0,
    /// No packet came for the detection time.
    Expired = 1,
    /// The echo function failed.
    EchoFailed = 2,
    /// The other end says that it is down.
    NeighborDown = 3,
    /// The forwarding plane was reset.
    ForwardingReset = 4,
    /// The path is down.
    PathDown = 5,
    /// A path behind this one is down.
    ConcatenatedPathDown = 6,
    /// An administrator switched it off.
    AdministrativelyDown = 7,
    /// A path that leads here is down.
    ReverseConcatenatedPathDown = 8,
    /// A number that RFC 5880 reserves.
    Reserved = 9,
}

impl Diagnostic {
    fn read(number: u8) -> Self {
        Self::from_repr(number).unwrap_or(Self::Reserved)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "no diagnostic",
            Self::Expired => "control detection time expired",
            Self::EchoFailed => "echo function failed",
            Self::NeighborDown => "neighbor signaled session down",
            Self::ForwardingReset => "forwarding plane reset",
            Self::PathDown => "path down",
            Self::ConcatenatedPathDown => "concatenated path down",
            Self::AdministrativelyDown => "administratively down",
            Self::ReverseConcatenatedPathDown => "reverse concatenated path down",
            Self::Reserved => "reserved diagnostic",
        })
    }
}

/// A control packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Packet {
    /// Why the sender's session last left Up.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// It asks whether its new times have arrived.
    pub poll: bool,
    /// It answers that.
    pub last: bool,
    /// Its BFD does not share the fate of its control plane.
    pub control_plane_independent: bool,
    /// It wants no packets but on demand.
    pub demand: bool,
    /// So many packets may be lost.
    pub multiplier: u8,
    /// The sender's number for this session.
    pub my_discriminator: NonZeroU32,
    /// The receiver's, if the sender knows it.
    pub your_discriminator: Option<NonZeroU32>,
    /// The sender will not send more often.
    pub desired_min_tx: Duration,
    /// The sender cannot receive more often. Zero: it wants to receive none.
    pub required_min_rx: Duration,
    /// The same for echo packets. Zero: it does not return them.
    pub required_min_echo_rx: Duration,
}

/// Why bytes are not a control packet (RFC 5880 section 6.8.6).
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Malformed {
    #[error("version {0}")]
    Version(u8),
    #[error("length does not fit")]
    Length,
    #[error("detection multiplier is zero")]
    Multiplier,
    #[error("multipoint bit is set")]
    Multipoint,
    #[error("sender's discriminator is zero")]
    MyDiscriminator,
    #[error("receiver's discriminator is zero in state Init or Up")]
    YourDiscriminator,
    #[error("poll and final bits are both set")]
    PollAndFinal,
    #[error("authentication is not configured")]
    Authentication,
}

impl Packet {
    /// Reads the payload of a datagram, in the order of RFC 5880 section 6.8.6.
    ///
    /// # Errors
    ///
    /// If that section says to discard it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let head = bytes.first_chunk::<PACKET_LEN>().ok_or(Malformed::Length)?;
        let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let time = |at: usize| Duration::from_micros(number(at).into());
        let [versioned, flags, multiplier, length, ..] = *head;
        if versioned >> 5 != VERSION {
            return Err(Malformed::Version(versioned >> 5));
        }
        let least = PACKET_LEN + if flags & AUTHENTICATION == 0 { 0 } else { 2 };
        if !(least..=bytes.len()).contains(&usize::from(length)) {
            return Err(Malformed::Length);
        }
        if multiplier == 0 {
            return Err(Malformed::Multiplier);
        }
        if flags & MULTIPOINT != 0 {
            return Err(Malformed::Multipoint);
        }
        let my_discriminator = NonZeroU32::new(number(4)).ok_or(Malformed::MyDiscriminator)?;
        let your_discriminator = NonZeroU32::new(number(8));
        // Two bits.
        let state = State::from_repr(flags >> 6).unwrap_or(State::Down);
        if your_discriminator.is_none() && matches!(state, State::Init | State::Up) {
            return Err(Malformed::YourDiscriminator);
        }
        if flags & AUTHENTICATION != 0 {
            return Err(Malformed::Authentication);
        }
        // RFC 5880 section 6.5.
        if flags & (POLL | FINAL) == POLL | FINAL {
            return Err(Malformed::PollAndFinal);
        }
        Ok(Self {
            diagnostic: Diagnostic::read(versioned & 0x1f),
            state,
            poll: flags & POLL != 0,
            last: flags & FINAL != 0,
            control_plane_independent: flags & CONTROL_PLANE_INDEPENDENT != 0,
            demand: flags & DEMAND != 0,
            multiplier,
            my_discriminator,
            your_discriminator,
            desired_min_tx: time(12),
            required_min_rx: time(16),
            required_min_echo_rx: time(20),
        })
    }

    /// The payload of a datagram. Times that do not fit are the longest there are; a reserved diagnostic is 9.
    pub fn bytes(&self) -> [u8; PACKET_LEN] {
        let flags = [
            (self.poll, POLL),
            (self.last, FINAL),
            (self.control_plane_independent, CONTROL_PLANE_INDEPENDENT),
            (self.demand, DEMAND),
        ];
        let set = flags.into_iter().filter(|(on, _)| *on);
        let flags = set.fold((self.state as u8) << 6, |all, (_, bit)| all | bit);
        let time = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let numbers = [
            self.my_discriminator.get(),
            self.your_discriminator.map_or(0, NonZeroU32::get),
            time(self.desired_min_tx),
            time(self.required_min_rx),
            time(self.required_min_echo_rx),
        ];
        let mut bytes = [0; PACKET_LEN];
        bytes[0] = VERSION << 5 | self.diagnostic as u8;
        bytes[1] = flags;
        bytes[2] = self.multiplier;
        bytes[3] = PACKET_LEN as u8;
        for (at, number) in bytes[4..].chunks_exact_mut(4).zip(numbers) {
            at.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
