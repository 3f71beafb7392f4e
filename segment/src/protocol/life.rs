//! Time passes: who is alive, whether this instance may take part, and what it says of itself.

use std::time::Duration;

use super::{Event, Segment};
use crate::message::{Body, Entry, Hold, State};
use crate::moment::Moment;
use crate::peer::{Link, Peer};

/// Looked at this often while something is under way that no frame may announce.
const BUSY: Duration = Duration::from_millis(5);
/// How long a joining instance waits for the claims of the others at most.
const SYNC_AT_MOST: Duration = Duration::from_secs(2);

impl Segment {
    /// Judges everything as of now. To be called when [`Segment::next`] has come and after frames were taken in.
    pub fn advance(&mut self, now: Moment) {
        self.notice_lateness(now);
        self.notice_carrier(now);
        self.judge_peers(now);
        self.judge_doubt(now);
        self.weigh(now);
        self.take_part(now);
        self.judge_returns(now);
        self.back_claims(now);
        self.expire(now);
        self.forget_epochs(now);
        self.consider_all(now);
        self.follow_yields(now);
        self.follow_splits(now);
        self.claim_orphans(now);
        self.confirm(now);
        self.tell_again();
        if self.is_alone() {
            self.ask_neighbours(now);
        }
        self.renew_list(now);
        let pages = self.own.publish();
        let changed = !pages.is_empty();
        pages.into_iter().for_each(|page| self.send(Body::Claims(page)));
        let due = self
            .last_beacon
            .is_none_or(|last| now >= last + self.conduct.profile.interval);
        if due || changed || self.beacon_now {
            self.send_beacon(now);
        }
        for request in self.asking.due(now) {
            self.send(Body::Request(request));
        }
        self.expected = Some(self.next(now));
    }

    /// When to advance next, if no frame comes before.
    pub fn next(&self, now: Moment) -> Moment {
        let interval = self.conduct.profile.interval;
        let beacon = self.last_beacon.map_or(now, |last| last + interval);
        let busy = !self.orphans.is_empty() || self.stunned.is_some();
        self.peers
            .next()
            .into_iter()
            .chain(self.asking.next())
            .chain(busy.then_some(now + BUSY))
            .chain(self.next_confirmed().map(|at| at.max(now + BUSY)))
            .chain(self.next_split())
            .chain(self.next_doubt())
            .fold(beacon, Moment::min)
    }

    /// A loop that was held up knows nothing about what happened meanwhile, and others may know nothing about it.
    fn notice_lateness(&mut self, now: Moment) {
        let profile = self.conduct.profile;
        let late = self
            .expected
            .map_or(Duration::ZERO, |expected| now.since(expected));
        if late <= profile.interval {
            return;
        }
        self.peers.excuse(now);
        if late >= profile.detection() {
            self.stun(late, now);
        }
    }

    /// Beacons that left by no wire told nobody that this instance lives.
    fn notice_carrier(&mut self, now: Moment) {
        if !self.carrier {
            self.unplugged.get_or_insert(now);
        } else if let Some(since) = self.unplugged.take()
            && now.since(since) >= self.conduct.profile.detection()
        {
            self.stun(now.since(since), now);
        }
    }

    pub(super) fn stun(&mut self, unseen: Duration, now: Moment) {
        self.tell(Event::Stunned(unseen));
        self.stunned = Some(now + self.conduct.profile.detection());
        self.unsettle(now);
        self.backed_since = None;
        self.beacon_now = true;
        self.unback();
    }

    fn take_part(&mut self, now: Moment) {
        let knows = |until: Moment| now >= until && (self.all_synced() || now >= until + SYNC_AT_MOST);
        if self.stunned.is_some_and(knows) {
            self.stunned = None;
            self.begin_again();
        }
        let listened = now.since(self.started);
        let joining = self.conduct.profile.joining();
        let waited = || self.all_synced() || listened >= joining.max(SYNC_AT_MOST);
        if self.state == State::Joining && self.view.is_some() && listened >= joining && waited() {
            self.state = State::Active;
            self.beacon_now = true;
            self.tell(Event::Joined);
            self.begin_again();
        }
    }

    /// Orphans count from now on: until now nobody's turn could come.
    fn begin_again(&mut self) {
        self.orphans.clear();
        self.look_at_everything();
    }

    pub(super) fn all_synced(&self) -> bool {
        self.peers
            .values()
            .filter(|peer| peer.is_up())
            .all(Peer::is_synced)
    }

    /// A claim of one who lost sight of most others must not win when they meet again.
    fn back_claims(&mut self, now: Moment) {
        if !self.has_majority() {
            if self.backed_since.take().is_some() {
                self.unback();
            }
            return;
        }
        let since = *self.backed_since.get_or_insert(now);
        let first = self.own.held() == 0;
        if first || now.since(since) >= self.conduct.profile.detection() * 3 {
            self.set_backed(true);
        }
    }

    fn unback(&mut self) {
        self.set_backed(false);
    }

    fn set_backed(&mut self, backed: bool) {
        let as_it_should = if backed { self.own.held() } else { 0 };
        if self.own.backed() == as_it_should {
            return;
        }
        let holds: Vec<_> = self
            .own
            .holds()
            .filter(|(_, hold)| hold.backed != backed)
            .map(|(a, h)| (a, *h))
            .collect();
        for (address, hold) in holds {
            self.own.set(address, Some(Entry::Hold(Hold { backed, ..hold })));
            self.attention.insert(address);
        }
    }

    /// No known speaker is up, and no neighbour answers either.
    pub(super) fn is_cut_off(&self, now: Moment) -> bool {
        self.is_alone() && !self.has_witness(now)
    }

    /// There are other speakers, and none is up.
    fn is_alone(&self) -> bool {
        let others = self.known.iter().any(|node| *node != self.me.node);
        others && !self.peers.values().any(Peer::is_up)
    }

    /// A neighbour that is no speaker answered a short while ago.
    pub(super) fn has_witness(&self, now: Moment) -> bool {
        let lasts = self.conduct.profile.detection() * 3;
        self.witnessed.is_some_and(|at| now.since(at) <= lasts)
    }

    /// Takes part, or will in a moment, and is not suspected.
    pub(super) fn is_well(peer: &Peer) -> bool {
        peer.link == Link::Up && !peer.is_leaving()
    }
}
