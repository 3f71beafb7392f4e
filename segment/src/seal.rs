//! Frames that only speakers of the same cluster can make: Ethernet header, envelope, message, and a seal over all of it (F1).

mod key;
mod refused;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use super::codec::{self, MESSAGE_MAX, Malformed, VERSION};
use super::message::{Instance, Message};
use crate::mac::{ETHERNET_HEADER, Mac};

pub use key::{KeyRing, SegmentKey};
pub use refused::Refused;

/// The group address of the speakers of a segment: locally administered, "FERRO".
pub const GROUP: Mac = Mac([0x03, 0x46, 0x45, 0x52, 0x52, 0x4f]);

/// Local Experimental EtherType 1 (IEEE Std 802).
pub const ETHERTYPE: u16 = 0x88b5;

/// The longest frame, of an Ethernet with an MTU of 1,500 bytes, without tag and check sequence.
pub const FRAME_MAX: usize = 1514;

/// A beacon in its frame.
pub const BEACON_FRAME: usize = 107;

/// Version, kind, key and length.
const ENVELOPE: usize = 6;
/// Where the message begins.
const MESSAGE: usize = ETHERNET_HEADER + ENVELOPE;
/// A seal: HMAC-SHA-256, of which the first 128 bits.
const SEAL: usize = 16;
/// Where that begins which the seal covers: with the source. The destination is no matter of trust.
const COVERED: usize = 6;

const _: () = assert!(MESSAGE + MESSAGE_MAX + SEAL == FRAME_MAX);

/// What was in a frame that was sealed with a key of ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opened {
    /// The Ethernet address it was sealed by.
    pub source: Mac,
    /// What it says.
    pub message: Message,
}

/// What a frame says of itself, which anyone can say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pretence {
    /// The Ethernet address it comes from.
    pub source: Mac,
    /// The instance it is of, and its sequence; none if it ends before that.
    pub from: Option<(Instance, u64)>,
}

/// Makes a frame from a source to a destination, sealed with the first key (S1). What goes in a datagram is sealed together
/// with the IP address that it comes from, and is what follows the Ethernet header (U1, U2).
///
/// # Errors
///
/// If others would refuse to read the message.
pub fn seal(
    keys: &KeyRing,
    [source, destination]: [Mac; 2],
    ip: Option<IpAddr>,
    message: &Message,
) -> Result<Vec<u8>, Malformed> {
    let key = keys.sealing();
    let mut frame = Vec::with_capacity(2 * BEACON_FRAME);
    frame.extend_from_slice(&destination.0);
    frame.extend_from_slice(&source.0);
    frame.extend_from_slice(&ETHERTYPE.to_be_bytes());
    frame.extend_from_slice(&[VERSION, codec::kind_of(&message.body)]);
    frame.extend_from_slice(&key.tag().to_be_bytes());
    frame.extend_from_slice(&[0; 2]);
    codec::emit(message, &mut frame)?;
    let length = u16::try_from(frame.len() - MESSAGE).expect("a message has at most 1,478 bytes");
    frame[MESSAGE - 2..MESSAGE].copy_from_slice(&length.to_be_bytes());
    let seal: [u8; SEAL] = key.seal(&frame[COVERED..], &octets(ip));
    frame.extend_from_slice(&seal);
    Ok(frame)
}

/// Reads what a frame says of itself, if one of the keys may have sealed it. That costs next to nothing.
///
/// # Errors
///
/// If none of the keys can have sealed it.
pub fn pretence(keys: &KeyRing, frame: &[u8]) -> Result<Pretence, Refused> {
    let envelope = Envelope::read(frame)?;
    let end = MESSAGE + envelope.length;
    if frame.len() < end + SEAL {
        return Err(Refused::Truncated);
    }
    keys.knows(envelope.key)?;
    Ok(Pretence {
        source: envelope.source,
        from: codec::sender(&frame[MESSAGE..end]),
    })
}

/// Reads a frame if one of the keys sealed it; with the IP address that it came from, if it came in a datagram. What comes
/// after the seal is padding.
///
/// # Errors
///
/// If it is not such a frame (S2).
pub fn open(keys: &KeyRing, frame: &[u8], ip: Option<IpAddr>) -> Result<Opened, Refused> {
    let envelope = Envelope::read(frame)?;
    let end = MESSAGE + envelope.length;
    let (covered, after) = frame.split_at_checked(end).ok_or(Refused::Truncated)?;
    let seal = after.first_chunk::<SEAL>().ok_or(Refused::Truncated)?;
    keys.verify(envelope.key, &covered[COVERED..], &octets(ip), seal)?;
    let message = codec::parse(envelope.kind, &covered[MESSAGE..])?;
    Ok(Opened {
        source: envelope.source,
        message,
    })
}

/// What is sealed besides the frame. The frame says where it ends, so nothing that is sealed is both.
fn octets(ip: Option<IpAddr>) -> Vec<u8> {
    match ip {
        None => Vec::new(),
        Some(IpAddr::V4(v4)) => v4.octets().to_vec(),
        Some(IpAddr::V6(v6)) => v6.octets().to_vec(),
    }
}

/// What a frame says of itself, in front of its message.
struct Envelope {
    source: Mac,
    kind: u8,
    key: u16,
    length: usize,
}

impl Envelope {
    fn read(frame: &[u8]) -> Result<Self, Refused> {
        let (header, rest) = frame
            .split_first_chunk::<ETHERNET_HEADER>()
            .ok_or(Refused::Truncated)?;
        let [_, _, _, _, _, _, source @ .., high, low] = *header;
        if u16::from_be_bytes([high, low]) != ETHERTYPE {
            return Err(Refused::NotOurs);
        }
        let version = *rest.first().ok_or(Refused::Truncated)?;
        if version != VERSION {
            return Err(Refused::OtherVersion(version));
        }
        let [_, kind, key @ .., long, short] = *rest.first_chunk::<ENVELOPE>().ok_or(Refused::Truncated)?;
        let length = usize::from(u16::from_be_bytes([long, short]));
        if length > MESSAGE_MAX {
            return Err(Malformed::Long(length).into());
        }
        Ok(Self {
            source: Mac(source),
            kind,
            key: u16::from_be_bytes(key),
            length,
        })
    }
}
