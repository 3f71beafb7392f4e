//! Addresses and MACs in a text, by their form.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::addresses::Network;

/// The longest form of an IPv6 address.
const LONGEST_V6: usize = 45;
/// So many colons make an address even of what has a letter directly before or behind it, such as a path of Rust.
const SURE_COLONS: usize = 3;

/// What was recognised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Recognized {
    Address {
        address: IpAddr,
        /// As in names of machines: `192-0-2-1`.
        dashed: bool,
    },
    Network(Network),
    Mac {
        mac: Mac,
        form: MacForm,
    },
}

/// An Ethernet address.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Mac([u8; 6]);

/// How a MAC is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum MacForm {
    /// `02:00:00:00:00:01`
    Colons,
    /// `02-00-00-00-00-01`
    Dashes,
    /// `0200.0000.0001`
    Dots,
    /// `020000000001`
    Bare,
}

impl Mac {
    /// Locally administered.
    pub(super) fn made_up(number: u32) -> Self {
        let [a, b, c, d] = number.to_be_bytes();
        Self([0x06, 0, a, b, c, d])
    }

    /// All stations, or none.
    pub(super) fn is_of_nobody(self) -> bool {
        self.0 == [0xff; 6] || self.0 == [0; 6]
    }

    fn from_digits(digits: &[u8]) -> Option<Self> {
        let digits = std::str::from_utf8(digits)
            .ok()
            .filter(|digits| digits.len() == 12)?;
        let number = u64::from_str_radix(digits, 16).ok()?;
        let [_, _, rest @ ..] = number.to_be_bytes();
        Some(Self(rest))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&MacForm::Colons.write(*self))
    }
}

impl MacForm {
    /// Whether nothing else is written like this.
    pub(super) fn is_sure(self) -> bool {
        self != Self::Bare
    }

    pub(super) fn write(self, mac: Mac) -> String {
        let (length, between) = match self {
            Self::Colons => (1, ":"),
            Self::Dashes => (1, "-"),
            Self::Dots => (2, "."),
            Self::Bare => (6, ""),
        };
        let group = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        mac.0.chunks(length).map(group).collect::<Vec<_>>().join(between)
    }
}

/// What begins here, with its end.
pub(super) fn at(bytes: &[u8], at: usize) -> Option<(usize, Recognized)> {
    let first = bytes[at];
    if !first.is_ascii_hexdigit() && first != b':' {
        return None;
    }
    mac(bytes, at).or_else(|| v6(bytes, at)).or_else(|| v4(bytes, at))
}

/// The byte before, if it is no part of an escape.
fn before(bytes: &[u8], at: usize) -> Option<u8> {
    let byte = at.checked_sub(1).map(|index| bytes[index])?;
    (!follows_escape(bytes, at)).then_some(byte)
}

/// Whether `\n`, `\u003c` or `%2F` ends here, whose letters are no part of what follows.
pub(super) fn follows_escape(bytes: &[u8], at: usize) -> bool {
    let before = |distance: usize| at.checked_sub(distance).and_then(|index| bytes.get(index));
    let after_short =
        before(2) == Some(&b'\\') && matches!(before(1), Some(b'n' | b'r' | b't' | b'b' | b'f' | b'0'));
    let after_long = before(6) == Some(&b'\\') && before(5) == Some(&b'u');
    let in_address = before(3) == Some(&b'%') && is_hex(before(2)) && is_hex(before(1));
    after_short || after_long || in_address
}

fn is_hex(byte: Option<&u8>) -> bool {
    byte.is_some_and(u8::is_ascii_hexdigit)
}

fn mac(bytes: &[u8], at: usize) -> Option<(usize, Recognized)> {
    if is_hex(before(bytes, at).as_ref()) {
        return None;
    }
    [
        (MacForm::Colons, 2, Some(b':')),
        (MacForm::Dashes, 2, Some(b'-')),
        (MacForm::Dots, 4, Some(b'.')),
        (MacForm::Bare, 12, None),
    ]
    .into_iter()
    .find_map(|(form, size, between)| {
        let mut digits = Vec::with_capacity(12);
        let mut end = at;
        for group in 0..12 / size {
            if group > 0 {
                bytes.get(end).copied().filter(|byte| Some(*byte) == between)?;
                end += 1;
            }
            digits.extend_from_slice(bytes.get(end..end + size)?);
            end += size;
        }
        // Eight groups are the identifier in an address.
        let goes_on = form == MacForm::Colons && bytes.get(end) == Some(&b':') && is_hex(bytes.get(end + 1));
        let is_over = !is_hex(bytes.get(end)) && !goes_on;
        let is_all_digits = digits.iter().all(u8::is_ascii_hexdigit);
        let mac = Mac::from_digits(&digits).filter(|_| is_over && is_all_digits)?;
        Some((end, Recognized::Mac { mac, form }))
    })
}

fn v6(bytes: &[u8], at: usize) -> Option<(usize, Recognized)> {
    let previous = before(bytes, at);
    if is_hex(previous.as_ref()) {
        return None;
    }
    let of_address = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let run = bytes[at..].iter().take_while(of_address).take(LONGEST_V6).count();
    let run = std::str::from_utf8(&bytes[at..at + run]).ok()?;
    if run.bytes().filter(|byte| *byte == b':').count() < 2 {
        return None;
    }
    let (end, address) = (2..=run.len())
        .rev()
        .find_map(|length| Some((at + length, run[..length].parse::<Ipv6Addr>().ok()?)))?;
    let is_letter =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let is_glued = is_letter(previous.as_ref()) || is_letter(bytes.get(end));
    let colons = bytes[at..end].iter().filter(|byte| **byte == b':').count();
    if is_glued && colons < SURE_COLONS {
        return None;
    }
    Some(with_length(bytes, end, address.into(), 128))
}

/// Octets may have leading zeros.
fn v4(bytes: &[u8], at: usize) -> Option<(usize, Recognized)> {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    if !bytes[at].is_ascii_digit() || is_digit(before(bytes, at).as_ref()) {
        return None;
    }
    let mut octets = [0; 4];
    let mut end = at;
    let mut between = None;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            let found = *bytes.get(end).filter(|byte| matches!(byte, b'.' | b'-'))?;
            if *between.get_or_insert(found) != found {
                return None;
            }
            end += 1;
        }
        let length = bytes[end..]
            .iter()
            .take(3)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        *octet = std::str::from_utf8(&bytes[end..end + length])
            .ok()?
            .parse::<u8>()
            .ok()?;
        end += length;
    }
    if is_digit(bytes.get(end)) {
        return None;
    }
    let address = IpAddr::from(Ipv4Addr::from(octets));
    match between {
        Some(b'-') => Some((
            end,
            Recognized::Address {
                address,
                dashed: true,
            },
        )),
        _ => Some(with_length(bytes, end, address, 32)),
    }
}

/// A network, if the length of a prefix follows; else the address.
fn with_length(bytes: &[u8], end: usize, address: IpAddr, longest: u8) -> (usize, Recognized) {
    let alone = (
        end,
        Recognized::Address {
            address,
            dashed: false,
        },
    );
    if bytes.get(end) != Some(&b'/') {
        return alone;
    }
    let digits = bytes[end + 1..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let text = std::str::from_utf8(&bytes[end + 1..end + 1 + digits]);
    match text
        .ok()
        .and_then(|text| text.parse::<u8>().ok())
        .filter(|length| *length <= longest)
    {
        Some(length) => (end + 1 + digits, Recognized::Network(Network { address, length })),
        None => alone,
    }
}
