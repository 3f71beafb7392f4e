//! What a candidate makes of what it sees: whose the Lease is.

use tokio::time::Instant;

use super::Candidate;
use crate::lead::known::Known;
use crate::lead::record::{Record, Version};

/// The holder of the Lease, as seen from here.
pub(super) enum Standing {
    Unknown,
    Ours(Record),
    Free,
    Theirs { until: Instant, confirmed: bool },
}

impl Candidate {
    pub(super) fn observe(&mut self, version: Version, record: Record, now: Instant) {
        self.newest = Some(version.clone());
        self.known = Some(Known::seen(self.known.take(), version, record, now));
        self.end_if_not_ours();
    }

    pub(super) fn observe_nothing(&mut self, now: Instant) {
        self.write_after = None;
        self.known = Some(Known::gone(self.known.take(), now));
        self.end_if_not_ours();
    }

    fn end_if_not_ours(&mut self) {
        if matches!(self.standing(), Standing::Ours(_)) {
            return;
        }
        self.valid_until = None;
        let version = self.known.as_ref().and_then(|known| known.version.as_ref());
        self.claim = self.claim.take().filter(|claim| claim.base.as_ref() == version);
    }

    pub(super) fn standing(&self) -> Standing {
        let Some(known) = &self.known else {
            return Standing::Unknown;
        };
        match &known.record {
            Some(record) if self.wrote_record(record) => Standing::Ours(record.clone()),
            Some(record) if record.holder.is_some() => Standing::Theirs {
                until: known.expires(self.terms.lease_duration),
                confirmed: known.confirmed,
            },
            _ => Standing::Free,
        }
    }

    /// Whether this very process wrote the record, or will turn out to have.
    pub(super) fn wrote_record(&self, record: &Record) -> bool {
        let claimed = self.claim.as_ref().map(|claim| claim.acquired);
        record.holder.as_ref() == Some(&self.identity) && claimed.is_some() && record.acquired == claimed
    }
}
