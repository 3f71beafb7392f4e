//! Claims in short: which bucket an address belongs to, and what buckets contain in 64 bits.

use std::collections::BTreeMap;
use std::net::IpAddr;

use sha2::{Digest, Sha256};

use super::codec::entry_bytes;
use super::message::{BUCKETS, ContentDigest, Entry};

/// 2^64 divided by the golden ratio: multiples of it lie as evenly as can be, however many there are.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Any other odd number, so that networks differ where their addresses do not (of SplitMix64).
const NETWORK: u64 = 0xbf58_476d_1ce4_e5b9;

/// The bucket of an address: the same everywhere and for ever, and consecutive addresses are spread evenly (F10).
pub fn bucket_of(address: IpAddr) -> u8 {
    let number = match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => {
            let [network, host] = [address.to_bits() >> 64, address.to_bits()].map(|half| half as u64);
            host.wrapping_add(network.wrapping_mul(NETWORK))
        }
    };
    let spread = u128::from(number.wrapping_mul(GOLDEN)) * u128::from(BUCKETS);
    (spread >> 64) as u8
}

/// What a bucket contains: the first 64 bits of the SHA-256 of its entries as pages contain them, by address (F11).
pub fn bucket_digest(entries: &BTreeMap<IpAddr, Entry>) -> ContentDigest {
    let mut bytes = Vec::new();
    for (address, entry) in entries {
        entry_bytes(*address, Some(*entry), &mut bytes);
    }
    digest(Sha256::digest(bytes).as_slice())
}

/// What all buckets contain: the first 64 bits of the SHA-256 of their digests, in order.
pub fn root_digest(buckets: &[ContentDigest; BUCKETS as usize]) -> ContentDigest {
    let mut hash = Sha256::new();
    buckets
        .iter()
        .for_each(|bucket| hash.update(bucket.0.to_be_bytes()));
    digest(hash.finalize().as_slice())
}

fn digest(hash: &[u8]) -> ContentDigest {
    let first = hash.first_chunk().expect("a hash has 32 bytes");
    ContentDigest(u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests;
