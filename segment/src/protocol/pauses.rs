//! What this instance may have missed: its loop was late, its port had no carrier, or the machine stood still with its
//! clock, which it notices by the clocks of the others: they ran ahead.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Moment;
use crate::message::{Beacon, Instance};
use crate::peer::Peer;
use crate::profile::Profile;

#[derive(Clone, Debug)]
pub(super) struct Pauses {
    profile: Profile,
    /// When the loop is to run next at the latest.
    pub(super) expected: Option<Moment>,
    pub(super) carrier: bool,
    /// Since when there is no carrier.
    unplugged: Option<Moment>,
    /// Silent until then and until all is known again.
    pub(super) stunned: Option<Moment>,
    doubt: Option<Doubt>,
}

/// The clock of a peer ran ahead: it is odd, or this machine stood still.
#[derive(Clone, Debug)]
struct Doubt {
    until: Moment,
    /// By how much at least.
    by: Duration,
    ahead: BTreeSet<Instance>,
    /// Those whose clocks did not run ahead.
    even: BTreeSet<Instance>,
}

impl Pauses {
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            profile,
            expected: None,
            carrier: true,
            unplugged: None,
            stunned: None,
            doubt: None,
        }
    }

    /// Others may have missed this instance, or it them.
    pub(super) fn may_be_missed(&self, now: Moment) -> bool {
        // What comes although there was no carrier comes before it is known that there is one again.
        let unseen = |since| now.since(since) >= self.profile.detection();
        let unseen = self.unplugged.is_some_and(unseen); // P3
        self.stunned.is_some() || self.doubt.is_some() || unseen
    }

    /// By how much the loop is late, if that is more than it may be (P1).
    pub(super) fn lateness(&self, now: Moment) -> Option<Duration> {
        let late = now.since(self.expected?);
        (late > self.profile.interval).then_some(late)
    }

    /// For how long there was no carrier, if that is over and was too long: beacons that left by no wire told nobody that
    /// this instance lives (P3).
    pub(super) fn plugged_again(&mut self, now: Moment) -> Option<Duration> {
        if !self.carrier {
            self.unplugged.get_or_insert(now);
            return None;
        }
        let unseen = now.since(self.unplugged.take()?);
        (unseen >= self.profile.detection()).then_some(unseen)
    }

    /// Compares the clock of a peer that is up (P5).
    pub(super) fn compare(&mut self, peer: &mut Peer, beacon: &Beacon, now: Moment) {
        let limit = self.profile.detection();
        let Some(by) = peer.clock.compare(beacon.uptime, now, limit) else {
            if let Some(doubt) = self.doubt.as_mut().filter(|_| peer.clock.is_known()) {
                doubt.even.insert(peer.instance);
            }
            return;
        };
        let doubt = self.doubt.get_or_insert_with(|| Doubt {
            until: now + self.profile.interval * 2,
            by,
            ahead: BTreeSet::new(),
            even: BTreeSet::new(),
        });
        doubt.by = by.min(doubt.by);
        doubt.ahead.insert(peer.instance);
    }

    /// Decides whether this machine stood still: it did if the clocks of most of so many peers ran ahead. All that live say
    /// a beacon within 2·I, though one may be lost; until it is decided nothing is answered. Returns for how long it did,
    /// at least; zero if it did not (P6).
    pub(super) fn judge_doubt(&mut self, peers: usize, now: Moment) -> Option<Duration> {
        let doubt = self.doubt.take_if(|doubt| {
            let (ahead, even) = (doubt.ahead.len(), doubt.even.len());
            now >= doubt.until || 2 * ahead > peers || 2 * even >= peers
        })?;
        let stood_still = doubt.ahead.len() > doubt.even.len();
        Some(if stood_still { doubt.by } else { Duration::ZERO })
    }

    pub(super) fn next_doubt(&self) -> Option<Moment> {
        self.doubt.as_ref().map(|doubt| doubt.until)
    }
}
