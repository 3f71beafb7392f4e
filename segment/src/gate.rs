//! Which frames come in: those that a key of ours sealed, each once, and no more of them than there is time to check.
//!
//! What is cheap comes first. A frame that would not count if it were authentic is refused before its seal is checked: so a
//! storm of recorded frames costs next to nothing, and takes nothing from the peers they are of.

use std::net::IpAddr;

use thiserror::Error;

use super::Moment;
use super::message::Message;
use super::replay::{Limits, RateLimit, Replayed, Sequences};
use super::seal::{KeyRing, Refused, Sealed};

/// Why a frame does not come in.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Barred {
    /// It is not what a key of ours sealed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// That frame or a later one of the same boot and interface was heard already.
    #[error(transparent)]
    Replayed(#[from] Replayed),
    /// There is no time to check its seal.
    #[error("too many frames")]
    TooMany,
}

impl Barred {
    /// The reason as the label of a metric.
    pub fn label(self) -> &'static str {
        match self {
            Self::Refused(why) => why.label(),
            Self::Replayed(_) => "replayed",
            Self::TooMany => "too_many",
        }
    }
}

/// What was let in so far on one interface.
#[derive(Clone, Debug)]
pub struct Gate {
    rate: RateLimit,
    sequences: Sequences,
}

impl Gate {
    /// Nothing came yet.
    pub fn new(limits: Limits, now: Moment) -> Self {
        Self {
            rate: RateLimit::new(limits, now),
            sequences: Sequences::default(),
        }
    }

    /// Reads a frame that is to count; it counts once. With the IP address that it came from, if it came in a datagram.
    ///
    /// # Errors
    ///
    /// If it does not count.
    pub fn admit(
        &mut self,
        keys: &KeyRing,
        frame: &[u8],
        ip: Option<IpAddr>,
        now: Moment,
    ) -> Result<Message, Barred> {
        let sealed = Sealed::read(keys, frame)?;
        if let Some((from, sequence)) = sealed.sender() {
            self.sequences.judge(from, sealed.source, sequence)?; // S4
        }
        // S5
        if !self.rate.allows(sealed.source, now) {
            return Err(Barred::TooMany);
        }
        let message = sealed.open(ip)?;
        self.sequences
            .accept(message.from, sealed.source, message.sequence)?;
        self.rate.prove(sealed.source, now);
        Ok(message)
    }
}

#[cfg(test)]
mod tests;
