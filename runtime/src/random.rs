//! Chance, for shells only: what decides takes it as an argument.

use std::hash::{BuildHasher, Hasher, RandomState};

/// 64 bits that nobody can predict. Not for keys.
///
/// Each `RandomState` has other keys, so the hash of nothing is random enough to spread retries and to tell processes
/// apart.
#[must_use]
pub fn bits() -> u64 {
    RandomState::new().build_hasher().finish()
}
