//! Addresses that are new: no node announced them yet, so another station may have them.
//!
//! What is there when a speaker starts is old to it. So neither a restart, nor an upgrade, nor the move from MetalLB asks for
//! anything; but for what was found to be another station's before, which the condition of the Service says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::ServiceKey;

use crate::layer2::announce::Reports;
use crate::may::{Judged, May};
use crate::tell::condition::Shown;

/// The addresses that are new, and all that are there.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    known: Option<Arc<May>>,
    fresh: Arc<BTreeSet<IpAddr>>,
}

impl Fresh {
    /// Those that are new now. `shown` are the Services, `reports` what is held.
    pub(crate) fn follow(
        &mut self,
        may: &Arc<May>,
        shown: &BTreeMap<ServiceKey, Arc<Shown>>,
        reports: &Reports,
    ) -> Arc<BTreeSet<IpAddr>> {
        let known = self.known.replace(may.clone());
        let mut fresh = (*self.fresh).clone();
        if known.as_ref().is_none_or(|known| !Arc::ptr_eq(known, may)) {
            let is_new = |(address, judged): &(&IpAddr, &Arc<Judged>)| match &known {
                Some(known) => !known.by_address.contains_key(*address),
                None => judged.served().any(|service| was_taken(shown, service)),
            };
            let new = may.by_address.iter().filter(is_new);
            fresh.extend(new.map(|(address, _)| *address));
            fresh.retain(|address| may.by_address.contains_key(address));
        }
        let is_held = |address: &IpAddr| {
            let mut reports = reports.values();
            reports.any(|report| report.holders.of(*address).is_some())
        };
        fresh.retain(|address| !is_held(address));
        if *self.fresh != fresh {
            self.fresh = Arc::new(fresh);
        }
        self.fresh.clone()
    }
}

fn was_taken(shown: &BTreeMap<ServiceKey, Arc<Shown>>, service: &ServiceKey) -> bool {
    shown.get(service).is_some_and(|shown| shown.is_taken())
}

#[cfg(test)]
mod tests;
