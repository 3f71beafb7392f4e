//! BGP and BFD towards the routers: which routes each peer is told, and whether it is alive.
//!
//! Nothing here does I/O, reads a clock or draws a random number: what happened comes in with the moment at which it did,
//! what is to be done goes out as values. A [`bgp::Session`] is one peer, a [`bfd::Session`] watches one. Neither knows the
//! other; the shell hands on what BFD says.
//!
//! # What the shell has to do
//!
//! **For each peer** it owns at most one TCP connection, and carries out the [`bgp::Output`]s in their order:
//!
//! - `Dial`: give up the attempt under way, if any; connect to [`bgp::Session::endpoint`] (without waiting), with all that
//!   it says on the socket *before* connecting. Then `TcpUp` with the interface's addresses, or `TcpFailed` with the
//!   kernel's words. The session limits the time of an attempt itself.
//! - `Send`: write [`bgp::Session::outgoing`] as far as the socket takes it, say `Sent` with how much that was, and wait
//!   until the socket takes more while something is left. It never grows beyond [`bgp::OUTGOING_MAX`].
//! - `Close`: write its `last` bytes as far as the socket takes them without waiting, shut down the writing side, and
//!   close. A socket closed while something waits to be read makes the kernel send RST, and a NOTIFICATION on its way is
//!   lost: so read and drop until the peer has closed, or for a second, unless a `Dial` comes first.
//!
//! `TcpFailed` is also what a closed or broken connection is called. After `Close` nothing more is to be said about that
//! connection.
//!
//! **Time**: a `Tick` when [`bgp::Session::next`] has come, or any time. *What waits in the socket is read first*: before a
//! `Tick` the socket is read until nothing is left, and each piece handed in as `Bytes`. Only then is a timer judged, so
//! that a thread that was late blames itself and not the peer. For BFD the same holds, with packets.
//!
//! **Routes**: `Wanted` whenever they change, always all of them; the session finds the differences. Unchanged tables cost
//! nothing if the [`Arc`](std::sync::Arc) is the same. Before the first `Wanted` nothing is sent, not even the end marker:
//! after a restart it makes the router drop what was not repeated, so it has to wait until the routes are known.
//!
//! **BFD**: a session for each peer that has a profile, from when the peer is wanted until it is not, on a thread of its
//! own; whatever BGP does. Bytes from UDP go through [`bfd::Packet::parse`]; the packet belongs to the session with its
//! `your_discriminator`, or without one to the session with its source address. What [`Liveness::of`] makes of a report
//! goes to the BGP session as `Bfd`. If the profile is taken away, `Bfd(Liveness::Unknown)`.
//!
//! **The end**: `Stop(Restart)` before this process is replaced; sockets of BFD are simply closed, *after* the TCP
//! connections, and never `Admin { up: false }`. `Stop(Final)` if the peer is not wanted any more or the node goes away: go
//! on until the state is `Idle` ([`bgp::Session::is_over`]), a few seconds at most. Only then BFD ends, by
//! `Admin { up: false }` and its packet.
//!
//! # Example
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use ferrolb_peering::bgp::{
//!     Asn, Attributes, Endpoint, Input, NextHops, Output, PeerAsn, PeerSpec, Session, Start, State,
//! };
//! use ferrolb_peering::{Moment, Prefix};
//!
//! let router = Endpoint::new("192.0.2.1".parse()?);
//! let spec = PeerSpec::new(Asn(64512), PeerAsn::Is(Asn(64500)), "192.0.2.11".parse()?, router);
//! let now = Moment::ORIGIN;
//! let mut session = Session::new(spec, Start::Cold, 4, now);
//!
//! let service: Prefix = "198.51.100.7/32".parse()?;
//! let table = BTreeMap::from([(service, Arc::new(Attributes::default()))]);
//! session.handle(Input::Wanted(Arc::new(table)), now);
//! let outputs = session.handle(Input::Start, now);
//! assert!(outputs.contains(&Output::Dial));
//!
//! // The shell has connected.
//! let now = now + Duration::from_millis(1);
//! let next_hops = NextHops { v4: Some("192.0.2.11".parse()?), v6: None };
//! let outputs = session.handle(Input::TcpUp(next_hops), now);
//! assert!(outputs.contains(&Output::Send));
//! assert_eq!(session.status().state, State::OpenSent);
//!
//! // It writes what is there, an OPEN, as far as the socket takes it.
//! let written = session.outgoing().len();
//! session.handle(Input::Sent(written), now);
//! assert!(session.outgoing().is_empty());
//! assert!(session.next(now).is_some_and(|at| at > now));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod bfd;
pub mod bgp;
mod chance;
mod liveness;
mod prefix;

pub use ferrolb_moment::Moment;
pub use liveness::{Judgement, Liveness};
pub use prefix::{Family, Prefix, PrefixError};
