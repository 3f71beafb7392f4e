//! Fields out of bytes.

use super::Malformed;
use crate::message::{Boot, ContentDigest, Epoch, Instance, NodeId, Part, Version};

/// What is left to read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (field, rest) = self.0.split_first_chunk().ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.bytes().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.bytes().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.bytes().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.bytes().map(u64::from_be_bytes)
    }

    /// Flags, of which only those in `known` may be set.
    pub(super) fn flags(&mut self, known: u8) -> Result<u8, Malformed> {
        let flags = self.u8()?;
        match flags & !known {
            0 => Ok(flags),
            _ => Err(Malformed::Flags(flags)),
        }
    }

    pub(super) fn node(&mut self) -> Result<NodeId, Malformed> {
        self.bytes().map(NodeId)
    }

    pub(super) fn instance(&mut self) -> Result<Instance, Malformed> {
        Ok(Instance {
            node: self.node()?,
            boot: Boot(self.u64()?),
        })
    }

    pub(super) fn epoch(&mut self) -> Result<Epoch, Malformed> {
        self.u64().map(Epoch)
    }

    pub(super) fn version(&mut self) -> Result<Version, Malformed> {
        self.u64().map(Version)
    }

    pub(super) fn digest(&mut self) -> Result<ContentDigest, Malformed> {
        self.u64().map(ContentDigest)
    }

    pub(super) fn part(&mut self) -> Result<Part, Malformed> {
        Ok(Part {
            index: self.u8()?,
            of: self.u8()?,
        })
    }

    /// Reads until nothing is left. Each turn takes a byte at least, so there are no more than bytes.
    pub(super) fn all<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let mut read = Vec::new();
        while !self.0.is_empty() {
            read.push(one(self)?);
        }
        Ok(read)
    }

    pub(super) fn end(&self) -> Result<(), Malformed> {
        match self.0.len() {
            0 => Ok(()),
            more => Err(Malformed::Trailing(more)),
        }
    }
}
