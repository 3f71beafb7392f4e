//! Why a frame is not read.

use thiserror::Error;

use crate::codec::Malformed;

/// Why a frame is not read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Refused {
    /// It has another EtherType.
    #[error("of another protocol")]
    NotOurs,
    /// It ends before its seal does.
    #[error("ends too early")]
    Truncated,
    /// Its envelope is of another version of the protocol.
    #[error("of version {0} of the protocol")]
    OtherVersion(u8),
    /// It was sealed with a key that is not ours: of another cluster, or one that was replaced.
    #[error("sealed with another key")]
    OtherKey,
    /// It names a key of ours, which did not seal it: forged, or damaged.
    #[error("badly sealed")]
    BadSeal,
    /// What it says has no meaning.
    #[error("malformed: {0}")]
    Malformed(#[from] Malformed),
}

impl Refused {
    /// The reason as the label of a metric.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotOurs => "not_ours",
            Self::Truncated => "truncated",
            Self::OtherVersion(_) => "other_version",
            Self::OtherKey => "other_key",
            Self::BadSeal => "bad_seal",
            Self::Malformed(_) => "malformed",
        }
    }
}
