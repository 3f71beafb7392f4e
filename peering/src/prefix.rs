//! What routes lead to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use strum::VariantArray;
use thiserror::Error;

/// An address family, unicast (RFC 4760: AFI 1 or 2, SAFI 1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, VariantArray)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The length of an address, in bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// A network: an address without host bits, and a length.
///
/// All of IPv4 is before all of IPv6.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Prefix {
    network: IpAddr,
    length: u8,
}

/// Why something is no prefix.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum PrefixError {
    /// The length is greater than that of an address.
    #[error("a prefix of {0} has at most {max} bits, not {1}", max = .0.bits())]
    Length(Family, u8),
    /// The text is not an address, a slash and a number.
    #[error("{0:?} is not an address, a slash and a length")]
    Text(String),
}

impl Prefix {
    /// The network of this length that contains an address; its host bits are cut off.
    ///
    /// # Errors
    ///
    /// If the length, in bits, is greater than 32 or 128.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, PrefixError> {
        let family = Family::of(address);
        let host = family
            .bits()
            .checked_sub(length)
            .ok_or(PrefixError::Length(family, length))?;
        let network = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(host.into()).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() & mask).into()
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(host.into()).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
        };
        Ok(Self { network, length })
    }

    /// The prefix of one address alone: /32 or /128.
    pub const fn host(address: IpAddr) -> Self {
        Self {
            network: address,
            length: Family::of(address).bits(),
        }
    }

    /// The first address.
    pub const fn network(self) -> IpAddr {
        self.network
    }

    /// The length, in bits.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// The family of its addresses.
    pub const fn family(self) -> Family {
        Family::of(self.network)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.network, self.length)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let parts = text.split_once('/');
        let parts = parts.and_then(|(address, length)| Some((address.parse().ok()?, length.parse().ok()?)));
        let (address, length) = parts.ok_or_else(|| PrefixError::Text(text.to_owned()))?;
        Self::new(address, length)
    }
}

#[cfg(test)]
mod tests;
