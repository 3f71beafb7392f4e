//! What a session takes in and gives out.

use std::num::NonZeroU32;
use std::time::Duration;

use thiserror::Error;

use crate::Moment;
use crate::bfd::packet::{Diagnostic, Packet, State};

/// How many hops away the peer may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Path {
    /// On the same subnet (RFC 5881): UDP port 3784, and a TTL of 255 only.
    SingleHop,
    /// Further away (RFC 5883): UDP port 4784.
    Multihop {
        /// Packets with a lower TTL are ignored.
        minimum_ttl: u8,
    },
}

/// What is wanted of a session (MetalLB's BFDProfile).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Profile {
    /// Packets are no closer than this. At least a microsecond; 10 ms in MetalLB's schema.
    pub transmit: Duration,
    /// The peer's packets shall be no closer than this.
    pub receive: Duration,
    /// The peer declares this end down after so many packets that did not come. Not zero.
    pub multiplier: u8,
    /// Say nothing before the peer has.
    pub passive: bool,
    /// How many hops away the peer may be.
    pub path: Path,
}

impl Default for Profile {
    /// FRR's, and so MetalLB's: 300 ms each way, three packets, one hop.
    fn default() -> Self {
        Self {
            transmit: Duration::from_millis(300),
            receive: Duration::from_millis(300),
            multiplier: 3,
            passive: false,
            path: Path::SingleHop,
        }
    }
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A packet came.
    Packet {
        /// What it said.
        packet: &'a Packet,
        /// The TTL or hop limit of its datagram.
        ttl: u8,
    },
    /// Time has passed. Only to be said when no packet waits in the socket any more.
    Tick,
    /// Something else is wanted.
    Profile(Profile),
    /// The administrator switches the session off or on. Never to be done before a restart: routers drop the routes
    /// (measured with FRR and BIRD 2).
    Admin {
        /// On.
        up: bool,
    },
}

/// What the shell has to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Send this, with a TTL of 255, from the session's one source port.
    Send(Packet),
    /// Something worth telling.
    Report(Report),
}

/// Something worth telling.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Report {
    /// Another state.
    State {
        /// The one before.
        from: State,
        /// The one from now on.
        to: State,
        /// Why.
        cause: Cause,
        /// The detection time as it was agreed.
        detection: Duration,
    },
    /// A packet was ignored.
    Ignored(Ignored),
    /// This process was so late that the peer could not be judged.
    Stunned(Duration),
}

/// Why a session changes its state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The peer's packets say so.
    Heard,
    /// No packet came for the detection time.
    Expired,
    /// The peer says that it is down, and why.
    Signalled(Diagnostic),
    /// The peer's administrator switched it off.
    PeerAdminDown,
    /// This end's did, or switched it on.
    Admin,
}

/// Why a packet was ignored.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Ignored {
    /// It came from further away than it may.
    #[error("TTL {ttl} is less than {least}")]
    Ttl {
        /// Its TTL.
        ttl: u8,
        /// The least there may be.
        least: u8,
    },
    /// It is for another session.
    #[error("discriminator {0:#010x} is of no session here")]
    Discriminator(NonZeroU32),
}

/// What a session is at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Status {
    /// Its state.
    pub state: State,
    /// Since when.
    pub since: Moment,
    /// Why it last left Up.
    pub diagnostic: Diagnostic,
    /// The peer's state.
    pub remote_state: State,
    /// Why the peer last left Up.
    pub remote_diagnostic: Diagnostic,
    /// The peer's number; none if it is not heard.
    pub remote_discriminator: Option<NonZeroU32>,
    /// Time between packets as agreed, before jitter; none if none are sent.
    pub transmit: Option<Duration>,
    /// After so long without a packet the peer is down; none if it is not heard.
    pub detection: Option<Duration>,
    /// Numbers since the session began.
    pub counters: Counters,
}

/// Numbers since a session began.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Packets sent.
    pub sent: u64,
    /// Packets taken in.
    pub received: u64,
    /// Packets ignored.
    pub ignored: u64,
    /// Times Up was reached.
    pub ups: u64,
    /// Times Up was left.
    pub downs: u64,
    /// Times this process was too late to judge the peer.
    pub stunned: u64,
}
