//! Ethernet addresses, which frames of speakers are sealed with.

pub use ferrolb_crds::domain::Mac;

/// Bytes of an Ethernet header without VLAN tag.
pub const ETHERNET_HEADER: usize = 14;
