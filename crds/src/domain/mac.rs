//! Ethernet addresses.

mod vendor;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An Ethernet address, printed as `02:00:c0:00:02:0c`.
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

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes: Option<Vec<u8>> = text
            .split(':')
            .map(|byte| {
                let digits = byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
                u8::from_str_radix(byte, 16).ok().filter(|_| digits)
            })
            .collect();
        let bytes = bytes.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
        bytes
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no Ethernet address"))
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn an_address_is_read_as_it_is_printed() {
        let mac = Mac([2, 0, 0xc0, 0, 2, 0x0c]);
        assert_eq!(mac.to_string(), "02:00:c0:00:02:0c");
        assert_eq!("02:00:c0:00:02:0c".parse(), Ok(mac));
    }

    #[rstest]
    #[case("")]
    #[case("02:00:c0:00:02")]
    #[case("02:00:c0:00:02:0c:0d")]
    #[case("2:0:c0:0:2:c")]
    #[case("02:00:c0:00:02:zz")]
    #[case("02:00:c0:00:02:+c")]
    fn anything_else_is_no_address(#[case] text: &str) {
        assert!(text.parse::<Mac>().is_err());
    }
}
