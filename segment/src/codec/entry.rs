//! What is said of an address, as bytes (F7).

use std::net::IpAddr;

use super::Malformed;
use super::reader::Reader;
use super::writer::Writer;
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
pub(crate) fn bytes(address: IpAddr, entry: Option<&Entry>, out: &mut Vec<u8>) {
    write(address, entry, &mut Writer(out));
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<(IpAddr, Option<Entry>), Malformed> {
    let address = read_address(reader)?;
    let entry = match reader.u8()? {
        GONE => None,
        HOLD => Some(Entry::Hold(read_hold(reader)?)),
        RELEASED => Some(read_released(reader)?),
        DECLINED => Some(Entry::Declined {
            epoch: reader.epoch()?,
        }),
        other => return Err(Malformed::Entry(other)),
    };
    Ok((address, entry))
}

pub(super) fn write(address: IpAddr, entry: Option<&Entry>, writer: &mut Writer<'_>) {
    write_address(address, writer);
    match entry {
        None => writer.u8(GONE),
        Some(Entry::Hold(hold)) => write_hold(hold, writer),
        Some(Entry::Released { epoch, to }) => {
            writer.u8(RELEASED);
            writer.flags([(to.is_some(), HAS_HEIR)]);
            writer.u64(epoch.0);
            if let Some((node, version)) = to {
                writer.node(*node);
                writer.u64(version.0);
            }
        }
        Some(Entry::Declined { epoch }) => {
            writer.u8(DECLINED);
            writer.u64(epoch.0);
        }
    }
}

fn read_address(reader: &mut Reader<'_>) -> Result<IpAddr, Malformed> {
    match reader.u8()? {
        4 => reader.bytes::<4>().map(IpAddr::from),
        6 => reader.bytes::<16>().map(IpAddr::from),
        other => Err(Malformed::Family(other)),
    }
}

fn write_address(address: IpAddr, writer: &mut Writer<'_>) {
    match address {
        IpAddr::V4(address) => {
            writer.u8(4);
            writer.bytes(&address.octets());
        }
        IpAddr::V6(address) => {
            writer.u8(6);
            writer.bytes(&address.octets());
        }
    }
}

fn read_hold(reader: &mut Reader<'_>) -> Result<Hold, Malformed> {
    let flags = reader.flags(BACKED | HAS_HEIR)?;
    let epoch = reader.epoch()?;
    let yield_to = match flags & HAS_HEIR {
        0 => None,
        _ => Some(reader.node()?),
    };
    Ok(Hold {
        epoch,
        backed: flags & BACKED != 0,
        yield_to,
    })
}

fn write_hold(hold: &Hold, writer: &mut Writer<'_>) {
    writer.u8(HOLD);
    writer.flags([(hold.backed, BACKED), (hold.yield_to.is_some(), HAS_HEIR)]);
    writer.u64(hold.epoch.0);
    if let Some(heir) = hold.yield_to {
        writer.node(heir);
    }
}

fn read_released(reader: &mut Reader<'_>) -> Result<Entry, Malformed> {
    let flags = reader.flags(HAS_HEIR)?;
    let epoch = reader.epoch()?;
    let to = match flags {
        0 => None,
        _ => Some((reader.node()?, reader.version()?)),
    };
    Ok(Entry::Released { epoch, to })
}
