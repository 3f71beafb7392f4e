//! What a witness found, as bytes (F13).

use super::Malformed;
use super::field::{Field, Reader, flags, record};
use crate::message::{Finding, Wire};

const OK: u8 = 0;
const UNANSWERED: u8 = 1;
const WRONG_MAC: u8 = 2;
const SEVERAL: u8 = 3;
const FOREIGN: u8 = 4;

const OF_A_NODE: u8 = 1;

record!(Finding {
    address,
    holder,
    wire
});

impl Field for Wire {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match reader.read()? {
            OK => Self::Ok,
            UNANSWERED => Self::Unanswered(reader.read()?),
            WRONG_MAC => Self::WrongMac(reader.read()?, reader.read()?),
            SEVERAL => {
                let flags = reader.flags(OF_A_NODE)?;
                Self::Several(reader.read()?, reader.read_if(flags != 0)?)
            }
            FOREIGN => Self::Foreign(reader.read()?),
            other => return Err(Malformed::Wire(other)),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ok => OK.write(out),
            Self::Unanswered(mac) => (UNANSWERED, *mac).write(out),
            Self::WrongMac(mac, node) => (WRONG_MAC, (*mac, *node)).write(out),
            Self::Several(mac, node) => {
                [SEVERAL, flags([(node.is_some(), OF_A_NODE)])].write(out);
                mac.write(out);
                node.iter().for_each(|node| node.write(out));
            }
            Self::Foreign(mac) => (FOREIGN, *mac).write(out),
        }
    }
}
