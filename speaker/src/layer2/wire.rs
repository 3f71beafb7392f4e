//! Frames: ARP (RFC 826) and neighbour discovery (RFC 4861) in Ethernet, byte for byte.
//!
//! Parsers take any bytes and never panic; what they return is well-formed. Emitters build whole frames in
//! fixed arrays, so that an answer costs no allocation.

pub mod arp;
pub mod datagram;
mod ipv6;
pub mod multicast;
pub mod ndp;
pub mod router;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use ferrolb_segment::mac::{ETHERNET_HEADER, Mac};

/// The address, if it is one of IPv4.
pub(crate) fn v4(address: &IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(*v4),
        IpAddr::V6(_) => None,
    }
}

/// The address, if it is one of IPv6.
pub(crate) fn v6(address: &IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some(*v6),
    }
}
