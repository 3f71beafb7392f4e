//! Content in 64 bits.

use std::collections::BTreeMap;
use std::net::IpAddr;

use sha2::{Digest, Sha256};

use super::message::{BUCKETS, ContentDigest, Entry};

/// The bucket of an address.
pub(super) fn bucket_of(address: IpAddr) -> u8 {
    let bits = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    (bits % u128::from(BUCKETS)) as u8
}

/// The content of a bucket.
pub(super) fn digest(entries: &BTreeMap<IpAddr, Entry>) -> ContentDigest {
    short(Sha256::digest(format!("{entries:?}")).as_slice())
}

/// The content of all buckets.
pub(super) fn root(buckets: impl Iterator<Item = ContentDigest>) -> ContentDigest {
    let all = buckets.fold(Sha256::new(), |all, one| all.chain_update(one.0.to_be_bytes()));
    short(&all.finalize())
}

fn short(digest: &[u8]) -> ContentDigest {
    ContentDigest(digest.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
}
