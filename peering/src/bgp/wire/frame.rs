//! Where a message begins and ends (RFC 4271 section 4.1), and its errors (section 6.1).

use strum::{FromRepr, VariantArray};

use super::notification::{Notification, header_error};

/// Marker, length and type.
pub const HEADER: usize = 19;
/// No message is longer, unless both ends agreed on more.
pub const MESSAGE_MAX: usize = 4096;
/// What they can agree on (RFC 8654). OPEN and KEEPALIVE never are.
pub const MESSAGE_MAX_EXTENDED: usize = 65535;

const MARKER: [u8; 16] = [0xff; 16];

/// The kind of a message, by its number.
#[derive(Clone, Copy, Debug, Eq, FromRepr, PartialEq, VariantArray)]
#[repr(u8)]
pub enum Kind {
    /// Who the sender is, and what it can do.
    Open = 1,
    /// Routes.
    Update = 2,
    /// Why the session ends.
    Notification = 3,
    /// The sender is still there.
    Keepalive = 4,
    /// Please say everything again (RFC 2918).
    RouteRefresh = 5,
}

impl Kind {
    /// The least length of such a message, with its header.
    const fn least(self) -> usize {
        HEADER
            + match self {
                Self::Open => 10,
                Self::Update => 4,
                Self::Notification => 2,
                Self::Keepalive => 0,
                Self::RouteRefresh => 4,
            }
    }

    /// The greatest one, where messages may have `max` bytes (RFC 8654 section 4).
    fn greatest(self, max: usize) -> usize {
        match self {
            Self::Open => MESSAGE_MAX,
            Self::Keepalive => HEADER,
            _ => max,
        }
    }
}

/// One message, without its header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub body: &'a [u8],
    /// Its length, header included.
    pub length: usize,
}

/// The first message of what a connection brought; none if it is not complete yet. `max` is the greatest length.
///
/// # Errors
///
/// If no message begins here. Then none can be found any more.
pub fn split(bytes: &[u8], max: usize) -> Result<Option<Frame<'_>>, Notification> {
    let marker = bytes.get(..16).unwrap_or(bytes);
    if *marker != MARKER[..marker.len()] {
        return Err(Notification::new(header_error::NOT_SYNCHRONIZED));
    }
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let [high, low, kind] = [header[16], header[17], header[18]];
    let length = usize::from(u16::from_be_bytes([high, low]));
    let bad_length = || Notification::with(header_error::BAD_LENGTH, vec![high, low]);
    if !(HEADER..=max).contains(&length) {
        return Err(bad_length());
    }
    let bad_type = || Notification::with(header_error::BAD_TYPE, vec![kind]);
    let kind = Kind::from_repr(kind).ok_or_else(bad_type)?;
    // A length that is wrong for a ROUTE-REFRESH is an error of its own (RFC 7313 section 5).
    if kind != Kind::RouteRefresh && !(kind.least()..=kind.greatest(max)).contains(&length) {
        return Err(bad_length());
    }
    let body = rest.get(..length - HEADER);
    Ok(body.map(|body| Frame { kind, body, length }))
}

/// Appends a message whose body `write` appends, and returns what that returns.
pub(super) fn framed<T>(out: &mut Vec<u8>, kind: Kind, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let start = out.len();
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&[0, 0, kind as u8]);
    let result = write(out);
    // Whoever writes keeps to the greatest length.
    let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
    out[start + 16..start + 18].copy_from_slice(&length.to_be_bytes());
    result
}

/// Appends a KEEPALIVE.
pub fn keepalive(out: &mut Vec<u8>) {
    framed(out, Kind::Keepalive, |_| ());
}
