//! OPEN (RFC 4271 section 4.2).

use std::net::Ipv4Addr;

use super::super::Asn;
use super::capability::Capabilities;
use super::frame::{Kind, framed};
use super::notification::{Notification, open_error};

const VERSION: u8 = 4;
/// The optional parameter that has capabilities in it (RFC 5492).
const CAPABILITIES: u8 = 2;
/// As the type of the first parameter it says that lengths have two octets (RFC 9072).
const EXTENDED_LENGTH: u8 = 255;

/// Who the sender is and what it can do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Open {
    /// Its AS; what does not fit into two octets is also in the capabilities.
    pub asn: Asn,
    /// The hold time that it offers, in seconds. Not checked.
    pub hold: u16,
    /// Its BGP identifier. Not checked.
    pub identifier: Ipv4Addr,
    /// What it can do.
    pub capabilities: Capabilities,
}

impl Open {
    /// Reads a body. Its version and its form are checked here, its meaning where it is compared with what is expected.
    ///
    /// # Errors
    ///
    /// As RFC 4271 section 6.2 says.
    pub fn parse(body: &[u8]) -> Result<Self, Notification> {
        let malformed = || Notification::new(open_error::MALFORMED);
        let (head, rest) = body.split_first_chunk::<10>().ok_or_else(malformed)?;
        let [version, as_high, as_low, hold_high, hold_low, a, b, c, d, length] = *head;
        if version != VERSION {
            return Err(Notification::with(open_error::VERSION, vec![0, VERSION]));
        }
        let capabilities = parameters(length, rest)?;
        let short = Asn(u16::from_be_bytes([as_high, as_low]).into());
        Ok(Self {
            asn: capabilities.four_octets.unwrap_or(short),
            hold: u16::from_be_bytes([hold_high, hold_low]),
            identifier: Ipv4Addr::new(a, b, c, d),
            capabilities,
        })
    }

    /// Appends the message. All capabilities stand in one parameter each, as old routers want it.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let mut values = Vec::new();
        self.capabilities.write(&mut values);
        let mut parameters = Vec::new();
        let mut rest = &values[..];
        while let [_, length, ..] = rest {
            let (one, more) = rest.split_at(2 + usize::from(*length));
            parameters.extend_from_slice(&[CAPABILITIES, *length + 2]);
            parameters.extend_from_slice(one);
            rest = more;
        }
        framed(out, Kind::Open, |out| {
            out.push(VERSION);
            out.extend_from_slice(&self.asn.short().to_be_bytes());
            out.extend_from_slice(&self.hold.to_be_bytes());
            out.extend_from_slice(&self.identifier.octets());
            // What is offered here has less than 150 bytes.
            out.push(u8::try_from(parameters.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(&parameters);
        });
    }
}

/// Reads the optional parameters, of which only capabilities are known.
fn parameters(length: u8, bytes: &[u8]) -> Result<Capabilities, Notification> {
    let malformed = || Notification::new(open_error::MALFORMED);
    let (wide, bytes) = match bytes {
        [EXTENDED_LENGTH, high, low, rest @ ..] if length != 0 => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            (true, Some(rest).filter(|rest| rest.len() == length))
        }
        rest => (false, Some(rest).filter(|rest| rest.len() == usize::from(length))),
    };
    let mut rest = bytes.ok_or_else(malformed)?;
    let mut capabilities = Capabilities::default();
    while !rest.is_empty() {
        let (kind, length, after) = match (wide, rest) {
            (false, [kind, length, after @ ..]) => (*kind, usize::from(*length), after),
            (true, [kind, high, low, after @ ..]) => {
                (*kind, usize::from(u16::from_be_bytes([*high, *low])), after)
            }
            _ => return Err(malformed()),
        };
        let (value, more) = after.split_at_checked(length).ok_or_else(malformed)?;
        if kind != CAPABILITIES {
            return Err(Notification::new(open_error::PARAMETER));
        }
        read_all(value, &mut capabilities).ok_or_else(malformed)?;
        rest = more;
    }
    Ok(capabilities)
}

/// Reads the capabilities of one parameter; none if they do not end with it.
fn read_all(mut rest: &[u8], capabilities: &mut Capabilities) -> Option<()> {
    while !rest.is_empty() {
        let [code, length, after @ ..] = rest else {
            return None;
        };
        let (value, more) = after.split_at_checked(usize::from(*length))?;
        capabilities.read(*code, value);
        rest = more;
    }
    Some(())
}
