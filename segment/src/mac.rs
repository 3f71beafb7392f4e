//! Ethernet addresses, which frames of speakers are sealed with.

use std::fmt;

/// Bytes of an Ethernet header without VLAN tag.
pub const ETHERNET_HEADER: usize = 14;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// All stations of the segment.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether it names a group of stations (the lowest bit of the first byte).
    pub fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Whether it can be the address of one station.
    pub fn is_station(self) -> bool {
        !self.is_group() && self != Self::default()
    }

    /// The address that these bytes begin with; none if they are too few.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|bytes| Self(*bytes))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
