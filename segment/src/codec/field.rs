//! Fields: how each value stands in a message, for reading and for writing.

use std::time::Duration;

use super::Malformed;
use crate::mac::Mac;
use crate::message::{Boot, ContentDigest, Epoch, Instance, NodeId, Part, Tag, Version};

/// A value in a message.
pub(super) trait Field: Sized {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed>;
    fn write(&self, out: &mut Vec<u8>);
}

/// What is left to read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn read<T: Field>(&mut self) -> Result<T, Malformed> {
        T::read(self)
    }

    /// A field that may be absent.
    pub(super) fn read_if<T: Field>(&mut self, there: bool) -> Result<Option<T>, Malformed> {
        there.then(|| self.read()).transpose()
    }

    /// Flags, of which only those in `known` may be set.
    pub(super) fn flags(&mut self, known: u8) -> Result<u8, Malformed> {
        let flags: u8 = self.read()?;
        match flags & !known {
            0 => Ok(flags),
            _ => Err(Malformed::Flags(flags)),
        }
    }

    pub(super) fn end(&self) -> Result<(), Malformed> {
        match self.0.len() {
            0 => Ok(()),
            more => Err(Malformed::Trailing(more)),
        }
    }
}

/// The flags that are true, as one byte.
pub(super) fn flags<const N: usize>(flags: [(bool, u8); N]) -> u8 {
    let set = flags.into_iter().filter(|(on, _)| *on);
    set.fold(0, |all, (_, bit)| all | bit)
}

impl<const N: usize> Field for [u8; N] {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (field, rest) = reader.0.split_first_chunk().ok_or(Malformed::Short)?;
        reader.0 = rest;
        Ok(*field)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

macro_rules! numbers {
    ($($number:ty),*) => { $(
        impl Field for $number {
            fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                reader.read().map(Self::from_be_bytes)
            }

            fn write(&self, out: &mut Vec<u8>) {
                self.to_be_bytes().write(out);
            }
        }
    )* };
}

numbers!(u8, u16, u32, u64);

/// Types that are one value under another name.
macro_rules! newtypes {
    ($($name:ident),*) => { $(
        impl Field for $name {
            fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                reader.read().map(Self)
            }

            fn write(&self, out: &mut Vec<u8>) {
                self.0.write(out);
            }
        }
    )* };
}

newtypes!(NodeId, Boot, Tag, Epoch, Version, ContentDigest, Mac);

/// Types that are their fields one after the other, in this order.
macro_rules! record {
    ($name:ident { $($field:ident),* }) => {
        impl Field for $name {
            fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(Self { $($field: reader.read()?),* })
            }

            fn write(&self, out: &mut Vec<u8>) {
                $(self.$field.write(out);)*
            }
        }
    };
}
pub(super) use record;

record!(Instance { node, boot });
record!(Part { index, of });

/// In milliseconds; the longest that can be said, if it is longer.
impl Field for Duration {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let milliseconds: u32 = reader.read()?;
        Ok(Self::from_millis(milliseconds.into()))
    }

    fn write(&self, out: &mut Vec<u8>) {
        u32::try_from(self.as_millis()).unwrap_or(u32::MAX).write(out);
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok((reader.read()?, reader.read()?))
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }
}

/// Up to the end of the message. Each takes a byte at least, so there are no more than bytes.
impl<T: Field> Field for Vec<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut read = Vec::new();
        while !reader.0.is_empty() {
            read.push(reader.read()?);
        }
        Ok(read)
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|one| one.write(out));
    }
}
