//! Numbers of autonomous systems.

use std::fmt;

/// The number of an autonomous system, four octets (RFC 6793).
///
/// Zero is nobody's (RFC 7607): a peer that says it is refused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Asn(pub u32);

impl Asn {
    /// Stands for a number that two octets cannot say (RFC 6793).
    pub const TRANS: u16 = 23456;

    /// The number in two octets, [`Asn::TRANS`] if it does not fit.
    pub fn short(self) -> u16 {
        u16::try_from(self.0).unwrap_or(Self::TRANS)
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
