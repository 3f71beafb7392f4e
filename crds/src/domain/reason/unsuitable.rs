//! Why a pool has no address for a Service.

use std::net::IpAddr;

use thiserror::Error;

use super::{Unshared, Withheld};
use crate::domain::{Family, ServiceKey};

/// Why a pool has no address for a Service. The sentences follow the pool's name.
#[derive(Clone, Debug, Eq, Error, Ord, PartialEq, PartialOrd)]
pub enum PoolRefusal {
    /// It has `autoAssign: false` and the Service does not ask for it.
    #[error(" is not assigned automatically (autoAssign: false)")]
    NotAutomatic,
    /// Its `serviceAllocation` is for other Services.
    #[error(" does not admit the Service (spec.serviceAllocation)")]
    NotAdmitted,
    /// It has no address of the family at all.
    #[error(" has no {0} addresses")]
    None(Family),
    /// Services use all its addresses of the family.
    #[error(" has no free {0} address")]
    Exhausted(Family),
    /// The Service may share, and not with those on the first address of its key.
    #[error(": {address} is in use by {by}: {why}")]
    Unshared {
        /// The first address of the pool that is shared under the Service's key.
        address: IpAddr,
        /// A Service on it.
        by: ServiceKey,
        /// Why the two cannot share.
        why: Unshared,
    },
    /// No Service uses these, and they are not given out by themselves.
    #[error(": {address} {why}{}{}", count(*.more), if *.others_used { ", and all others are in use" } else { "" })]
    Withheld {
        /// The lowest of them.
        address: IpAddr,
        /// Why it is not given out.
        why: Withheld,
        /// How many more there are.
        more: u128,
        /// Whether Services use further addresses of the pool.
        others_used: bool,
    },
}

fn count(more: u128) -> String {
    match more {
        0 => String::new(),
        more => format!(", {more} more are not given out either"),
    }
}
