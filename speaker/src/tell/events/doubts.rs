//! What a holder tells of addresses whose packets do not get on from it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Reason, ServiceKey};
use ferrolb_runtime::events::Notice;

use super::warning;
use crate::history::{Happened, History, What};
use crate::tell::condition::Shown;
use crate::verdict::Verdicts;

/// What was told of each address that this node announces.
#[derive(Debug, Default)]
pub(super) struct ToldDoubts(BTreeMap<IpAddr, Reason>);

impl ToldDoubts {
    /// Notices about each Service of each address of which there is something else to tell; they are logged too. What the
    /// Service's condition says already was told by the holder before this one, or by an earlier process: when a node dies that
    /// may concern thousands of Services.
    pub(super) fn notices(
        &mut self,
        verdicts: &Verdicts,
        services: &BTreeMap<ServiceKey, Arc<Shown>>,
        history: &History,
    ) -> Vec<Notice> {
        let (mut told, mut notices) = (BTreeMap::new(), Vec::new());
        for (address, verdict, _) in verdicts.here() {
            let before = self.0.get(&address);
            let Some(why) = &verdict.doubt else {
                if before.is_some() {
                    tracing::info!(%address, "packets get on from here again");
                }
                continue;
            };
            if before != Some(why) {
                history.add(Happened::new(What::Detected, why).of(address));
                tracing::warn!(%address, reason = why.word(), "packets may not get on from here: {why}");
                let note = format!("{address}: {why}");
                let unaware = verdict.judged.served().filter_map(|service| {
                    let shown = services.get(service).filter(|shown| !shown.says(why.word()))?;
                    Some(shown.reference(service))
                });
                notices.extend(unaware.map(|one| warning(one, why.word(), note.clone())));
            }
            told.insert(address, why.clone());
        }
        self.0 = told;
        notices
    }
}
