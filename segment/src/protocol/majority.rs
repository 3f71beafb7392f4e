//! `single-owner`: a node that does not see more than half of the speakers neither claims nor answers (rules M).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::facts::Facts;
use super::proofs::Proofs;
use super::{Conduct, Event};
use crate::Moment;
use crate::message::{Instance, Tag};

/// What the sides of a partition do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PartitionPolicy {
    /// Each side elects: no address is without an answer, and some may get two.
    #[default]
    Availability,
    /// Only the side with more than half of the speakers answers.
    SingleOwner,
}

/// What is known about the own side.
#[derive(Clone, Debug, Default)]
pub(super) struct Majority {
    conduct: Conduct,
    /// When more than half had proved to hear this instance.
    proof: Option<Moment>,
    proofs: Proofs,
    /// When last a node on this side heard one that is not on it, or was lost.
    unsettled: Moment,
    settled: bool,
    /// There was no proof, or it was too old, and whether others answer is not known yet.
    lapsed: bool,
    /// Claims that another may have made at the same moment, and since when.
    pub(super) unconfirmed: BTreeMap<IpAddr, Moment>,
    /// What is held is to be told again once it is known that it still is.
    pub(super) untold: bool,
}

impl Majority {
    pub(super) fn new(conduct: Conduct, now: Moment) -> Self {
        Self {
            conduct,
            unsettled: now,
            lapsed: true,
            ..Self::default()
        }
    }

    fn is_single_owner(&self) -> bool {
        self.conduct.policy == PartitionPolicy::SingleOwner // M1
    }

    /// Whether this instance may answer: always, unless majorities matter; then while more than half heard it a short while
    /// ago, and not at once after that was not so (M4).
    pub(super) fn may_answer(&self, now: Moment) -> bool {
        !self.is_single_owner() || (self.is_proven(now) && !self.lapsed)
    }

    fn is_proven(&self, now: Moment) -> bool {
        let lasts = self.conduct.profile.detection() * 2;
        self.proof.is_some_and(|proof| now.since(proof) < lasts)
    }

    /// Whether no instance can answer any more that this one does not know to be alive (M5).
    pub(super) fn may_claim(&self, now: Moment) -> bool {
        let profile = self.conduct.profile;
        let silent = profile.detection() * 2 + profile.asking();
        let settled = self.settled && now.since(self.unsettled) >= silent;
        !self.is_single_owner() || (self.is_proven(now) && settled)
    }

    /// One that was up is gone without a word: it may answer for a while.
    pub(super) fn unsettle(&mut self, now: Moment) {
        self.unsettled = now;
    }

    /// Judges as of now; `list` are those that this instance hears, as it says. Whether it may answer, if that changed.
    pub(super) fn weigh(
        &mut self,
        facts: &mut Facts,
        list: &BTreeMap<Tag, bool>,
        now: Moment,
    ) -> Option<Event> {
        if !self.is_single_owner() {
            return None;
        }
        self.proof = match facts.roll.members.electors.len() / 2 {
            0 => Some(now),
            others => self.proofs.of(others), // M3
        };
        let settled = match std::mem::take(&mut facts.roll.changed.sides) {
            true => !self.hears_of_others(facts, list),
            false => self.settled,
        };
        if !(settled && self.settled && self.is_proven(now)) {
            self.unsettled = now;
        }
        self.settled = settled;
        self.notice_lapse(now)
    }

    /// One that answers again after a silence does so no sooner than another might claim: meanwhile one may have claimed
    /// that nobody here knows (M8).
    fn notice_lapse(&mut self, now: Moment) -> Option<Event> {
        let before = self.lapsed;
        self.lapsed = match before {
            true => !self.may_claim(now),
            false => !self.is_proven(now),
        };
        self.untold |= before && !self.lapsed;
        (self.lapsed != before).then_some(Event::Majority(!self.lapsed))
    }

    /// Whether a claim that is made now is answered for later; if so, it is from then on (M6).
    pub(super) fn must_confirm(&mut self, address: IpAddr, now: Moment) -> bool {
        if self.is_single_owner() {
            self.unconfirmed.insert(address, now);
        }
        self.is_single_owner()
    }

    pub(super) fn next_confirmed(&self) -> Option<Moment> {
        let first = self.unconfirmed.values().min();
        first.map(|claimed| *claimed + self.conduct.profile.slot())
    }

    /// What was claimed a slot ago and is still held, if more than half were heard since and no peer that is up holds it
    /// too: it is answered for from now on (M6).
    pub(super) fn confirmed(&mut self, facts: &Facts, now: Moment) -> Vec<IpAddr> {
        let (slot, proof) = (self.conduct.profile.slot(), self.proof);
        let counts = |claimed: Moment| now.since(claimed) >= slot && proof > Some(claimed);
        // A holder that yields and hears nobody any more answers until its proof is too old, or it is down.
        let is_free = |address: IpAddr| facts.live_holds(address).next().is_none();
        let due = |address: &IpAddr, claimed: &mut Moment| counts(*claimed) && is_free(*address);
        self.unconfirmed
            .extract_if(.., due)
            .map(|(address, _)| address)
            .collect()
    }

    /// What was claimed before this instance lost somebody, or heard of somebody else that may have claimed at the same
    /// moment: it is given up (M7).
    pub(super) fn doubtful(&mut self) -> Vec<IpAddr> {
        let unsettled = self.unsettled;
        let doubtful = |_: &IpAddr, claimed: &mut Moment| unsettled > *claimed;
        let doubtful = self.unconfirmed.extract_if(.., doubtful);
        doubtful.map(|(address, _)| address).collect()
    }

    /// Whether this instance, or one it is up with, is mutual with one that this instance is not up with and that may have
    /// a majority. One that is merely heard has no proof of it, and may be a replay (M5; `docs/protocol-notes.md`, why mutual).
    fn hears_of_others(&self, facts: &Facts, list: &BTreeMap<Tag, bool>) -> bool {
        let electors = facts.roll.members.electors.len();
        let up = || facts.roll.values().filter(|peer| peer.is_up());
        let side: BTreeSet<Tag> = up().map(|peer| peer.tag).chain([facts.roll.tag]).collect();
        let listed = facts.roll.values().filter(|peer| peer.is_listed);
        let powerless = listed.filter(|peer| peer.hears_too_few(electors));
        let powerless: BTreeSet<Tag> = powerless.map(|peer| peer.tag).collect();
        let mine = list.iter().filter(|(_, mutual)| **mutual).map(|(tag, _)| *tag);
        let mut heard = up().flat_map(|peer| peer.heard.mutual()).chain(mine);
        up().any(|peer| !peer.knows_list())
            || heard.any(|tag| !side.contains(&tag) && !powerless.contains(&tag))
    }

    /// Notes that an instance says that it and this one hear each other (M3).
    pub(super) fn prove(&mut self, from: Instance, facts: &mut Facts, at: Moment) {
        let me = facts.roll.tag;
        if let Some(peer) = facts.roll.get_mut(&from)
            && peer.knows_list()
            && peer.heard.confirms(me)
        {
            peer.proof = peer.proof.max(Some(at));
            if facts.roll.members.electors.contains(&from.node) {
                self.proofs.add(from.node, at);
            }
        }
    }

    /// Notes of each node that counts when it last proved that it hears this instance.
    pub(super) fn count_proofs(&mut self, facts: &Facts) {
        self.proofs = Proofs::default();
        let electors = &facts.roll.members.electors;
        for peer in facts.roll.values() {
            if let Some(at) = peer.proof.filter(|_| electors.contains(&peer.instance.node)) {
                self.proofs.add(peer.instance.node, at);
            }
        }
    }
}
