//! Chance, for what has to differ from process to process.

use std::hash::{BuildHasher, Hasher, RandomState};

/// 64 bits of chance.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
