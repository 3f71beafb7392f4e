//! Why a pool has no address for a Service.

use thiserror::Error;

use crate::domain::Family;

/// Why a pool has no address for a Service. The sentences follow the pool's name.
#[derive(Clone, Copy, Debug, Eq, Error, Ord, PartialEq, PartialOrd)]
pub enum PoolRefusal {
    /// It has `autoAssign: false` and the Service does not ask for it.
    #[error("is not assigned automatically (autoAssign: false)")]
    NotAutomatic,
    /// Its `serviceAllocation` is for other Services.
    #[error("does not admit the Service (spec.serviceAllocation)")]
    NotAdmitted,
    /// It has no IPv4 address at all.
    #[error("has no IPv4 addresses")]
    NoIpv4,
    /// It has no IPv6 address at all.
    #[error("has no IPv6 addresses")]
    NoIpv6,
    /// All its IPv4 addresses are in use.
    #[error("has no free IPv4 address")]
    Ipv4Exhausted,
    /// All its IPv6 addresses are in use.
    #[error("has no free IPv6 address")]
    Ipv6Exhausted,
}

impl PoolRefusal {
    /// The pool has no address of this family, or none that is free.
    pub fn lacking(family: Family, has_any: bool) -> Self {
        match (family, has_any) {
            (Family::V4, false) => Self::NoIpv4,
            (Family::V6, false) => Self::NoIpv6,
            (Family::V4, true) => Self::Ipv4Exhausted,
            (Family::V6, true) => Self::Ipv6Exhausted,
        }
    }
}
