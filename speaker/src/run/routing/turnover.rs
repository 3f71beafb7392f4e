//! Addresses that other nodes tell than before.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::NodeName;

use crate::routes::{Routes, Tellers};

/// The routes as they were decided last.
#[derive(Debug, Default)]
pub(super) struct Turnover(Option<Arc<Routes>>);

/// An address that was told before, and that other nodes have come to tell.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) address: IpAddr,
    pub(super) before: Arc<Tellers>,
    /// The nodes that did not tell it before.
    pub(super) came: Arc<[NodeName]>,
}

impl Turnover {
    /// What is different now. Nothing at first: what the first routes of a process say, the process before it may have told.
    pub(super) fn follow(&mut self, routes: &Arc<Routes>) -> Vec<Changed> {
        let seen = self.0.replace(routes.clone());
        let Some(seen) = seen.filter(|seen| !Arc::ptr_eq(seen, routes)) else {
            return Vec::new();
        };
        // Thousands of addresses of policy Cluster have the same tellers, in one place of memory.
        let mut by_pair: HashMap<[*const Tellers; 2], Arc<[NodeName]>> = HashMap::new();
        let mut changed = Vec::new();
        for address in routes.fates.keys() {
            let (Some(before), Some(after)) = (tellers(&seen, *address), tellers(routes, *address)) else {
                continue;
            };
            let is_new = |node: &&NodeName| !before.contains_key(*node);
            let came = by_pair
                .entry([Arc::as_ptr(before), Arc::as_ptr(after)])
                .or_insert_with(|| after.keys().filter(is_new).cloned().collect());
            if !came.is_empty() {
                changed.push(Changed {
                    address: *address,
                    before: before.clone(),
                    came: came.clone(),
                });
            }
        }
        changed
    }
}

/// Who tells the address, if anybody does.
pub(super) fn tellers(routes: &Routes, address: IpAddr) -> Option<&Arc<Tellers>> {
    routes.fates.get(&address)?.as_ref().ok()
}
