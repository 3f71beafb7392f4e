//! What was decided about a Service. Reason, event text, condition and metric label all come from here.

use std::net::IpAddr;

use ferrolb_crds::domain::{Addresses, Families, Family, Invalid, PoolName, Port, ServiceKey};
use serde::Serialize;
use thiserror::Error;

/// What was decided about one Service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It has these addresses.
    Assigned(Assignment),
    /// It has none, for this reason.
    Refused(Refusal),
    /// It is no load balancer of ours; whatever we left on it is removed.
    NotOurs,
}

/// Addresses and where they are from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Assignment {
    /// The addresses.
    pub addresses: Addresses,
    /// The pool of each address in order, IPv4 first. An address outside every pool names the pool it
    /// came from.
    pub pools: Vec<PoolName>,
    /// What its owner should know.
    pub notes: Vec<Note>,
}

/// Something about an assignment that is not as its owner or the operator may expect.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Note {
    /// The pool was shrunk, renamed or deleted.
    #[error("{address} is outside every pool and is kept because the Service uses it")]
    OutsidePools {
        /// The address in use.
        address: IpAddr,
    },
    /// The pool's scope or the Service's labels changed.
    #[error("pool {pool} no longer admits the Service; {address} is kept because the Service uses it")]
    NoLongerAdmitted {
        /// The address in use.
        address: IpAddr,
        /// Its pool.
        pool: PoolName,
    },
    /// `avoidBuggyIPs` was switched on.
    #[error("pool {pool} avoids addresses like {address}, which is kept because the Service uses it")]
    NowAvoided {
        /// The address in use.
        address: IpAddr,
        /// Its pool.
        pool: PoolName,
    },
    /// The request cannot be read; the addresses in use stay.
    #[error("{0}; the addresses in use are kept")]
    RequestIgnored(Invalid),
    /// It is asked to give this address up, and no other is to be had.
    #[error("{address} was to be given up and is kept, because there is no other: {why}")]
    NoReplacement {
        /// The address in use.
        address: IpAddr,
        /// Why there is no other.
        why: Refusal,
    },
    /// `PreferDualStack`, and only one family is to be had.
    #[error("no {family} address to add: {}", tried_in_words(tried))]
    Lacks {
        /// The family that is missing.
        family: Family,
        /// The pools that were tried.
        tried: Vec<(PoolName, PoolRefusal)>,
    },
    /// The Service held an address that belongs to another with the older claim.
    #[error("lost {address} to {to}: {why}")]
    Lost {
        /// The address that was lost.
        address: IpAddr,
        /// Who has it.
        to: ServiceKey,
        /// Why the two cannot share.
        why: Unshared,
    },
}

/// Why a Service has no address.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Refusal {
    /// There is no pool at all.
    #[error("there is no IPAddressPool")]
    NoPools,
    /// The families wanted are not known, or contradict each other.
    #[error("{0}")]
    InvalidFamilies(Invalid),
    /// The request cannot be read.
    #[error("{0}")]
    InvalidRequest(Invalid),
    /// Addresses of other families are asked for than the Service has (`spec.clusterIPs`).
    #[error("asks for {asked}, but wants {}", families_in_words(*.wanted))]
    FamilyMismatch {
        /// What is asked for.
        asked: Addresses,
        /// What the Service's cluster addresses call for.
        wanted: Families,
    },
    /// The pool asked for does not exist.
    #[error("pool {0} does not exist or is invalid")]
    UnknownPool(PoolName),
    /// The address asked for is in no pool.
    #[error("{0} is in no pool")]
    NotInAnyPool(IpAddr),
    /// The address asked for is not in the pool asked for.
    #[error("{address} is not in pool {pool}")]
    NotInPool {
        /// The address asked for.
        address: IpAddr,
        /// The pool asked for.
        pool: PoolName,
    },
    /// The pool of the address asked for is not for this Service.
    #[error("pool {pool} of {address} does not admit the Service (spec.serviceAllocation)")]
    NotAdmitted {
        /// The address asked for.
        address: IpAddr,
        /// Its pool.
        pool: PoolName,
    },
    /// The address asked for is another Service's.
    #[error("{address} is in use by {by}: {why}")]
    InUse {
        /// The address asked for.
        address: IpAddr,
        /// Who has it.
        by: ServiceKey,
        /// Why the two cannot share.
        why: Unshared,
    },
    /// No pool has what is wanted.
    #[error("{}", tried_in_words(.0))]
    NoAddress(Vec<(PoolName, PoolRefusal)>),
}

/// Why two Services cannot share an address.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Unshared {
    /// At least one of the two does not allow it.
    #[error("it is not shared (annotation metallb.io/allow-shared-ip)")]
    NotShared,
    /// The two have different keys.
    #[error("its sharing key is another one")]
    OtherKey,
    /// Policy Local, and the two select different pods.
    #[error("externalTrafficPolicy Local shares an address only between Services that select the same pods")]
    OtherBackends,
    /// Both serve this port.
    #[error("both serve {}/{}", .0.protocol.0, .0.number)]
    SamePort(Port),
}

/// Why a pool has no address for a Service.
#[derive(Clone, Copy, Debug, Eq, Error, Ord, PartialEq, PartialOrd, Serialize)]
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
    pub(super) fn lacking(family: Family, has_any: bool) -> Self {
        match (family, has_any) {
            (Family::V4, false) => Self::NoIpv4,
            (Family::V6, false) => Self::NoIpv6,
            (Family::V4, true) => Self::Ipv4Exhausted,
            (Family::V6, true) => Self::Ipv6Exhausted,
        }
    }
}

impl Refusal {
    /// The reason in one word, for conditions, JSON and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoPools => "NoPools",
            Self::InvalidFamilies(_) => "InvalidFamilies",
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::FamilyMismatch { .. } => "FamilyMismatch",
            Self::UnknownPool(_) => "UnknownPool",
            Self::NotInAnyPool(_) => "NotInAnyPool",
            Self::NotInPool { .. } => "NotInPool",
            Self::NotAdmitted { .. } => "NotAdmitted",
            Self::InUse { .. } => "InUse",
            Self::NoAddress(_) => "NoAddress",
        }
    }
}

impl Note {
    /// Whether this flags one of these addresses as out of policy.
    pub(super) fn flags(&self, addresses: &[IpAddr]) -> bool {
        match self {
            Self::OutsidePools { address }
            | Self::NoLongerAdmitted { address, .. }
            | Self::NowAvoided { address, .. } => addresses.contains(address),
            _ => false,
        }
    }

    /// The reason in one word.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::OutsidePools { .. } => "OutsidePools",
            Self::NoLongerAdmitted { .. } => "NoLongerAdmitted",
            Self::NowAvoided { .. } => "NowAvoided",
            Self::RequestIgnored(_) => "RequestIgnored",
            Self::NoReplacement { .. } => "NoReplacement",
            Self::Lacks { .. } => "Lacks",
            Self::Lost { .. } => "Lost",
        }
    }
}

fn tried_in_words(tried: &[(PoolName, PoolRefusal)]) -> String {
    if tried.is_empty() {
        return "no pool is left to try".to_owned();
    }
    let each: Vec<String> = tried
        .iter()
        .map(|(pool, why)| format!("pool {pool} {why}"))
        .collect();
    each.join("; ")
}

fn families_in_words(families: Families) -> String {
    match families {
        Families::One(family) => format!("one {family} address"),
        Families::Prefer { .. } | Families::Both => "an address of each family".to_owned(),
    }
}
