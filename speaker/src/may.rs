//! Which nodes may announce each address, and why each other one may not: a function of one [`View`].
//!
//! 1. **Group.** All addresses of a Service, and all Services that share one of them, form a group, which goes to one
//!    node. Only if no node is eligible for all of it, each address stands alone.
//! 2. **Request.** An address is announced for each of its Services whose pool and labels an advertisement selects, and
//!    that has an endpoint which can serve. Advertisements add up: any that selects a node will do, their interfaces are
//!    united (one without interfaces means any), their weights are summed. A Service with the sharing annotation and an
//!    advertisement with `serviceSelectors` counts for nothing (MetalLB's rule). A Service without endpoints takes
//!    nothing away from those it shares an address with.
//! 3. **Eligible.** An advertisement selects the node; it is not `NetworkUnavailable`, not labelled
//!    `exclude-from-external-load-balancers` (unless that is ignored, or every node carries the label); for each Service
//!    of policy Local in the group it has an endpoint that can serve. An endpoint that names no node is local nowhere, as
//!    in kube-proxy. Where the interfaces of the node are known, it has one that the advertisements name; if they name
//!    none, it is on the subnet of the address, or no node is known to be.
//! 4. **Soft reasons** (terminating endpoints, cordoned, out of service) order the eligible nodes and exclude none.
//!
//! Which of the eligible nodes are alive, and which of them holds the address, is not known here: see [`ferrolb_segment`].
//! Nothing here depends on which node asks.

mod eligible;
mod group;
mod judged;
mod memory;
mod request;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Advert, InterfaceName, Reason, ServiceKey};
use ferrolb_segment::message::NodeId;

pub use eligible::Eligibility;
use judged::JudgedNodes;
pub use memory::Memory;
pub(crate) use request::pool as pool_of;
pub(crate) use view::Exclusion;
pub use view::{Exposure, Options, Service, View};

/// The answer for every address of our Services.
#[derive(Clone, Debug, Default)]
pub struct May {
    /// By address.
    pub by_address: BTreeMap<IpAddr, Arc<Judged>>,
    /// The nodes that an advertisement of any address selects, whatever else speaks against them.
    pub selected: Arc<BTreeSet<NodeId>>,
    /// Every node carries the exclude label, which therefore counts for nothing.
    pub all_excluded: bool,
}

/// The answer for one address.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The Services that have the address, in order of their names, as they were judged.
    services: Box<[(ServiceKey, Service)]>,
    /// What was found of each node, whether or not any is eligible; none if no node was asked for.
    nodes: Option<Arc<JudgedNodes>>,
    /// Those of them that it would not be announced for if they were alone, and why.
    refused: Box<[(ServiceKey, Reason)]>,
    /// The nodes that may announce, or why none may.
    pub eligible: Result<Arc<Eligibility>, Box<Reason>>,
}

/// The interfaces that advertisements allow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Interfaces {
    /// At least one advertisement names none: any that suits the address.
    Any,
    /// These, and no others.
    Only(BTreeSet<InterfaceName>),
}

/// Judges every node for every address of our Services.
///
/// The result depends on the view alone: not on who asks, nor on what was decided before.
pub fn may(view: &View) -> Arc<May> {
    Memory::default().judge(view)
}

impl Judged {
    /// The Services that have the address.
    pub fn services(&self) -> impl Iterator<Item = &ServiceKey> {
        self.services.iter().map(|(key, _)| key)
    }

    /// The Services that the address is announced for.
    pub fn served(&self) -> impl Iterator<Item = &ServiceKey> {
        self.services().filter(|key| self.refused(key).is_none())
    }

    /// Reason the address would not be announced for this one of its Services if it were alone.
    pub fn refused(&self, service: &ServiceKey) -> Option<&Reason> {
        let refused = self.refused.iter().find(|(key, _)| key == service);
        refused.map(|(_, why)| why)
    }
}

impl Interfaces {
    fn of(advert: &Advert) -> Self {
        if advert.interfaces.is_empty() {
            Self::Any
        } else {
            Self::Only(advert.interfaces.clone())
        }
    }

    fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(mut one), Self::Only(other)) => {
                one.extend(other);
                Self::Only(one)
            }
            _ => Self::Any,
        }
    }

    /// Whether this interface is allowed.
    pub fn include(&self, interface: &InterfaceName) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(interface),
        }
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
