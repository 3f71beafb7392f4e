//! Sockets that take more than `std` offers, and link events; the only crate with unsafe code.
//!
//! - [`PacketSocket`]: whole Ethernet frames of one interface, in and out.
//! - [`filter`]: which frames the kernel hands to such a socket, as a classic BPF program built by a pure function.
//! - [`links`]: the interfaces of this network namespace, and their changes.
//! - [`neighbours`]: stations that it has talked to.
//! - [`stream`]: TCP connections to routers.
//! - [`datagrams`]: UDP sockets that know how far their datagrams came.
//! - [`discovery`]: what routers say to all on a segment.
//! - [`conntrack`]: UDP flows that it tracks, to be forgotten.
//! - [`priority`]: a thread that comes before others.
//!
//! Nothing here knows what an answer to a frame is, nor why an address is of interest.
#![allow(unsafe_code)]

pub mod conntrack;
pub mod datagrams;
pub mod discovery;
mod error;
pub mod filter;
pub mod links;
pub mod neighbours;
mod netlink;
pub mod priority;
mod socket;
pub mod stream;

pub use error::SocketError;
pub use socket::{PacketSocket, Received};

/// A link-layer address as on the wire.
pub type MacBytes = [u8; 6];
