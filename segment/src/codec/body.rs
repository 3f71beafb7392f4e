//! What is said, as bytes.

use std::time::Duration;

use super::reader::Reader;
use super::writer::Writer;
use super::{Malformed, VERSION, entry, kind};
use crate::message::{
    Alive, BUCKETS, Beacon, Body, BucketsPage, ClaimsPage, HeardPage, Request, Requested, Returned, Standing,
    State, Tag,
};

/// The longest head of a page of claims, with a base.
pub(super) const CLAIMS_HEAD: usize = 28;
/// The head of a page of tags.
pub(super) const HEARD_HEAD: usize = 12;

const DRAINING: u8 = 1;
const HOLD_DOWN: u8 = 2;

const HAS_BASE: u8 = 1;

pub(super) fn read(kind: u8, reader: &mut Reader<'_>) -> Result<Body, Malformed> {
    match kind {
        kind::BEACON => read_beacon(reader).map(Body::Beacon),
        kind::HEARD => read_heard(reader).map(Body::Heard),
        kind::CLAIMS => read_claims(reader).map(Body::Claims),
        kind::BUCKETS => read_buckets(reader).map(Body::Buckets),
        kind::REQUEST => read_request(reader).map(Body::Request),
        kind::QUERY => reader.instance().map(Body::Query),
        kind::ALIVE => read_alive(reader).map(Body::Alive),
        kind::RETURNED => read_returned(reader).map(Body::Returned),
        other => Err(Malformed::Kind(other)),
    }
}

pub(super) fn write(body: &Body, writer: &mut Writer<'_>) {
    match body {
        Body::Beacon(beacon) => write_beacon(beacon, writer),
        Body::Heard(page) => write_heard(page, writer),
        Body::Claims(page) => write_claims(page, writer),
        Body::Buckets(page) => write_buckets(page, writer),
        Body::Request(request) => write_request(*request, writer),
        Body::Query(instance) => writer.instance(*instance),
        Body::Alive(alive) => write_alive(*alive, writer),
        Body::Returned(returned) => write_returned(*returned, writer),
    }
}

// F4
fn read_beacon(reader: &mut Reader<'_>) -> Result<Beacon, Malformed> {
    read_versions(reader)?;
    Ok(Beacon {
        state: read_state(reader)?,
        standing: read_standing(reader)?,
        multiplier: reader.u8()?,
        interval: Duration::from_millis(reader.u16()?.into()),
        uptime: Duration::from_millis(reader.u64()?),
        heard: reader.version()?,
        claims: reader.version()?,
        digest: reader.digest()?,
    })
}

fn write_beacon(beacon: &Beacon, writer: &mut Writer<'_>) {
    writer.bytes(&[VERSION, VERSION]);
    writer.u8(match beacon.state {
        State::Joining => 0,
        State::Active => 1,
        State::Leaving => 2,
        State::Gone => 3,
    });
    write_standing(beacon.standing, writer);
    writer.u8(beacon.multiplier);
    writer.u16(u16::try_from(beacon.interval.as_millis()).unwrap_or(u16::MAX));
    writer.u64(u64::try_from(beacon.uptime.as_millis()).unwrap_or(u64::MAX));
    writer.u64(beacon.heard.0);
    writer.u64(beacon.claims.0);
    writer.u64(beacon.digest.0);
}

/// A later speaker may speak more, as long as it speaks this too.
fn read_versions(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let [min, max] = reader.bytes()?;
    match (min..=max).contains(&VERSION) {
        true => Ok(()),
        false => Err(Malformed::Versions { min, max }),
    }
}

fn read_state(reader: &mut Reader<'_>) -> Result<State, Malformed> {
    match reader.u8()? {
        0 => Ok(State::Joining),
        1 => Ok(State::Active),
        2 => Ok(State::Leaving),
        3 => Ok(State::Gone),
        other => Err(Malformed::State(other)),
    }
}

fn read_standing(reader: &mut Reader<'_>) -> Result<Standing, Malformed> {
    let flags = reader.flags(DRAINING | HOLD_DOWN)?;
    Ok(Standing {
        draining: flags & DRAINING != 0,
        hold_down: flags & HOLD_DOWN != 0,
    })
}

fn write_standing(standing: Standing, writer: &mut Writer<'_>) {
    writer.flags([(standing.draining, DRAINING), (standing.hold_down, HOLD_DOWN)]);
}

// F5
fn read_heard(reader: &mut Reader<'_>) -> Result<HeardPage, Malformed> {
    let (version, part) = (reader.version()?, reader.part()?);
    let mutual = (0..reader.u16()?).map(|_| reader.u32().map(Tag));
    Ok(HeardPage {
        version,
        part,
        mutual: mutual.collect::<Result<_, _>>()?,
        one_way: reader.all(|reader| reader.u32().map(Tag))?,
    })
}

fn write_heard(page: &HeardPage, writer: &mut Writer<'_>) {
    writer.u64(page.version.0);
    writer.part(page.part);
    writer.u16(u16::try_from(page.mutual.len()).unwrap_or(u16::MAX));
    let tags = page.mutual.iter().chain(&page.one_way);
    tags.for_each(|tag| writer.u32(tag.0));
}

// F6
fn read_claims(reader: &mut Reader<'_>) -> Result<ClaimsPage, Malformed> {
    let bucket = reader.u8()?;
    let base = match reader.flags(HAS_BASE)? {
        0 => None,
        _ => Some(reader.version()?),
    };
    Ok(ClaimsPage {
        bucket,
        base,
        version: reader.version()?,
        digest: reader.digest()?,
        part: reader.part()?,
        entries: reader.all(entry::read)?,
    })
}

fn write_claims(page: &ClaimsPage, writer: &mut Writer<'_>) {
    writer.u8(page.bucket);
    writer.flags([(page.base.is_some(), HAS_BASE)]);
    if let Some(base) = page.base {
        writer.u64(base.0);
    }
    writer.u64(page.version.0);
    writer.u64(page.digest.0);
    writer.part(page.part);
    for (address, entry) in &page.entries {
        entry::write(*address, entry.as_ref(), writer);
    }
}

// F8
fn read_buckets(reader: &mut Reader<'_>) -> Result<BucketsPage, Malformed> {
    let version = reader.version()?;
    let one = |_| Ok((reader.version()?, reader.digest()?));
    let buckets = (0..BUCKETS).map(one).collect::<Result<_, _>>()?;
    Ok(BucketsPage { version, buckets })
}

fn write_buckets(page: &BucketsPage, writer: &mut Writer<'_>) {
    writer.u64(page.version.0);
    for (version, digest) in &page.buckets {
        writer.u64(version.0);
        writer.u64(digest.0);
    }
}

// F9
fn read_request(reader: &mut Reader<'_>) -> Result<Request, Malformed> {
    let of = reader.instance()?;
    let what = match reader.u8()? {
        0 => Requested::Heard,
        1 => Requested::Buckets,
        2 => Requested::Claims(reader.u64()?),
        other => return Err(Malformed::Request(other)),
    };
    Ok(Request { of, what })
}

fn write_request(request: Request, writer: &mut Writer<'_>) {
    writer.instance(request.of);
    match request.what {
        Requested::Heard => writer.u8(0),
        Requested::Buckets => writer.u8(1),
        Requested::Claims(buckets) => {
            writer.u8(2);
            writer.u64(buckets);
        }
    }
}

fn read_alive(reader: &mut Reader<'_>) -> Result<Alive, Malformed> {
    Ok(Alive {
        instance: reader.instance()?,
        age: Duration::from_millis(reader.u32()?.into()),
    })
}

fn write_alive(alive: Alive, writer: &mut Writer<'_>) {
    writer.instance(alive.instance);
    write_milliseconds(alive.age, writer);
}

fn read_returned(reader: &mut Reader<'_>) -> Result<Returned, Malformed> {
    Ok(Returned {
        instance: reader.instance()?,
        left: Duration::from_millis(reader.u32()?.into()),
    })
}

fn write_returned(returned: Returned, writer: &mut Writer<'_>) {
    writer.instance(returned.instance);
    write_milliseconds(returned.left, writer);
}

fn write_milliseconds(time: Duration, writer: &mut Writer<'_>) {
    writer.u32(u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
}
