//! The claims of this instance, and what of them the others do not know yet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::codec::{Room, claims_pages};
use super::digest::{bucket_digest, bucket_of, root_digest};
use super::message::{BUCKETS, BucketsPage, ClaimsPage, ContentDigest, Entry, Hold, Part, Version};

type Entries = BTreeMap<IpAddr, Entry>;

/// Written by this instance only; each change of a bucket is a new version of all (Y1).
#[derive(Clone, Debug)]
pub(super) struct OwnClaims {
    entries: Vec<Entries>,
    versions: Vec<(Version, ContentDigest)>,
    pub(super) version: Version,
    /// What was changed and not published.
    changed: BTreeMap<u8, BTreeSet<IpAddr>>,
    /// How many addresses are held.
    pub(super) held: usize,
    /// How many of those are backed.
    pub(super) backed: usize,
    /// The digest of everything that is published.
    pub(super) digest: ContentDigest,
}

impl Default for OwnClaims {
    fn default() -> Self {
        let nothing = (Version(0), bucket_digest(&Entries::new()));
        Self {
            entries: vec![Entries::new(); usize::from(BUCKETS)],
            versions: vec![nothing; usize::from(BUCKETS)],
            version: Version(0),
            changed: BTreeMap::new(),
            held: 0,
            backed: 0,
            digest: root_digest(&[nothing.1; BUCKETS as usize]),
        }
    }
}

impl OwnClaims {
    pub(super) fn entry(&self, address: IpAddr) -> Option<&Entry> {
        self.entries[usize::from(bucket_of(address))].get(&address)
    }

    pub(super) fn hold(&self, address: IpAddr) -> Option<&Hold> {
        self.entry(address)?.hold()
    }

    pub(super) fn holds(&self) -> impl Iterator<Item = (IpAddr, &Hold)> {
        let all = self.entries.iter().flatten();
        all.filter_map(|(address, entry)| Some((*address, entry.hold()?)))
    }

    pub(super) fn set(&mut self, address: IpAddr, entry: Option<Entry>) {
        let bucket = bucket_of(address);
        let entries = &mut self.entries[usize::from(bucket)];
        let before = match entry {
            Some(entry) => entries.insert(address, entry),
            None => entries.remove(&address),
        };
        if before != entry {
            self.changed.entry(bucket).or_default().insert(address);
        }
        let holds = |entry: Option<Entry>| usize::from(matches!(entry, Some(Entry::Hold(_))));
        let backed =
            |entry: Option<Entry>| usize::from(matches!(entry, Some(Entry::Hold(Hold { backed: true, .. }))));
        self.held = self.held + holds(entry) - holds(before);
        self.backed = self.backed + backed(entry) - backed(before);
    }

    /// What was changed since the last call, as the others shall hear it.
    pub(super) fn publish(&mut self, room: Room) -> Vec<ClaimsPage> {
        if self.changed.is_empty() {
            return Vec::new();
        }
        let changed = std::mem::take(&mut self.changed).into_iter();
        let pages = changed.flat_map(|(bucket, addresses)| self.renew(bucket, &addresses, room));
        let pages = pages.collect();
        self.digest = root_digest(&std::array::from_fn(|bucket| self.versions[bucket].1));
        pages
    }

    fn renew(&mut self, bucket: u8, addresses: &BTreeSet<IpAddr>, room: Room) -> Vec<ClaimsPage> {
        self.version = Version(self.version.0 + 1);
        let entries = &self.entries[usize::from(bucket)];
        let (base, _) = self.versions[usize::from(bucket)];
        let now = (self.version, bucket_digest(entries));
        self.versions[usize::from(bucket)] = now;
        let changes = addresses.iter();
        let changes = changes.map(|address| (*address, entries.get(address).copied()));
        pages(bucket, Some(base), now, changes.collect(), room)
    }

    /// All of a bucket.
    pub(super) fn bucket(&self, bucket: u8, room: Room) -> Vec<ClaimsPage> {
        let index = usize::from(bucket);
        let entries = self.entries[index].iter();
        let all = entries.map(|(address, entry)| (*address, Some(*entry)));
        pages(bucket, None, self.versions[index], all.collect(), room)
    }

    /// All buckets in short.
    pub(super) fn buckets(&self) -> BucketsPage {
        BucketsPage {
            version: self.version,
            buckets: self.versions.clone(),
        }
    }
}

/// A bucket with more entries than pages can hold is not published: 400,000 addresses on one node.
fn pages(
    bucket: u8,
    base: Option<Version>,
    (version, digest): (Version, ContentDigest),
    entries: Vec<(IpAddr, Option<Entry>)>,
    room: Room,
) -> Vec<ClaimsPage> {
    let whole = ClaimsPage {
        bucket,
        base,
        version,
        digest,
        part: Part { index: 0, of: 1 },
        entries,
    };
    claims_pages(whole, room).unwrap_or_default()
}
