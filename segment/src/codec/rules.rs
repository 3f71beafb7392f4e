//! What holds for every message, read or written.

use std::net::IpAddr;
use std::time::Duration;

use super::Malformed;
use crate::digest::bucket_of;
use crate::message::{
    BUCKETS, Beacon, Body, Boot, BucketsPage, ClaimsPage, Entry, HeardPage, LONGEST_HOLD_DOWN, Message, Part,
    Returned,
};

pub(super) fn check(message: &Message) -> Result<(), Malformed> {
    is_boot(message.from.boot)?;
    if message.sequence == 0 {
        return Err(Malformed::Sequence);
    }
    match &message.body {
        Body::Beacon(beacon) => is_beacon(beacon),
        Body::Heard(page) => is_heard(page),
        Body::Claims(page) => is_claims(page),
        Body::Buckets(page) => is_buckets(page),
        Body::Request(request) => is_boot(request.of.boot),
        Body::Query(instance) => is_boot(instance.boot),
        Body::Alive(alive) => is_boot(alive.instance.boot),
        Body::Returned(returned) => is_returned(returned),
    }
}

fn is_boot(boot: Boot) -> Result<(), Malformed> {
    match boot {
        Boot(0) => Err(Malformed::Boot),
        Boot(_) => Ok(()),
    }
}

fn is_beacon(beacon: &Beacon) -> Result<(), Malformed> {
    is_interval(beacon.interval)?;
    match beacon.multiplier {
        0 => Err(Malformed::Multiplier),
        _ => Ok(()),
    }
}

fn is_returned(returned: &Returned) -> Result<(), Malformed> {
    is_boot(returned.instance.boot)?;
    match returned.left.as_millis() {
        1.. if returned.left <= LONGEST_HOLD_DOWN => Ok(()),
        _ => Err(Malformed::HoldDown),
    }
}

fn is_interval(interval: Duration) -> Result<(), Malformed> {
    match interval.as_millis() {
        1..=0xffff => Ok(()),
        _ => Err(Malformed::Interval),
    }
}

fn is_heard(page: &HeardPage) -> Result<(), Malformed> {
    is_part(page.part)?;
    is_ascending(&page.mutual, |tag| *tag)?;
    is_ascending(&page.one_way, |tag| *tag)
}

fn is_claims(page: &ClaimsPage) -> Result<(), Malformed> {
    is_part(page.part)?;
    if page.bucket >= BUCKETS {
        return Err(Malformed::Bucket(page.bucket));
    }
    is_ascending(&page.entries, |(address, _)| *address)?;
    let misplaced = |(address, _): &&(IpAddr, Option<Entry>)| bucket_of(*address) != page.bucket;
    match page.entries.iter().find(misplaced) {
        Some((address, _)) => Err(Malformed::Misplaced(*address)),
        None => Ok(()),
    }
}

fn is_buckets(page: &BucketsPage) -> Result<(), Malformed> {
    match page.buckets.len() {
        all if all == usize::from(BUCKETS) => Ok(()),
        other => Err(Malformed::Buckets(other)),
    }
}

fn is_part(part: Part) -> Result<(), Malformed> {
    match part.index < part.of {
        true => Ok(()),
        false => Err(Malformed::Part {
            index: part.index,
            of: part.of,
        }),
    }
}

fn is_ascending<T, K: Ord>(list: &[T], key: impl Fn(&T) -> K) -> Result<(), Malformed> {
    match list.is_sorted_by(|one, next| key(one) < key(next)) {
        true => Ok(()),
        false => Err(Malformed::Order),
    }
}
