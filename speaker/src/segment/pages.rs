//! Lists cut into frames.
use std::net::IpAddr;
use super::message::*;

const AT_ONCE: usize = 30;

pub(super) fn claims(bucket: u8, base: Option<Version>, now: (Version, ContentDigest), entries: Vec<(IpAddr, Option<Entry>)>) -> Vec<ClaimsPage> {
    parts(&entries).map(|(part, entries)| ClaimsPage { bucket, base, version: now.0, digest: now.1, part, entries }).collect()
}
pub(super) fn heard(version: Version, tags: Vec<Tag>) -> Vec<HeardPage> {
    parts(&tags).map(|(part, tags)| HeardPage { version, part, tags }).collect()
}
fn parts<T: Clone>(all: &[T]) -> impl Iterator<Item = (Part, Vec<T>)> + '_ {
    let of = all.len().div_ceil(AT_ONCE).max(1);
    (0..of).map(move |index| (Part { index: index as u8, of: of as u8 }, all.iter().skip(index * AT_ONCE).take(AT_ONCE).cloned().collect()))
}
