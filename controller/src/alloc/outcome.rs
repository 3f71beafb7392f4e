//! What was decided about a Service.

use std::net::IpAddr;

use ferrolb_crds::domain::{Addresses, Family, Occupant, PoolName, Reason, ServiceKey, Withheld};
use strum::IntoStaticStr;
use thiserror::Error;

/// What was decided about one Service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It has these addresses.
    Assigned(Assignment),
    /// It has none, for this reason.
    Refused(Reason),
    /// It is no load balancer of ours; whatever we left on it is removed.
    NotOurs,
}

/// Addresses and where they are from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
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
#[derive(Clone, Debug, Eq, Error, IntoStaticStr, PartialEq)]
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
    /// `avoidBuggyIPs` was switched on, or the subnet became known.
    #[error("{address} of pool {pool} {why}, and is kept because the Service uses it")]
    NowAvoided {
        /// The address in use.
        address: IpAddr,
        /// Its pool.
        pool: PoolName,
        /// What is wrong with it.
        why: Withheld,
    },
    /// The address is in use elsewhere too.
    #[error("{address} {by} too")]
    UsedElsewhere {
        /// The address in use.
        address: IpAddr,
        /// The occupant that uses it besides.
        by: Occupant,
    },
    /// What it asks for cannot be had or not even read; the addresses in use stay.
    #[error("{0}; the addresses in use are kept")]
    RequestIgnored(Reason),
    /// It is asked to give this address up, and no other is to be had.
    #[error("{address} was to be given up and is kept, because there is no other: {why}")]
    NoReplacement {
        /// The address in use.
        address: IpAddr,
        /// Why there is no other.
        why: Reason,
    },
    /// Both families are wanted, and only one is to be had.
    #[error("no {family} address to add: {why}")]
    Lacks {
        /// The family that is missing.
        family: Family,
        /// Why there is none.
        why: Reason,
    },
    /// Another Service with UDP ports had the address until a moment ago.
    #[error(
        "{address} was given back by {by} a moment ago; its UDP flows that do not pause still go to the pods of {by}"
    )]
    Reused {
        /// The address.
        address: IpAddr,
        /// Its last Service.
        by: ServiceKey,
    },
    /// The Service gave up an address that no node ever announced.
    #[error("gave up {address}, which no node announced yet, because another station has it")]
    Exchanged {
        /// The address that was given up.
        address: IpAddr,
    },
    /// The Service held an address that belongs to a machine, or to a Service with the older claim.
    #[error("lost {address}: {why}")]
    Lost {
        /// The address that was lost.
        address: IpAddr,
        /// Why it cannot stay.
        why: Reason,
    },
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

    /// Whether it is said for as long as it holds. What happened is told once, by an event; it would be gone at the next
    /// decision.
    pub fn is_lasting(&self) -> bool {
        !matches!(
            self,
            Self::Lost { .. } | Self::Reused { .. } | Self::Exchanged { .. }
        )
    }

    /// The note in one word, as it stands in conditions and JSON.
    pub fn word(&self) -> &'static str {
        self.into()
    }
}
