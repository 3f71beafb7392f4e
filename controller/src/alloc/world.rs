//! What a decision depends on, all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Namespaces, Pools, ServiceKey, ServiceView};

/// The cluster as the allocator sees it at one moment.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// All Services, ours or not.
    pub services: BTreeMap<ServiceKey, Arc<ServiceView>>,
    /// All valid pools.
    pub pools: Pools,
    /// Labels of the namespaces.
    pub namespaces: Namespaces,
    /// Addresses that are given out only on request: those of the nodes.
    pub reserved: BTreeSet<IpAddr>,
    /// Addresses that somebody outside the cluster uses: given out only on request.
    pub quarantined: BTreeSet<IpAddr>,
    /// Addresses in the status of Services that cannot be read: they go to nobody else.
    pub unreadable: BTreeMap<IpAddr, ServiceKey>,
    /// Addresses given back a moment ago, and by whom: the last choice for everybody else.
    pub cooling: BTreeMap<IpAddr, ServiceKey>,
    /// Addresses in the status of a Service that somebody else wrote there.
    pub foreign: BTreeSet<(ServiceKey, IpAddr)>,
    /// Services whose terms of sharing changed since the last decision: where they no longer fit with
    /// others on an address, it is they who leave.
    pub changed: BTreeSet<ServiceKey>,
    /// The class of Services that are ours; none means those without a class.
    pub class: Option<String>,
}
