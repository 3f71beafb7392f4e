//! Which of the changes are sent now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::domain::{NodeName, ServiceKey};
use ferrolb_runtime::backoff::Jitter;
use tokio::time::Instant;

use super::retire::{evictions, together};
use super::{Change, Seen, Wanted};
use crate::tell::resend::Resend;

/// What was sent, so that nothing is sent too often.
#[derive(Debug, Default)]
pub(crate) struct Due {
    resend: Resend<Change>,
    /// Objects of other nodes that were deleted since we took over their Services: by Service and node, because a node
    /// that makes its object anew must not be fought.
    evicted: BTreeSet<(ServiceKey, NodeName)>,
    /// Something waits for what is under way.
    held_back: bool,
}

impl Due {
    /// The changes that may be sent, those of nodes that have nothing left in one. `succeeded` says whether others are
    /// known to announce all that a node said to announce of a Service.
    pub(crate) fn allowed(
        &mut self,
        mut changes: BTreeMap<String, Change>,
        wanted: &BTreeMap<String, Wanted>,
        seen: &[Arc<Seen>],
        succeeded: impl Fn(&ServiceKey, &NodeName) -> bool,
    ) -> BTreeMap<String, Change> {
        let ours: BTreeSet<&ServiceKey> = wanted.values().map(|one| &one.service).collect();
        self.evicted.retain(|(service, _)| ours.contains(service));
        let again =
            |service: &ServiceKey, node: &NodeName| self.evicted.contains(&(service.clone(), node.clone()));
        changes.retain(
            |_, change| !matches!(change, Change::Delete { of: Some((service, node)), .. } if again(service, node)),
        );
        together(changes, seen, |service, node| {
            succeeded(service, node) && !again(service, node)
        })
    }

    /// The changes to send now; they count as sent.
    ///
    /// What is deleted goes after what is made has arrived: by then it is known which node took over the rest of one that
    /// died, and all of its objects go at once.
    pub(crate) fn take(&mut self, changes: BTreeMap<String, Change>, now: Instant) -> Vec<(String, Change)> {
        self.resend.prune(|name| changes.contains_key(name));
        let (made, deleted): (BTreeMap<_, _>, BTreeMap<_, _>) = changes
            .into_iter()
            .partition(|(_, change)| matches!(change, Change::Apply(_)));
        let mut due = self.send(made, now);
        self.held_back = !deleted.is_empty() && self.resend.is_any_under_way();
        if !self.held_back {
            due.extend(self.send(deleted, now));
        }
        self.evicted
            .extend(due.iter().flat_map(|(_, change)| evictions(change)));
        due
    }

    fn send(&mut self, changes: BTreeMap<String, Change>, now: Instant) -> Vec<(String, Change)> {
        let sent = changes
            .into_iter()
            .filter(|(name, change)| self.resend.send(name, change, now));
        sent.collect()
    }

    /// Notes what became of a change.
    pub(crate) fn ended(&mut self, name: &str, landed: bool, now: Instant, jitter: Jitter) {
        self.resend.ended(name, landed, now, jitter);
    }

    /// When the next change may be sent.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        match self.held_back && !self.resend.is_any_under_way() {
            true => Some(now),
            false => self.resend.next(),
        }
    }
}
