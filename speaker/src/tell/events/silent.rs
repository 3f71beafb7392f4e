//! What one of the living nodes tells of addresses that nobody announces: the one that writes the condition. Of one that another
//! station has it tells at once: as soon as the condition says so, the controller gives the Service another.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_crds::domain::{Reason, ServiceKey};
use ferrolb_runtime::events::Notice;
use k8s_openapi::api::core::v1::ObjectReference;
use tokio::time::Instant;

use super::warning;
use crate::tell::condition::spokesman;
use crate::verdict::Verdicts;

/// Between the apply of a pool and of its advertisement, and while pods are replaced, an address is silent for a moment.
const LASTING: Duration = Duration::from_secs(5);

/// The addresses of Services that nobody announces, and whether it was told, by this node or the one that speaks for them.
#[derive(Debug, Default)]
pub(super) struct ToldSilent(BTreeMap<(ServiceKey, IpAddr), Silent>);

#[derive(Debug)]
struct Silent {
    word: &'static str,
    /// When it is told.
    due: Instant,
    told: bool,
}

impl ToldSilent {
    /// Notices about each address that has been silent for long enough for one reason, once for each reason.
    pub(super) fn notices(
        &mut self,
        verdicts: &Verdicts,
        reference: impl Fn(&ServiceKey) -> Option<ObjectReference>,
        now: Instant,
    ) -> Vec<Notice> {
        let (mut silent, mut notices) = (BTreeMap::new(), Vec::new());
        for (service, address, why) in verdicts.silent() {
            let lasting = match why {
                Reason::WireTaken(_) => Duration::ZERO,
                _ => LASTING,
            };
            let key = (service.clone(), address);
            let before = self.0.remove(&key).filter(|one| one.word == why.word());
            let mut one = before.unwrap_or(Silent {
                word: why.word(),
                due: now + lasting,
                told: false,
            });
            if !one.told && now >= one.due {
                one.told = true;
                // Asked last and once because it is dear.
                let is_ours = spokesman(&verdicts.alive, service) == Some(&verdicts.node);
                let regarding = is_ours.then(|| reference(service)).flatten();
                let note =
                    |regarding| warning(regarding, one.word, format!("{address} not announced: {why}"));
                notices.extend(regarding.map(note));
            }
            silent.insert(key, one);
        }
        self.0 = silent;
        notices
    }

    /// When the next one has been silent for long enough.
    pub(super) fn next(&self) -> Option<Instant> {
        let waiting = self.0.values().filter(|one| !one.told);
        waiting.map(|one| one.due).min()
    }
}
