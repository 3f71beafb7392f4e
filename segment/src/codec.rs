//! Messages as bytes (rules F): big-endian, without gaps, each message in one way only (F2).
//!
//! Any bytes can be parsed. The same rules hold for what is read and for what is written, so that nothing is sent that
//! others would refuse.

mod body;
mod entry;
mod field;
mod finding;
mod kind;
mod malformed;
mod rules;
mod split;
#[cfg(test)]
mod tests;

use super::message::{Instance, Message};
use field::{Field, Reader};

pub(crate) use entry::bytes as entry_bytes;
pub use kind::kind_of;
pub use malformed::Malformed;
pub use split::{Room, claims_pages, heard_pages};

/// The version of the protocol that is spoken here.
pub const VERSION: u8 = 2;

/// A message has at most this many bytes: what an Ethernet frame of 1,514 bytes leaves it.
pub const MESSAGE_MAX: usize = 1478;

/// Node, boot and sequence, which are in front of every body (F3).
const HEAD: usize = 32;

/// Reads a message of this kind.
///
/// # Errors
///
/// If the bytes are not exactly one message.
pub fn parse(kind: u8, bytes: &[u8]) -> Result<Message, Malformed> {
    if bytes.len() > MESSAGE_MAX {
        return Err(Malformed::Long(bytes.len()));
    }
    let mut reader = Reader(bytes);
    let message = Message {
        from: reader.read()?,
        sequence: reader.read()?,
        body: kind::read(kind, &mut reader)?,
    };
    reader.end()?;
    rules::check(&message)?;
    Ok(message)
}

/// The instance that a message says it is of, and its sequence; none if it ends before that.
pub fn sender(bytes: &[u8]) -> Option<(Instance, u64)> {
    Reader(bytes).read().ok()
}

/// Appends the bytes of a message. Parts of a millisecond are cut off.
///
/// # Errors
///
/// If others would refuse to read it; then nothing is appended.
pub fn emit(message: &Message, out: &mut Vec<u8>) -> Result<(), Malformed> {
    rules::check(message)?;
    let before = out.len();
    (message.from, message.sequence).write(out);
    kind::write(&message.body, out);
    let length = out.len() - before;
    if length > MESSAGE_MAX {
        out.truncate(before);
        return Err(Malformed::Long(length));
    }
    Ok(())
}
