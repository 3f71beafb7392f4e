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

/// What the API server says of an entry that is no range (the schema of `IPAddressPool`), and the controller too.
pub(crate) mod rule {
    pub(crate) const READABLE: &str =
        "must be a CIDR prefix like 192.0.2.0/28 or an inclusive range like 192.0.2.10-192.0.2.20";
    pub(crate) const ONE_FAMILY: &str = "both ends of a range must be of the same family";
    pub(crate) const ORDERED: &str = "the start of a range must not be above its end";
    pub(crate) const USABLE: &str = "must not hold unspecified, loopback, multicast, limited broadcast, IPv4 link-local or IPv4-mapped addresses";
}

/// Why a text is not a range: the text and the rule that it breaks.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("\"{0}\": {1}")]
pub struct InvalidRange(String, String);

/// Blocks of addresses that no load balancer can have (RFC 6890; RFC 4291 section 2.5.5.2). IPv6 link-local addresses are not
/// among them: a segment may use them.
const UNUSABLE: [(IpAddr, IpAddr, &str); 9] = [
    (v4(0, 0, 0, 0), v4(0, 0, 0, 0), "0.0.0.0"),
    (v4(127, 0, 0, 0), v4(127, 255, 255, 255), "127.0.0.0/8"),
    (v4(169, 254, 0, 0), v4(169, 254, 255, 255), "169.254.0.0/16"),
    (v4(224, 0, 0, 0), v4(239, 255, 255, 255), "224.0.0.0/4"),
    (v4(255, 255, 255, 255), v4(255, 255, 255, 255), "255.255.255.255"),
    (v6(0), v6(0), "::"),
    (v6(1), v6(1), "::1"),
    (
        v6(0xffff << 32),
        v6((0xffff << 32) | 0xffff_ffff),
        "::ffff:0:0/96",
    ),
    (v6(0xff << 120), v6(u128::MAX), "ff00::/8"),
];

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(number: u128) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from_bits(number))
}

impl AddressRange {
    /// From `first` to `last`; both must be of one family, in order.
    ///
    /// # Errors
    /// When the families differ or `first` is above `last`.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, InvalidRange> {
        let range = Self { first, last };
        let invalid = |rule: &str| Err(InvalidRange(range.to_string(), rule.to_owned()));
        if Family::of(first) != Family::of(last) {
            invalid(rule::ONE_FAMILY)
        } else if first > last {
            invalid(rule::ORDERED)
        } else {
            Ok(range)
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

    /// The first block that it overlaps of those that no load balancer can have.
    fn unusable(&self) -> Option<&'static str> {
        let overlaps = |(first, last, _): &&(IpAddr, IpAddr, &str)| {
            Family::of(*first) == self.family() && *first <= self.last && self.first <= *last
        };
        UNUSABLE.iter().find(overlaps).map(|(_, _, name)| *name)
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

    /// Reads `a/n` (host bits are ignored, as MetalLB does) or `a-b` (spaces around the dash are fine). It takes what the schema of
    /// `IPAddressPool` takes: no bare address, netmask, zone, leading zero or IPv4-mapped address.
    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let invalid = |rule: String| InvalidRange(text.to_owned(), rule);
        let range = match text.split_once('-') {
            Some((first, last)) => end(first)
                .zip(end(last))
                .map(|(first, last)| Self::new(first, last)),
            None => prefix(text).map(Ok),
        };
        let range = range.ok_or_else(|| invalid(rule::READABLE.to_owned()))?;
        let range = range.map_err(|InvalidRange(_, rule)| invalid(rule))?;
        match range.unusable() {
            Some(block) => Err(invalid(format!("{} ({block})", rule::USABLE))),
            None => Ok(range),
        }
    }
}

/// An end of a range. The CEL function `isIP` refuses IPv4-mapped addresses.
fn end(text: &str) -> Option<IpAddr> {
    not_mapped(text.trim().parse().ok()?)
}

fn not_mapped(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => None,
        _ => Some(address),
    }
}

/// The addresses of `a/n`. The CEL function `isCIDR` refuses leading zeros in the length.
fn prefix(text: &str) -> Option<AddressRange> {
    let (address, length) = text.split_once('/')?;
    let plain =
        length.bytes().all(|byte| byte.is_ascii_digit()) && (length == "0" || !length.starts_with('0'));
    let network = IpNetwork::new(not_mapped(address.parse().ok()?)?, length.parse().ok()?).ok()?;
    plain.then(|| AddressRange {
        first: network.network(),
        last: network.broadcast(),
    })
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
    #[case::space_before_a_prefix(" 192.0.2.0/24")]
    #[case::leading_zero_in_the_length("192.0.2.0/024")]
    #[case::two_zeros_as_length("192.0.2.0/00")]
    #[case::sign_in_the_length("192.0.2.0/+24")]
    #[case::no_length("192.0.2.0/")]
    #[case::leading_zero_in_an_octet("192.0.02.0/24")]
    #[case::mapped_prefix("::ffff:192.0.2.0/120")]
    #[case::mapped_prefix_in_hexadecimal("::ffff:c000:200/120")]
    #[case::mapped_range("::ffff:192.0.2.1-::ffff:192.0.2.9")]
    #[case::zone("fe80::1%eth0-fe80::2%eth0")]
    fn refuses_as_unreadable(#[case] text: &str) {
        let unreadable = InvalidRange(text.to_owned(), rule::READABLE.to_owned());
        assert_eq!(text.parse::<AddressRange>(), Err(unreadable));
    }

    #[rstest]
    #[case::loopback("127.0.0.1/32", "127.0.0.0/8")]
    #[case::loopback_within_a_range("126.255.255.0-127.0.0.9", "127.0.0.0/8")]
    #[case::loopback_of_ipv6("::1-::9", "::1")]
    #[case::unspecified("0.0.0.0/24", "0.0.0.0")]
    #[case::unspecified_of_ipv6("::/64", "::")]
    #[case::link_local("169.254.10.0/24", "169.254.0.0/16")]
    #[case::multicast("239.1.1.0/24", "224.0.0.0/4")]
    #[case::multicast_of_ipv6("ff05::/64", "ff00::/8")]
    #[case::broadcast("255.255.255.0-255.255.255.255", "255.255.255.255")]
    #[case::around_the_mapped_ones("::fffe:0:0-::1:0:0:0", "::ffff:0:0/96")]
    #[case::around_everything("1.0.0.0-254.0.0.0", "127.0.0.0/8")]
    fn refuses_what_no_load_balancer_can_have(#[case] text: &str, #[case] expected: &'static str) {
        let refused = text.parse::<AddressRange>().unwrap_err();
        let expected = InvalidRange(text.to_owned(), format!("{} ({expected})", rule::USABLE));
        assert_eq!(refused, expected);
    }

    #[rstest]
    #[case::private("10.0.0.0/8")]
    #[case::shared("100.64.0.0/10")]
    #[case::reserved("240.0.0.0/5")]
    #[case::unique_local("fd00::/8")]
    #[case::link_local_of_ipv6("fe80::/64")]
    fn takes_what_a_segment_may_use(#[case] text: &str) {
        assert!(text.parse::<AddressRange>().is_ok());
    }

    #[test]
    fn refuses_mixed_families_and_reversed_ranges_by_name() {
        let mixed = "192.0.2.1-2001:db8::1".parse::<AddressRange>();
        let rule = "both ends of a range must be of the same family";
        assert_eq!(
            mixed.unwrap_err().to_string(),
            format!("\"192.0.2.1-2001:db8::1\": {rule}")
        );
        let reversed = "2001:db8::9-2001:db8::1".parse::<AddressRange>();
        let rule = "the start of a range must not be above its end";
        assert_eq!(
            reversed.unwrap_err().to_string(),
            format!("\"2001:db8::9-2001:db8::1\": {rule}")
        );
    }
}
