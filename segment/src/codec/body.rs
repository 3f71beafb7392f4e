//! What is said, as bytes.

use std::time::Duration;

use super::field::{Field, Reader, flags, record};
use super::{Malformed, VERSION};
use crate::message::{
    Alive, BUCKETS, Beacon, BucketsPage, ClaimsPage, HeardPage, Request, Requested, Returned, Standing,
    State, Tag, Version,
};

/// The longest head of a page of claims, with a base.
pub(super) const CLAIMS_HEAD: usize = 28;
/// The head of a page of tags.
pub(super) const HEARD_HEAD: usize = 12;

const DRAINING: u8 = 1;
const HOLD_DOWN: u8 = 2;

const HAS_BASE: u8 = 1;

// F4
impl Field for Beacon {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [min, max] = reader.read()?;
        // A later speaker may speak more, as long as it speaks this too.
        if !(min..=max).contains(&VERSION) {
            return Err(Malformed::Versions { min, max });
        }
        Ok(Self {
            state: reader.read()?,
            standing: reader.read()?,
            multiplier: reader.read()?,
            interval: Duration::from_millis(reader.read::<u16>()?.into()),
            uptime: Duration::from_millis(reader.read()?),
            heard: reader.read()?,
            claims: reader.read()?,
            digest: reader.read()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        [VERSION, VERSION].write(out);
        self.state.write(out);
        self.standing.write(out);
        self.multiplier.write(out);
        u16::try_from(self.interval.as_millis())
            .unwrap_or(u16::MAX)
            .write(out);
        u64::try_from(self.uptime.as_millis())
            .unwrap_or(u64::MAX)
            .write(out);
        self.heard.write(out);
        self.claims.write(out);
        self.digest.write(out);
    }
}

/// By their bytes.
const STATES: [State; 4] = [State::Joining, State::Active, State::Leaving, State::Gone];

impl Field for State {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let byte: u8 = reader.read()?;
        STATES
            .get(usize::from(byte))
            .copied()
            .ok_or(Malformed::State(byte))
    }

    fn write(&self, out: &mut Vec<u8>) {
        (*self as u8).write(out);
    }
}

impl Field for Standing {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = reader.flags(DRAINING | HOLD_DOWN)?;
        Ok(Self {
            draining: flags & DRAINING != 0,
            hold_down: flags & HOLD_DOWN != 0,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        flags([(self.draining, DRAINING), (self.hold_down, HOLD_DOWN)]).write(out);
    }
}

// F5
impl Field for HeardPage {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (version, part) = reader.read()?;
        let mutual = (0..reader.read::<u16>()?).map(|_| reader.read::<Tag>());
        Ok(Self {
            version,
            part,
            mutual: mutual.collect::<Result<_, _>>()?,
            one_way: reader.read()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.version.write(out);
        self.part.write(out);
        u16::try_from(self.mutual.len()).unwrap_or(u16::MAX).write(out);
        self.mutual.write(out);
        self.one_way.write(out);
    }
}

// F6
record!(ClaimsPage {
    bucket,
    base,
    version,
    digest,
    part,
    entries
});

impl Field for Option<Version> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = reader.flags(HAS_BASE)?;
        reader.read_if(flags != 0)
    }

    fn write(&self, out: &mut Vec<u8>) {
        flags([(self.is_some(), HAS_BASE)]).write(out);
        self.iter().for_each(|base| base.write(out));
    }
}

// F8
impl Field for BucketsPage {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let version = reader.read()?;
        let buckets = (0..BUCKETS).map(|_| reader.read());
        let buckets = buckets.collect::<Result<_, _>>()?;
        Ok(Self { version, buckets })
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.version.write(out);
        self.buckets.write(out);
    }
}

// F9
record!(Request { of, what });
record!(Alive { instance, age });
record!(Returned { instance, left });

impl Field for Requested {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.read()? {
            0 => Ok(Self::Heard),
            1 => Ok(Self::Buckets),
            2 => reader.read().map(Self::Claims),
            other => Err(Malformed::Request(other)),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Heard => 0_u8.write(out),
            Self::Buckets => 1_u8.write(out),
            Self::Claims(buckets) => (2_u8, *buckets).write(out),
        }
    }
}
