//! What a session takes in and gives out.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use thiserror::Error;

use super::super::wire::Notification;
use super::super::{Asn, ExportTable};
use super::reset::ResetCause;
use super::spec::{Hold, NextHops, PeerSpec};
use super::state::State;
use crate::Moment;
use crate::liveness::Liveness;
use crate::prefix::Family;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// The peer is wanted from now on.
    Start,
    /// The connection that was dialled is up.
    TcpUp(NextHops),
    /// It could not be made, or it is broken, or the peer closed it; and why.
    TcpFailed(&'a str),
    /// These bytes came, as many as there were at once.
    Bytes(&'a [u8]),
    /// So many bytes of [`Session::outgoing`](super::Session::outgoing) went into the socket.
    Sent(usize),
    /// Time has passed. Only to be said when nothing waits in the socket any more.
    Tick,
    /// These routes are to be announced, and no others.
    Wanted(ExportTable),
    /// What BFD says of the peer.
    Bfd(Liveness),
    /// The interface has a carrier again, or an address: a good moment for an attempt.
    Again,
    /// The peer is to be another one.
    Spec(Box<PeerSpec>),
    /// The session ends.
    Stop(Stop),
}

/// How to end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Stop {
    /// This process will be back: the peer is to keep the routes. With graceful restart the connection closes without a
    /// word; else CEASE 6/4.
    Restart,
    /// For good: everything is withdrawn, and once the socket took it CEASE 6/2 with this text (RFC 9003).
    Final(String),
}

/// What the shell has to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Connect to the endpoint. An attempt under way is given up.
    Dial,
    /// There is something in [`Session::outgoing`](super::Session::outgoing) that was not there before.
    Send,
    /// Close the connection, or give the attempt up.
    Close(Close),
    /// Something worth telling.
    Report(Report),
}

/// How to close a connection.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Close {
    /// To be written first, as much as the socket takes without waiting.
    pub last: Vec<u8>,
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
    },
    /// The session is up, with this agreed.
    Established(Box<Negotiated>),
    /// An attempt or a session has ended.
    Ended(Ending),
    /// Everything wanted was sent, and the marker of its end (RFC 4724).
    EndOfRib(Family),
    /// The peer asked for everything again (RFC 2918).
    Refresh(Family),
    /// Routes of this family cannot be announced: there is no next hop that the peer would understand.
    NoNextHop(Family),
    /// The attributes of this many prefixes do not fit into a message.
    TooLong(usize),
    /// The change counts from the next OPEN on.
    PendingReset,
    /// The change ends the session.
    Reset(Vec<ResetCause>),
}

/// The end of a session or an attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ending {
    /// The state in which it ended.
    pub state: State,
    /// Why.
    pub why: Down,
}

/// Why a session is down.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Down {
    /// No connection.
    #[error("{0}")]
    Tcp(String),
    /// Nothing answers an attempt.
    #[error("no answer to the attempt to connect")]
    NoAnswer,
    /// Nothing answers an attempt, and there is a password.
    #[error(
        "no answer to the attempt to connect; with a password this often means that it differs from the peer's"
    )]
    NoAnswerWithPassword,
    /// Nothing answers an attempt, or nothing that shows that it is near.
    #[error("no answer to the attempt to connect; with TTL security this often means that the peer has none")]
    NoAnswerWithTtlSecurity,
    /// The peer sent this.
    #[error("peer says: {0}")]
    Received(Notification),
    /// The peer was sent this.
    #[error("told the peer: {0}")]
    Told(Notification),
    /// The peer took nothing for the send hold time (RFC 9687).
    #[error("peer took nothing for {} s", .0.as_secs())]
    SendHold(Duration),
    /// This process will restart.
    #[error("this process restarts; the peer keeps the routes")]
    Restart,
    /// Stopped before there was a session.
    #[error("stopped")]
    Stopped,
}

/// What both ends agreed on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Negotiated {
    /// The peer's AS.
    pub peer_asn: Asn,
    /// Whether it is the own one.
    pub internal: bool,
    /// The peer's BGP identifier.
    pub peer_id: Ipv4Addr,
    /// The peer's name, if it said it.
    pub peer_name: Option<String>,
    /// The agreed hold time.
    pub hold: Hold,
    /// Time between keepalives.
    pub keepalive: Option<Duration>,
    /// The families of both.
    pub families: BTreeSet<Family>,
    /// The peer's AS numbers have four octets.
    pub four_octets: bool,
    /// The peer takes messages of 65,535 bytes (RFC 8654).
    pub extended_messages: bool,
    /// The peer takes IPv4 routes with an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
    /// The peer keeps the routes of these families over a restart.
    pub kept: BTreeSet<Family>,
}

/// What the session is at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Status {
    /// The state.
    pub state: State,
    /// Since when.
    pub since: Moment,
    /// Why the last session or attempt ended.
    pub last: Option<Ending>,
    /// What is agreed, from OpenConfirm on.
    pub negotiated: Option<Box<Negotiated>>,
    /// Prefixes that the peer has, by [`Family`] in its order; those that are on their way not counted.
    pub sent: [usize; 2],
    /// Whether a new hold or keepalive time waits for the next OPEN.
    pub pending_reset: bool,
    /// Messages and errors, never reset.
    pub counters: Counters,
}

/// Numbers since the session's object was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Times Established was reached.
    pub established: u64,
    /// Messages sent and received: OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH.
    pub sent: [u64; 5],
    /// See `sent`.
    pub received: [u64; 5],
    /// Prefixes announced by the peer, which are all dropped.
    pub prefixes_received: u64,
    /// UPDATEs that count as withdrawals, because an attribute was wrong (RFC 7606).
    pub treated_as_withdraw: u64,
    /// UPDATEs of which an attribute was ignored (RFC 7606).
    pub attributes_discarded: u64,
    /// UPDATEs whose prefixes could not be read (RFC 7606, AFI/SAFI disable).
    pub unreadable: u64,
}

impl Status {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            state: State::Idle,
            since: now,
            last: None,
            negotiated: None,
            sent: [0; 2],
            pending_reset: false,
            counters: Counters::default(),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (in {})", self.why, self.state)
    }
}
