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

/// A frame that a key of ours may have sealed: what it says of itself anyone can say.
pub struct Sealed<'a> {
    /// The Ethernet address it comes from.
    pub source: Mac,
    keys: &'a KeyRing,
    key: u16,
    kind: u8,
    covered: &'a [u8],
    seal: &'a [u8; SEAL],
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

impl<'a> Sealed<'a> {
    /// Reads what a frame says of itself, if one of the keys may have sealed it. That costs next to nothing. What comes
    /// after the seal is padding.
    ///
    /// # Errors
    ///
    /// If none of the keys can have sealed it (S2).
    pub fn read(keys: &'a KeyRing, frame: &'a [u8]) -> Result<Self, Refused> {
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
        let end = MESSAGE + length;
        let (_, after) = frame.split_at_checked(end).ok_or(Refused::Truncated)?;
        let seal = after.first_chunk().ok_or(Refused::Truncated)?;
        let key = u16::from_be_bytes(key);
        if keys.named(key).next().is_none() {
            return Err(Refused::OtherKey);
        }
        Ok(Self {
            source: Mac(source),
            keys,
            key,
            kind,
            covered: &frame[COVERED..end],
            seal,
        })
    }

    /// The instance it is of, and its sequence; none if it ends before that.
    pub fn sender(&self) -> Option<(Instance, u64)> {
        codec::sender(self.message())
    }

    /// What it says, if one of the keys sealed it; with the IP address that it came from, if it came in a datagram.
    ///
    /// # Errors
    ///
    /// If none did, or it has no meaning (S2).
    pub fn open(&self, ip: Option<IpAddr>) -> Result<Message, Refused> {
        let (ip, mut keys) = (octets(ip), self.keys.named(self.key));
        if !keys.any(|key| key.verifies(self.covered, &ip, self.seal)) {
            return Err(Refused::BadSeal);
        }
        Ok(codec::parse(self.kind, self.message())?)
    }

    fn message(&self) -> &[u8] {
        &self.covered[MESSAGE - COVERED..]
    }
}

/// What is sealed besides the frame. The frame says where it ends, so nothing that is sealed is both.
fn octets(ip: Option<IpAddr>) -> Vec<u8> {
    match ip {
        None => Vec::new(),
        Some(IpAddr::V4(v4)) => v4.octets().to_vec(),
        Some(IpAddr::V6(v6)) => v6.octets().to_vec(),
    }
}
