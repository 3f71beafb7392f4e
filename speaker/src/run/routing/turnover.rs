//! Addresses that other nodes tell than before.

use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::NodeName;

use crate::routes::{Routes, Tellers};

/// The routes as they were decided last.
#[derive(Debug, Default)]
pub(super) struct Turnover(Option<Arc<Routes>>);

/// An address that was told before and is told now.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) address: IpAddr,
    pub(super) before: Arc<Tellers>,
    pub(super) after: Arc<Tellers>,
}

impl Turnover {
    /// What is different now. Nothing at first: what the first routes of a process say, the process before it may have told.
    pub(super) fn follow(&mut self, routes: &Arc<Routes>) -> Vec<Changed> {
        let seen = self.0.replace(routes.clone());
        let Some(seen) = seen.filter(|seen| !Arc::ptr_eq(seen, routes)) else {
            return Vec::new();
        };
        let changed = |address: &IpAddr| {
            let (before, after) = (tellers(&seen, *address)?, tellers(routes, *address)?);
            let differs = !Arc::ptr_eq(before, after) && before != after;
            differs.then(|| Changed {
                address: *address,
                before: before.clone(),
                after: after.clone(),
            })
        };
        routes.fates.keys().filter_map(changed).collect()
    }
}

impl Changed {
    /// The nodes that did not tell the address before.
    pub(super) fn came(&self) -> impl Iterator<Item = &NodeName> {
        let is_new = |node: &&NodeName| !self.before.contains_key(*node);
        self.after.keys().filter(is_new)
    }
}

/// Who tells the address, if anybody does.
pub(super) fn tellers(routes: &Routes, address: IpAddr) -> Option<&Arc<Tellers>> {
    routes.fates.get(&address)?.as_ref().ok()
}
