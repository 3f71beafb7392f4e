//! The Lease as one candidate last saw it.

use std::time::Duration;

use tokio::time::Instant;

use super::record::{Record, Version};

/// What is known of the Lease, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Known {
    /// None while the Lease does not exist.
    pub(super) version: Option<Version>,
    /// The last record there was, even if the Lease was deleted since: deleting it ends nobody's lease.
    pub(super) record: Option<Record>,
    /// When this version was first seen, on our clock.
    since: Instant,
    /// Whether a read found it unchanged when it had expired.
    pub(super) confirmed: bool,
}

impl Known {
    /// The Lease was seen like this now; `before` is what was known.
    pub(super) fn seen(before: Option<Self>, version: Version, record: Record, now: Instant) -> Self {
        let version = Some(version);
        before.filter(|before| before.version == version).unwrap_or(Self {
            version,
            record: Some(record),
            since: now,
            confirmed: false,
        })
    }

    /// There is no Lease; `before` is what was known.
    pub(super) fn gone(before: Option<Self>, now: Instant) -> Self {
        let unknown = Self {
            version: None,
            record: None,
            since: now,
            confirmed: false,
        };
        Self {
            version: None,
            ..before.unwrap_or(unknown)
        }
    }

    /// Until when the record is to be left alone if another holds it; `usual` where it does not say for how long.
    pub(super) fn expires(&self, usual: Duration) -> Instant {
        let asked = self.record.as_ref().and_then(|record| record.duration);
        self.since + asked.unwrap_or(usual)
    }
}
