//! Frames: ARP (RFC 826) and neighbour discovery (RFC 4861) in Ethernet, byte for byte.
//!
//! Parsers take any bytes and never panic; what they return is well-formed. Emitters build whole frames in
//! fixed arrays, so that an answer costs no allocation.

pub mod arp;
pub mod datagram;
pub mod multicast;
pub mod ndp;

pub use ferrolb_segment::mac::{ETHERNET_HEADER, Mac};
