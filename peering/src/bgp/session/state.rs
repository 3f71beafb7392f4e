//! The states of a session and what leads from one to another (RFC 4271 section 8.2.2), as data.

use std::fmt;

use strum::VariantArray;

/// The state of a session.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, VariantArray)]
pub enum State {
    /// Not wanted, or waiting after an error.
    #[default]
    Idle,
    /// An attempt to connect is under way.
    Connect,
    /// Waiting for the next attempt.
    Active,
    /// Connected; the peer's OPEN is awaited.
    OpenSent,
    /// Its OPEN was good; its KEEPALIVE is awaited.
    OpenConfirm,
    /// Routes are announced.
    Established,
}

impl fmt::Display for State {
    /// As routers show it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// What can happen; the numbers are those of RFC 4271 section 8.1.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, VariantArray)]
pub(crate) enum Event {
    /// 1, 3: the peer is wanted.
    Start,
    /// 2, 8: it is not any more, or not as it was.
    Stop,
    /// 9, 13: time for the next attempt. Also: there is reason to believe that one would succeed now.
    Retry,
    /// 10: nothing came for the hold time.
    HoldExpires,
    /// 11: time for a KEEPALIVE.
    KeepaliveExpires,
    /// 29 (RFC 9687): nothing could be sent for the send hold time.
    SendHoldExpires,
    /// 16: connected.
    TcpUp,
    /// 18: not connected, or not any more.
    TcpFails,
    /// 19: a good OPEN.
    Open,
    /// 21, 22, 28: what came is wrong, or no message at all.
    Error,
    /// 24, 25: a NOTIFICATION.
    Notification,
    /// 26: a KEEPALIVE.
    Keepalive,
    /// 27: an UPDATE.
    Update,
    /// A ROUTE-REFRESH (RFC 2918).
    Refresh,
    /// The peer is down, as BFD has it (RFC 5882, 9384).
    BfdDown,
}

/// What is to be done on the way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Act {
    /// Connect; give up the attempt after a while.
    Dial,
    /// Close without a word.
    Drop,
    /// Say why, and close.
    Notify,
    /// Wait a while, then try again.
    Wait,
    /// Send OPEN.
    SendOpen,
    /// Send KEEPALIVE.
    SendKeepalive,
    /// Begin to wait for the next message.
    Hold,
    /// Begin to announce.
    Announce,
    /// Announce everything again.
    Repeat,
}

use Act::{Announce, Dial, Drop, Hold, Notify, Repeat, SendKeepalive, SendOpen, Wait};
use Event as E;
use State::{Active, Connect, Established, Idle, OpenConfirm, OpenSent};

type Row = (E, State, &'static [Act]);

/// Stopped, or nothing to try again for.
const STOPPED: &[Act] = &[Notify];
/// An error that the peer is told.
const ERROR: &[Act] = &[Notify, Wait];
/// An error that it is not told.
const GONE: &[Act] = &[Drop, Wait];

/// What is not in the rows of a state is ignored there. Where that differs from the RFC, and why:
///
/// - Timers that do not run in a state cannot expire there; the RFC has an FSM error for them.
/// - Without a connection there are no messages.
/// - There is no collision to resolve (no 23), since nothing is accepted; a second OPEN is out of place like any other
///   message.
/// - A refused attempt leads to Active as in FRR and BIRD, where the RFC has Idle; both wait for the next attempt.
/// - A NOTIFICATION is not answered by one in OpenSent either (section 6.4).
const IDLE: &[Row] = &[
    (E::Start, Connect, &[Dial]),
    (E::Retry, Connect, &[Dial]), // 13
    (E::Stop, Idle, &[]),
];
const CONNECT: &[Row] = &[
    (E::Stop, Idle, &[Drop]),
    (E::Retry, Connect, &[Dial]),
    (E::TcpUp, OpenSent, &[SendOpen, Hold]),
    (E::TcpFails, Active, GONE),
];
const ACTIVE: &[Row] = &[(E::Stop, Idle, &[]), (E::Retry, Connect, &[Dial])];
const OPEN_SENT: &[Row] = &[
    (E::Stop, Idle, STOPPED),
    (E::HoldExpires, Idle, ERROR),
    (E::SendHoldExpires, Idle, ERROR),
    (E::TcpFails, Active, GONE),
    (E::Open, OpenConfirm, &[SendKeepalive, Hold]),
    (E::Error, Idle, ERROR),
    (E::Notification, Idle, GONE),
    (E::Keepalive, Idle, ERROR),
    (E::Update, Idle, ERROR),
    (E::Refresh, Idle, ERROR),
    (E::BfdDown, Idle, ERROR),
];
const OPEN_CONFIRM: &[Row] = &[
    (E::Stop, Idle, STOPPED),
    (E::HoldExpires, Idle, ERROR),
    (E::KeepaliveExpires, OpenConfirm, &[SendKeepalive]),
    (E::SendHoldExpires, Idle, ERROR),
    (E::TcpFails, Idle, GONE),
    (E::Open, Idle, ERROR),
    (E::Error, Idle, ERROR),
    (E::Notification, Idle, GONE),
    (E::Keepalive, Established, &[Hold, Announce]),
    (E::Update, Idle, ERROR),
    (E::Refresh, Idle, ERROR),
    (E::BfdDown, Idle, ERROR),
];
const ESTABLISHED: &[Row] = &[
    (E::Stop, Idle, STOPPED),
    (E::HoldExpires, Idle, ERROR),
    (E::KeepaliveExpires, Established, &[SendKeepalive]),
    (E::SendHoldExpires, Idle, ERROR),
    (E::TcpFails, Idle, GONE),
    (E::Open, Idle, ERROR),
    (E::Error, Idle, ERROR),
    (E::Notification, Idle, GONE),
    (E::Keepalive, Established, &[Hold]),
    (E::Update, Established, &[Hold]),
    (E::Refresh, Established, &[Hold, Repeat]),
    (E::BfdDown, Idle, ERROR),
];

/// Where an event leads, and what is to be done; none if it is ignored.
pub(crate) fn step(state: State, event: Event) -> Option<(State, &'static [Act])> {
    let rows = match state {
        Idle => IDLE,
        Connect => CONNECT,
        Active => ACTIVE,
        OpenSent => OPEN_SENT,
        OpenConfirm => OPEN_CONFIRM,
        Established => ESTABLISHED,
    };
    let row = rows.iter().find(|(of, ..)| *of == event);
    row.map(|(_, to, acts)| (*to, *acts))
}
