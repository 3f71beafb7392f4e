//! Ranges of addresses: what one entry of `spec.addresses` means.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnetwork::IpNetwork;
use thiserror::Error;

use super::Family;

/// First to last address, both included, of one family, first ≤ last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

/// Why a text is not a range; each message quotes it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidRange {
    /// Neither `a/n` nor `a-b`.
    #[error("\"{0}\" is neither a CIDR prefix like 192.0.2.0/28 nor a range like 192.0.2.10-192.0.2.20")]
    Unreadable(String),
    /// One end is IPv4, the other IPv6.
    #[error("\"{0}\" mixes IPv4 and IPv6")]
    MixedFamilies(String),
    /// The start is above the end.
    #[error("\"{0}\" starts above its end")]
    Reversed(String),
}

impl AddressRange {
    /// From `first` to `last`; both must be of one family, in order.
    ///
    /// # Errors
    /// When the families differ or `first` is above `last`.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, InvalidRange> {
        let text = || format!("{first}-{last}");
        if Family::of(first) != Family::of(last) {
            Err(InvalidRange::MixedFamilies(text()))
        } else if first > last {
            Err(InvalidRange::Reversed(text()))
        } else {
            Ok(Self { first, last })
        }
    }

    /// The lowest address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// The highest address.
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// The family of all its addresses.
    pub fn family(&self) -> Family {
        Family::of(self.first)
    }

    /// Whether the address lies in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.family() == Family::of(address) && (self.first..=self.last).contains(&address)
    }

    /// The first and the last address as numbers.
    pub fn bounds(&self) -> (u128, u128) {
        (number(self.first), number(self.last))
    }
}

/// The address as a number, by which ranges are counted and compared within a family.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The address of this number; numbers above 2^32 do not occur for IPv4.
pub(super) fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX))),
        Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
    }
}

impl FromStr for AddressRange {
    type Err = InvalidRange;

    /// Reads `a/n` (host bits are ignored, as MetalLB does) or `a-b` (spaces around the dash are fine).
    /// A bare address and a dotted netmask are refused, as MetalLB does.
    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let unreadable = || InvalidRange::Unreadable(text.to_owned());
        if let Some((first, last)) = text.split_once('-') {
            let end = |part: &str| part.trim().parse::<IpAddr>().map_err(|_| unreadable());
            let (first, last) = (end(first)?, end(last)?);
            return Self::new(first, last).map_err(|error| match error {
                InvalidRange::MixedFamilies(_) => InvalidRange::MixedFamilies(text.to_owned()),
                _ => InvalidRange::Reversed(text.to_owned()),
            });
        }
        let (_, length) = text.split_once('/').ok_or_else(unreadable)?;
        if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(unreadable());
        }
        let network: IpNetwork = text.parse().map_err(|_| unreadable())?;
        Ok(match network {
            IpNetwork::V4(v4) => Self {
                first: v4.network().into(),
                last: v4.broadcast().into(),
            },
            IpNetwork::V6(v6) => Self {
                first: v6.network().into(),
                last: v6.broadcast().into(),
            },
        })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_prefix("192.0.2.0/30", "192.0.2.0", "192.0.2.3")]
    #[case::host_bits_are_ignored("192.0.2.9/30", "192.0.2.8", "192.0.2.11")]
    #[case::a_single_address_prefix("192.0.2.9/32", "192.0.2.9", "192.0.2.9")]
    #[case::a_range("192.0.2.1-192.0.2.5", "192.0.2.1", "192.0.2.5")]
    #[case::spaces_around_the_dash("192.0.2.1 - 192.0.2.5", "192.0.2.1", "192.0.2.5")]
    #[case::an_ipv6_prefix("2001:db8::/126", "2001:db8::", "2001:db8::3")]
    #[case::an_ipv6_range("2001:db8::1-2001:db8::ff", "2001:db8::1", "2001:db8::ff")]
    fn reads(#[case] text: &str, #[case] first: &str, #[case] last: &str) {
        let range: AddressRange = text.parse().unwrap();
        assert_eq!(
            (range.first(), range.last()),
            (first.parse().unwrap(), last.parse().unwrap())
        );
    }

    #[rstest]
    #[case::bare_address("192.0.2.1")]
    #[case::netmask("192.0.2.0/255.255.255.0")]
    #[case::prefix_too_long("192.0.2.0/33")]
    #[case::three_ends("192.0.2.1-192.0.2.2-192.0.2.3")]
    #[case::no_end("192.0.2.1-")]
    #[case::nothing("")]
    #[case::words("pool")]
    #[case::space_in_prefix("192.0.2.0/ 24")]
    fn refuses_as_unreadable(#[case] text: &str) {
        assert_eq!(
            text.parse::<AddressRange>(),
            Err(InvalidRange::Unreadable(text.to_owned()))
        );
    }

    #[test]
    fn refuses_mixed_families_and_reversed_ranges_by_name() {
        let mixed = "192.0.2.1-2001:db8::1".parse::<AddressRange>();
        assert_eq!(
            mixed,
            Err(InvalidRange::MixedFamilies("192.0.2.1-2001:db8::1".to_owned()))
        );
        let reversed = "2001:db8::9-2001:db8::1".parse::<AddressRange>();
        assert_eq!(
            reversed,
            Err(InvalidRange::Reversed("2001:db8::9-2001:db8::1".to_owned()))
        );
    }
}
