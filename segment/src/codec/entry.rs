//! What is said of an address, as bytes (F7).

use std::net::IpAddr;

use super::Malformed;
use super::field::{Field, Reader, flags};
use crate::message::{Entry, Hold};

/// The longest entry: an IPv6 address that was released to somebody.
pub(super) const LONGEST: usize = 51;

const GONE: u8 = 0;
const HOLD: u8 = 1;
const RELEASED: u8 = 2;
const DECLINED: u8 = 3;

const BACKED: u8 = 1;
const HAS_HEIR: u8 = 2;

/// Appends an entry as pages contain it.
pub(crate) fn bytes(address: IpAddr, entry: Option<Entry>, out: &mut Vec<u8>) {
    (address, entry).write(out);
}

impl Field for IpAddr {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.read()? {
            4 => reader.read::<[u8; 4]>().map(Self::from),
            6 => reader.read::<[u8; 16]>().map(Self::from),
            other => Err(Malformed::Family(other)),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::V4(v4) => (4_u8, v4.octets()).write(out),
            Self::V6(v6) => (6_u8, v6.octets()).write(out),
        }
    }
}

impl Field for Option<Entry> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match reader.read()? {
            GONE => None,
            HOLD => Some(Entry::Hold(reader.read()?)),
            RELEASED => {
                let flags = reader.flags(HAS_HEIR)?;
                let epoch = reader.read()?;
                let to = reader.read_if(flags != 0)?;
                Some(Entry::Released { epoch, to })
            }
            DECLINED => Some(Entry::Declined {
                epoch: reader.read()?,
            }),
            other => return Err(Malformed::Entry(other)),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            None => GONE.write(out),
            Some(Entry::Hold(hold)) => (HOLD, *hold).write(out),
            Some(Entry::Released { epoch, to }) => {
                [RELEASED, flags([(to.is_some(), HAS_HEIR)])].write(out);
                epoch.write(out);
                to.iter().for_each(|heir| heir.write(out));
            }
            Some(Entry::Declined { epoch }) => (DECLINED, *epoch).write(out),
        }
    }
}

impl Field for Hold {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = reader.flags(BACKED | HAS_HEIR)?;
        Ok(Self {
            backed: flags & BACKED != 0,
            epoch: reader.read()?,
            yield_to: reader.read_if(flags & HAS_HEIR != 0)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        flags([(self.backed, BACKED), (self.yield_to.is_some(), HAS_HEIR)]).write(out);
        self.epoch.write(out);
        self.yield_to.iter().for_each(|heir| heir.write(out));
    }
}
