//! What holds for every message, read or written (F2).

use super::Malformed;
use crate::digest::bucket_of;
use crate::message::{
    BUCKETS, Beacon, Body, Boot, BucketsPage, ClaimsPage, Finding, HeardPage, LONGEST_HOLD_DOWN,
    MOST_FINDINGS, Message, Part, Returned,
};

pub(super) fn check(message: &Message) -> Result<(), Malformed> {
    is_boot(message.from.boot)?;
    ensure(message.sequence != 0, Malformed::Sequence)?;
    match &message.body {
        Body::Beacon(beacon) => is_beacon(beacon),
        Body::Heard(page) => is_heard(page),
        Body::Claims(page) => is_claims(page),
        Body::Buckets(page) => is_buckets(page),
        Body::Request(request) => is_boot(request.of.boot),
        Body::Query(instance) => is_boot(instance.boot),
        Body::Alive(alive) => is_boot(alive.instance.boot),
        Body::Returned(returned) => is_returned(returned),
        Body::Findings(findings) => are_findings(findings),
    }
}

fn ensure(holds: bool, otherwise: Malformed) -> Result<(), Malformed> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn is_boot(boot: Boot) -> Result<(), Malformed> {
    ensure(boot != Boot(0), Malformed::Boot)
}

fn is_beacon(beacon: &Beacon) -> Result<(), Malformed> {
    let interval = beacon.interval.as_millis();
    ensure((1..=0xffff).contains(&interval), Malformed::Interval)?;
    ensure(beacon.multiplier != 0, Malformed::Multiplier)
}

fn is_returned(returned: &Returned) -> Result<(), Malformed> {
    is_boot(returned.instance.boot)?;
    let left = returned.left.as_millis();
    let most = LONGEST_HOLD_DOWN.as_millis();
    ensure((1..=most).contains(&left), Malformed::HoldDown)
}

fn is_heard(page: &HeardPage) -> Result<(), Malformed> {
    is_part(page.part)?;
    is_ascending(&page.mutual, |tag| *tag)?;
    is_ascending(&page.one_way, |tag| *tag)
}

fn is_claims(page: &ClaimsPage) -> Result<(), Malformed> {
    is_part(page.part)?;
    ensure(page.bucket < BUCKETS, Malformed::Bucket(page.bucket))?;
    is_ascending(&page.entries, |(address, _)| *address)?;
    let mut addresses = page.entries.iter().map(|(address, _)| *address);
    let misplaced = addresses.find(|address| bucket_of(*address) != page.bucket);
    misplaced.map_or(Ok(()), |address| Err(Malformed::Misplaced(address)))
}

fn is_buckets(page: &BucketsPage) -> Result<(), Malformed> {
    let count = page.buckets.len();
    ensure(count == usize::from(BUCKETS), Malformed::Buckets(count))
}

fn are_findings(findings: &[Finding]) -> Result<(), Malformed> {
    let count = findings.len();
    ensure((1..=MOST_FINDINGS).contains(&count), Malformed::Findings(count))?;
    is_ascending(findings, |one| one.address)?;
    let mut stations = findings.iter().filter_map(|one| one.wire.station());
    let wrong = stations.find(|station| !station.is_station());
    wrong.map_or(Ok(()), |station| Err(Malformed::Station(station)))
}

fn is_part(Part { index, of }: Part) -> Result<(), Malformed> {
    ensure(index < of, Malformed::Part { index, of })
}

fn is_ascending<T, K: Ord>(list: &[T], key: impl Fn(&T) -> K) -> Result<(), Malformed> {
    ensure(
        list.is_sorted_by(|one, next| key(one) < key(next)),
        Malformed::Order,
    )
}
