//! Which of the changes are sent now.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_crds::domain::{NodeName, ServiceKey};
use ferrolb_runtime::backoff::Jitter;
use tokio::time::Instant;

use super::{Change, Wanted};
use crate::resend::Resend;

/// What was sent, so that nothing is sent too often.
#[derive(Debug, Default)]
pub(crate) struct Due {
    resend: Resend<Change>,
    /// Objects of other nodes that were deleted since we took over their Services: by Service and node, because a node
    /// that makes its object anew must not be fought.
    evicted: BTreeSet<(ServiceKey, NodeName)>,
}

impl Due {
    /// The changes to send now; they count as sent.
    pub(crate) fn take(
        &mut self,
        mut changes: BTreeMap<String, Change>,
        wanted: &BTreeMap<String, Wanted>,
        now: Instant,
    ) -> Vec<(String, Change)> {
        let ours: BTreeSet<&ServiceKey> = wanted.values().map(|one| &one.service).collect();
        self.evicted.retain(|(service, _)| ours.contains(service));
        changes.retain(
            |_, change| !matches!(change, Change::Delete { of: Some(of), .. } if self.evicted.contains(of)),
        );
        self.resend.prune(|name| changes.contains_key(name));
        let due: Vec<(String, Change)> = changes
            .into_iter()
            .filter(|(name, change)| self.resend.send(name, change, now))
            .collect();
        let evicted = due.iter().filter_map(|(_, change)| match change {
            Change::Delete { of, .. } => of.clone(),
            Change::Apply(_) => None,
        });
        self.evicted.extend(evicted);
        due
    }

    /// Notes what became of a change.
    pub(crate) fn ended(&mut self, name: &str, landed: bool, now: Instant, jitter: Jitter) {
        self.resend.ended(name, landed, now, jitter);
    }

    /// When the next change may be sent.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.resend.next()
    }
}
