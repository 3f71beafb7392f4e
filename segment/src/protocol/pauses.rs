//! A machine that stood still with its clock notices it by the clocks of the others: they ran ahead.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Segment;
use crate::message::{Beacon, Instance};
use crate::moment::Moment;

/// The clock of a peer ran ahead: it is odd, or this machine stood still.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    since: Moment,
    /// By how much at least.
    by: Duration,
    ahead: BTreeSet<Instance>,
    /// Those whose clocks did not run ahead.
    even: BTreeSet<Instance>,
}

impl Segment {
    /// Compares the clocks. Only one that is up counts: a replay is not.
    pub(super) fn compare_clocks(&mut self, from: Instance, beacon: &Beacon, now: Moment) {
        let limit = self.conduct.profile.detection();
        let Some(peer) = self.peers.get_mut(&from).filter(|peer| peer.is_up()) else {
            return;
        };
        let Some(by) = peer.clock.compare(beacon.uptime, now, limit) else {
            if let Some(doubt) = self.doubt.as_mut().filter(|_| peer.clock.is_known()) {
                doubt.even.insert(from);
            }
            return;
        };
        let doubt = self.doubt.get_or_insert_with(|| Doubt {
            since: now,
            by,
            ahead: BTreeSet::new(),
            even: BTreeSet::new(),
        });
        doubt.by = by.min(doubt.by);
        doubt.ahead.insert(from);
    }

    /// Decides whether this machine stood still: it did if the clocks of most peers ran ahead. All that live say a beacon
    /// within 2·I, though one may be lost; until it is decided nothing is answered.
    pub(super) fn judge_doubt(&mut self, now: Moment) {
        let Some(doubt) = &self.doubt else { return };
        let peers = self.members.up.len() - 1;
        let (ahead, even) = (doubt.ahead.len(), doubt.even.len());
        let is_over = now >= self.end_of(doubt);
        if !is_over && 2 * ahead <= peers && 2 * even < peers {
            return;
        }
        let stood_still = ahead > even;
        let by = doubt.by;
        self.doubt = None;
        self.peers.forget_clocks();
        if stood_still {
            self.stun(by, now);
        }
    }

    pub(super) fn next_doubt(&self) -> Option<Moment> {
        self.doubt.as_ref().map(|doubt| self.end_of(doubt))
    }

    fn end_of(&self, doubt: &Doubt) -> Moment {
        doubt.since + self.conduct.profile.interval * 2
    }
}
