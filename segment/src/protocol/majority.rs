//! `single-owner`: a node that does not see more than half of the speakers neither claims nor answers.
//!
//! A **proof** is the time at which frames had come of so many others, each saying that it and this instance hear each
//! other, that with this one they are more than half. A holder answers for 2·D after it. Others claim, and a node that fell
//! silent answers again, only when 2·D + Q have passed since all that they are up with heard, both ways, nobody else: one of
//! those that the holder's proof needs is among them, and stopped to confirm the holder before. Of two that claim at the
//! same moment one has given way a slot later; only then a claim counts, and only with a proof that came after it, if nobody
//! was lost meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::members::Proofs;
use super::{Effect, Event, Segment};
use crate::message::{Instance, Tag};
use crate::moment::Moment;
use crate::peer::{Link, Peer};

/// What the sides of a partition do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PartitionPolicy {
    /// Each side elects: nobody is without an answer, and some may get two.
    #[default]
    Availability,
    /// Only the side with more than half of the speakers answers.
    SingleOwner,
}

/// What is known about the own side.
#[derive(Clone, Debug)]
pub(super) struct Majority {
    /// When more than half had proved to hear this instance.
    proof: Option<Moment>,
    pub(super) proofs: Proofs,
    /// When last somebody on this side heard somebody who is not on it, or was lost.
    unsettled: Moment,
    settled: bool,
    /// There was no proof, or it was too old, and whether others answer is not known yet.
    lapsed: bool,
    /// Claims that another may have made at the same moment, and since when.
    unconfirmed: BTreeMap<IpAddr, Moment>,
    /// What is held is to be told again once it is known that it still is.
    untold: bool,
}

impl Majority {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            proof: None,
            proofs: Proofs::default(),
            unsettled: now,
            settled: false,
            lapsed: true,
            unconfirmed: BTreeMap::new(),
            untold: false,
        }
    }
}

impl Segment {
    fn is_single_owner(&self) -> bool {
        self.conduct.policy == PartitionPolicy::SingleOwner
    }

    /// Whether this instance may answer as far as majorities are concerned: always, unless it is to matter; then while more
    /// than half heard it a short while ago, and not at once after that was not so.
    pub fn is_with_majority(&self, now: Moment) -> bool {
        !self.is_single_owner() || (self.is_proven(now) && !self.majority.lapsed)
    }

    fn is_proven(&self, now: Moment) -> bool {
        let fresh = |proof: Moment| now.since(proof) < self.conduct.profile.detection() * 2;
        self.majority.proof.is_some_and(fresh)
    }

    /// Whether nobody can answer any more whom this instance does not know to be alive.
    pub(super) fn may_claim(&self, now: Moment) -> bool {
        let profile = self.conduct.profile;
        let silent = profile.detection() * 2 + profile.asking();
        !self.is_single_owner()
            || (self.is_proven(now) && self.majority.settled && now.since(self.majority.unsettled) >= silent)
    }

    /// One that was up is gone without a word: it may answer for a while.
    pub(super) fn unsettle(&mut self, now: Moment) {
        self.majority.unsettled = now;
    }

    pub(super) fn weigh(&mut self, now: Moment) {
        if !self.is_single_owner() {
            return;
        }
        self.majority.proof = self.newest_proof(now);
        let settled = match std::mem::take(&mut self.peers.changed.sides) {
            true => !self.hears_of_others(self.members.electors.len()),
            false => self.majority.settled,
        };
        if !(settled && self.majority.settled && self.is_proven(now)) {
            self.majority.unsettled = now;
        }
        self.majority.settled = settled;
        self.notice_lapse(now);
    }

    /// Who answers again after a silence does so no sooner than another might claim: meanwhile one may have claimed of
    /// whom nobody here knows.
    fn notice_lapse(&mut self, now: Moment) {
        let lapsed = match self.majority.lapsed {
            true => !self.may_claim(now),
            false => !self.is_proven(now),
        };
        if lapsed != self.majority.lapsed {
            self.tell(Event::Majority(!lapsed));
        }
        self.majority.untold |= self.majority.lapsed && !lapsed;
        self.majority.lapsed = lapsed;
    }

    /// Whether a claim that is made now is answered for later; if so, it is from then on.
    pub(super) fn must_confirm(&mut self, address: IpAddr, now: Moment) -> bool {
        if self.is_single_owner() {
            self.majority.unconfirmed.insert(address, now);
        }
        self.is_single_owner()
    }

    pub(super) fn is_unconfirmed(&self, address: IpAddr) -> bool {
        self.majority.unconfirmed.contains_key(&address)
    }

    pub(super) fn forget_unconfirmed(&mut self, address: IpAddr) {
        self.majority.unconfirmed.remove(&address);
    }

    pub(super) fn next_confirmed(&self) -> Option<Moment> {
        let first = self.majority.unconfirmed.values().min();
        first.map(|claimed| *claimed + self.conduct.profile.slot())
    }

    /// Answers for what was claimed a slot ago and is still held, if more than half were heard since and nobody who is up
    /// holds it too. Who lost somebody
    /// meanwhile, or heard of somebody else, may have claimed at the same moment as he: that claim is given up.
    pub(super) fn confirm(&mut self, now: Moment) {
        self.withdraw(now);
        let (slot, proof) = (self.conduct.profile.slot(), self.majority.proof);
        let counts = |claimed: Moment| now.since(claimed) >= slot && proof > Some(claimed);
        // A holder that yields and hears nobody any more answers until its proof is too old, or it is down.
        let is_free = |address: IpAddr| self.live_holds(address).next().is_none();
        let due = self.majority.unconfirmed.iter();
        let due = due.filter(|(address, claimed)| counts(**claimed) && is_free(**address));
        let due: Vec<IpAddr> = due.map(|(address, _)| *address).collect();
        for address in due {
            self.forget_unconfirmed(address);
            self.effects.push(Effect::Hold(address));
            self.announce(address);
        }
    }

    fn withdraw(&mut self, now: Moment) {
        let unsettled = self.majority.unsettled;
        let doubtful = self.majority.unconfirmed.iter();
        let doubtful: Vec<IpAddr> = doubtful
            .filter(|(_, claimed)| unsettled > **claimed)
            .map(|(address, _)| *address)
            .collect();
        for address in doubtful {
            if let Some(hold) = self.own.hold(address).copied() {
                self.release(address, hold, None, now);
            }
            self.forget_unconfirmed(address);
        }
    }

    /// Neighbours may have forgotten an address that was silent.
    pub(super) fn tell_again(&mut self) {
        if self.majority.untold && self.stunned.is_none() {
            self.majority.untold = false;
            let held: Vec<_> = self.held().collect();
            held.into_iter().for_each(|address| self.announce(address));
        }
    }

    fn newest_proof(&self, now: Moment) -> Option<Moment> {
        match self.members.electors.len() / 2 {
            0 => Some(now),
            others => self.majority.proofs.of(others),
        }
    }

    /// Whether this instance, or one it is up with, is mutual with one that this instance is not up with and that may have
    /// a majority. One that is merely heard has no proof of it, and may be a replay (docs/protocol.md, why mutual).
    fn hears_of_others(&self, electors: usize) -> bool {
        let up = || self.peers.values().filter(|peer| peer.is_up());
        let side: BTreeSet<Tag> = up().map(|peer| peer.tag).chain([self.tag]).collect();
        let powerless: BTreeSet<Tag> = self
            .peers
            .values()
            .filter(|peer| peer.is_listed && peer.hears_too_few(electors))
            .map(|peer| peer.tag)
            .collect();
        let mut heard = up().flat_map(|peer| peer.heard.mutual()).chain(
            self.list
                .iter()
                .filter(|(_, mutual)| **mutual)
                .map(|(tag, _)| *tag),
        );
        up().any(|peer| !peer.knows_list())
            || heard.any(|tag| !side.contains(&tag) && !powerless.contains(&tag))
    }

    /// Notes that an instance says that it and this one hear each other.
    pub(super) fn prove(&mut self, from: Instance, at: Moment) {
        let tag = self.tag;
        if let Some(peer) = self.peers.get_mut(&from)
            && peer.knows_list()
            && peer.heard.confirms(tag)
        {
            peer.proof = peer.proof.max(Some(at));
            if self.members.electors.contains(&from.node) {
                self.majority.proofs.add(from.node, at);
            }
        }
    }
}

impl Peer {
    /// It says of so few that they hear it or not that it has no majority.
    fn hears_too_few(&self, electors: usize) -> bool {
        self.link != Link::Up && self.knows_list() && 2 * (1 + self.heard.tags().count()) <= electors
    }
}
