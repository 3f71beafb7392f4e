//! What a leader knows that no object holds. It begins anew with each term.

use std::collections::BTreeSet;
use std::time::Duration;

use ferrolb_crds::domain::{PoolName, ServiceKey};
use ferrolb_runtime::reflect::Told;
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use crate::act::Disputes;
use crate::memory::Memory;
use crate::plan::Settled;
use crate::takeover::Takeover;

/// A doubt that is over sooner is none: an advertisement may be applied a moment before its pool.
const DOUBTS_LAST: Duration = Duration::from_secs(5);

/// One time of leading, from winning the Lease until it is lost.
pub(crate) struct Term {
    pub(crate) number: u64,
    /// Some until the watch shows all that the last leader wrote.
    pub(crate) takeover: Option<Takeover>,
    pub(crate) memory: Memory,
    pub(crate) disputes: Disputes,
    pub(crate) pool_writes: PoolWrites,
    pub(crate) settled: Settled,
    /// Services of other classes that still bear what we wrote under another `--lb-class`.
    pub(crate) left: BTreeSet<ServiceKey>,
    /// Which objects were told to be skipped in whole or in part.
    pub(crate) told_invalid: Told,
    /// Which objects were told to be doubtful and used as they are.
    pub(crate) told_doubtful: Told,
}

/// Which pools are being written, and from when on the next write may go out.
#[derive(Default)]
pub(crate) struct PoolWrites {
    pub(crate) under_way: BTreeSet<PoolName>,
    pub(crate) not_before: Option<Instant>,
}

impl Term {
    /// `inherited` is what the last leader left.
    pub(crate) fn begin(number: u64, cooldown: Duration, inherited: Option<&str>, now: Instant) -> Self {
        let mut memory = Memory::new(cooldown, (now, Timestamp::now()));
        inherited.into_iter().for_each(|legacy| memory.inherit(legacy));
        Self {
            number,
            takeover: Some(Takeover::begin(now)),
            memory,
            disputes: Disputes::default(),
            pool_writes: PoolWrites::default(),
            settled: Settled::default(),
            left: BTreeSet::new(),
            told_invalid: Told::default(),
            told_doubtful: Told::after(DOUBTS_LAST),
        }
    }

    /// When something changes by time alone.
    pub(crate) fn next_wake(&self, now: Instant) -> Option<Instant> {
        let list = self.takeover.as_ref().and_then(Takeover::next_list);
        let pools = self.pool_writes.not_before.filter(|time| *time > now);
        [list, pools, self.memory.next_change(), self.told_doubtful.next()]
            .into_iter()
            .flatten()
            .min()
    }
}
