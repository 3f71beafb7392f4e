//! What is known of the claims of another instance.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::digest::{bucket_digest, bucket_of, root_digest};
use super::message::{BUCKETS, Beacon, BucketsPage, ClaimsPage, ContentDigest, Entry, Version};

type Entries = BTreeMap<IpAddr, Entry>;

/// A copy of the claims of another instance, as whole as what was heard.
#[derive(Clone, Debug)]
pub(super) struct ClaimsCopy {
    buckets: Vec<Bucket>,
    /// Everything up to this version is in, unless `gap`.
    pub(super) version: Version,
    /// The digest of all buckets: each beacon is compared with it.
    root: ContentDigest,
    gap: bool,
    /// The newest beacon's.
    told: Option<(Version, ContentDigest)>,
}

#[derive(Clone, Debug)]
struct Bucket {
    version: Version,
    digest: ContentDigest,
    entries: Entries,
    coming: Option<Coming>,
}

/// A page of which parts are missing.
#[derive(Clone, Debug)]
struct Coming {
    base: Option<Version>,
    version: Version,
    parts: BTreeMap<u8, Vec<(IpAddr, Option<Entry>)>>,
}

/// An entry that is another one now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) address: IpAddr,
    pub(super) before: Option<Entry>,
    pub(super) after: Option<Entry>,
}

impl ClaimsCopy {
    pub(super) fn new() -> Self {
        let nothing = Bucket {
            version: Version(0),
            digest: bucket_digest(&Entries::new()),
            entries: Entries::new(),
            coming: None,
        };
        let buckets = vec![nothing; usize::from(BUCKETS)];
        Self {
            root: root(&buckets),
            buckets,
            version: Version(0),
            gap: false,
            told: None,
        }
    }

    /// Whether nothing is missing, as far as can be known.
    pub(super) fn is_synced(&self) -> bool {
        self.told.is_some() && !self.gap
    }

    /// Compares with what a beacon says.
    pub(super) fn compare(&mut self, beacon: &Beacon) {
        self.told = Some((beacon.claims, beacon.digest));
        self.judge();
    }

    fn judge(&mut self) {
        let Some((version, all)) = self.told else { return };
        if self.root == all && version >= self.version {
            self.version = version;
            self.gap = false;
        } else if version >= self.version {
            self.gap = true;
        }
    }

    /// The buckets that differ from these, as bits.
    pub(super) fn differing(&self, page: &BucketsPage) -> u64 {
        let pairs = self.buckets.iter().zip(&page.buckets).enumerate();
        let differing = pairs.filter(|(_, (bucket, (_, digest)))| bucket.digest != *digest);
        differing.fold(0, |bits, (bucket, _)| bits | 1 << bucket)
    }

    /// Takes a page in; returns what changed (Y2).
    pub(super) fn apply(&mut self, page: &ClaimsPage) -> Vec<Change> {
        let bucket = &mut self.buckets[usize::from(page.bucket)];
        let Some(entries) = bucket.collect(page) else {
            return Vec::new();
        };
        let before = bucket.version;
        let changes = match page.base {
            None if page.version >= before => bucket.replace(page, entries),
            Some(base) if base == before && page.version > before => bucket.change(page, entries),
            _ => Vec::new(),
        };
        let (version, digest) = (bucket.version, bucket.digest);
        self.root = root(&self.buckets);
        if page.base.is_some() && page.version > self.version {
            let follows = page.version.0 == self.version.0 + 1;
            let taken = version == page.version && digest == page.digest;
            self.gap |= !(follows && taken);
            self.version = page.version;
        }
        self.judge();
        changes
    }

    pub(super) fn entry(&self, address: IpAddr) -> Option<&Entry> {
        let bucket = &self.buckets[usize::from(bucket_of(address))];
        bucket.entries.get(&address)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (IpAddr, &Entry)> {
        let all = self.buckets.iter().flat_map(|bucket| &bucket.entries);
        all.map(|(address, entry)| (*address, entry))
    }
}

fn root(buckets: &[Bucket]) -> ContentDigest {
    root_digest(&std::array::from_fn(|bucket| buckets[bucket].digest))
}

impl Bucket {
    /// All entries of a page, once its last part is here.
    fn collect(&mut self, page: &ClaimsPage) -> Option<Vec<(IpAddr, Option<Entry>)>> {
        if page.part.of == 1 {
            return Some(page.entries.clone());
        }
        let same = |coming: &Coming| coming.version == page.version && coming.base == page.base;
        let mut coming = self.coming.take().filter(same).unwrap_or_else(|| Coming {
            base: page.base,
            version: page.version,
            parts: BTreeMap::new(),
        });
        coming.parts.insert(page.part.index, page.entries.clone());
        if coming.parts.len() == usize::from(page.part.of) {
            return Some(coming.parts.into_values().flatten().collect());
        }
        self.coming = Some(coming);
        None
    }

    fn replace(&mut self, page: &ClaimsPage, entries: Vec<(IpAddr, Option<Entry>)>) -> Vec<Change> {
        let entries = entries.into_iter();
        let after: Entries = entries
            .filter_map(|(address, entry)| Some((address, entry?)))
            .collect();
        let gone = self.entries.keys().filter(|address| !after.contains_key(address));
        let mut all: Vec<_> = gone.map(|address| (*address, None)).collect();
        all.extend(after.into_iter().map(|(address, entry)| (address, Some(entry))));
        self.change(page, all)
    }

    fn change(&mut self, page: &ClaimsPage, entries: Vec<(IpAddr, Option<Entry>)>) -> Vec<Change> {
        let set = |(address, after)| {
            let before = match after {
                Some(entry) => self.entries.insert(address, entry),
                None => self.entries.remove(&address),
            };
            (before != after).then_some(Change {
                address,
                before,
                after,
            })
        };
        let changes = entries.into_iter().filter_map(set).collect();
        self.version = page.version;
        self.digest = bucket_digest(&self.entries);
        changes
    }
}
