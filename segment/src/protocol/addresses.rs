//! Each address about which something changed: conflicts are ended, and what no node holds is claimed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::conflicts::Step;
use super::handover::Decision;
use super::pass::{Look, Pass};
use super::{Effect, Event, Segment};
use crate::Moment;
use crate::message::{Entry, Hold, Instance, State};

impl Segment {
    /// Looks at each address about which something changed.
    pub(super) fn consider_all(&mut self, now: Moment) {
        let mut attention = self.facts.ledger.attention();
        if attention.is_empty() {
            return;
        }
        self.facts.add_mates(&mut attention);
        let mut pass = Pass::new(&self.facts);
        for address in attention {
            let before = pass.begin(address, &self.facts);
            match self.facts.ledger.own.hold(address).copied() {
                Some(hold) => self.keep_or_give_up(address, hold, &pass, now),
                None => self.look_for_holder(address, &pass, now),
            }
            pass.end(address, before, &self.facts);
        }
    }

    fn keep_or_give_up(&mut self, address: IpAddr, hold: Hold, pass: &Pass, now: Moment) {
        self.orphans.remove(address);
        let winner = self.facts.strongest_now(address);
        let winner = winner.filter(|(key, _)| *key > self.facts.own_key(address, &hold)); // C1
        if let Some((_, winner)) = winner {
            self.release(address, hold, Some(winner), now); // C2, H4
            self.tell(match hold.yield_to == Some(winner.node) {
                true => Event::GaveUp(address, hold.yield_to),
                false => Event::Lost(address, winner.node),
            });
        } else if self.facts.state != State::Joining {
            self.review(address, hold, pass, now);
        }
    }

    fn look_for_holder(&mut self, address: IpAddr, pass: &Pass, now: Moment) {
        if self.answer_yield(address, pass, now) {
            return;
        }
        let group = self.facts.view.group(address);
        let wanted = group.is_some_and(|group| !group.fit.is_empty());
        // C7
        if wanted && !self.facts.is_held_or_coming(address, now) {
            self.orphans.add(address, now);
        } else {
            self.orphans.remove(address);
        }
    }

    /// Whether an address that is held stays here, goes to another, or to none.
    fn review(&mut self, address: IpAddr, hold: Hold, pass: &Pass, now: Moment) {
        let able = self.may_act() && self.majority.may_claim(now);
        let look = pass.look(address, &self.facts);
        let decision = look.map_or(Decision::GiveUp, |look| {
            self.handover.review(&look, &hold, able, now)
        });
        match decision {
            Decision::Keep => {}
            Decision::YieldTo(heir) => self.facts.ledger.yield_to(address, hold, Some(heir)),
            Decision::Cancel => self.facts.ledger.yield_to(address, hold, None),
            Decision::GiveUp => {
                self.release(address, hold, None, now);
                self.tell(Event::GaveUp(address, None));
            }
        }
    }

    /// Looks again at handovers that came to nothing, and at groups that were split for long enough.
    pub(super) fn follow_handovers(&mut self, now: Moment) {
        let failed = self.handover.failed(&self.facts, now);
        self.review_all(failed, now);
        let settled = self.handover.settled(&self.facts, now);
        self.review_all(settled, now);
    }

    fn review_all(&mut self, due: Vec<(IpAddr, Hold)>, now: Moment) {
        if due.is_empty() {
            return;
        }
        let mut pass = Pass::new(&self.facts);
        for (address, hold) in due {
            let before = pass.begin(address, &self.facts);
            self.review(address, hold, &pass, now);
            pass.end(address, before, &self.facts);
        }
    }

    /// Takes over an address that another yields to this node, or says that it will not. Whether one did.
    fn answer_yield(&mut self, address: IpAddr, pass: &Pass, now: Moment) -> bool {
        let facts = &self.facts;
        let to_me = |(_, hold): &(_, Hold)| hold.yield_to == Some(facts.me.node);
        let Some((holder, hold)) = facts.live_holds(address).find(to_me) else {
            return false;
        };
        let able = facts.state == State::Active && self.may_act();
        let keeps = |look: Look<'_>| self.handover.would_keep(&look, holder);
        if able && pass.look(address, facts).is_some_and(keeps) {
            self.claim(address, now); // H2
            self.tell(Event::TookOver(address));
        } else {
            let declined = Entry::Declined { epoch: hold.epoch }; // H3
            self.facts.ledger.say(address, declined, now);
        }
        true
    }

    pub(super) fn may_act(&self) -> bool {
        self.pauses.stunned.is_none() && self.pauses.carrier
    }

    pub(super) fn release(&mut self, address: IpAddr, hold: Hold, to: Option<Instance>, now: Moment) {
        let to = to.and_then(|heir| {
            let known = self.facts.roll.get(&heir)?;
            Some((heir.node, known.claims.version))
        });
        self.facts.ledger.release(address, hold.epoch, to, now);
        self.handover.forget(address);
        self.majority.unconfirmed.remove(&address);
        self.effects.push(Effect::Release(address));
    }

    fn claim(&mut self, address: IpAddr, now: Moment) {
        let backed = self.facts.has_majority();
        self.facts.ledger.claim(address, backed);
        self.orphans.remove(address);
        if !self.majority.must_confirm(address, now) {
            self.answer_for(address);
        }
    }

    pub(super) fn answer_for(&mut self, address: IpAddr) {
        self.effects.push(Effect::Hold(address));
        self.announce(address);
    }

    pub(super) fn announce(&mut self, address: IpAddr) {
        if !self.majority.unconfirmed.contains_key(&address) {
            self.effects.push(Effect::Announce(address));
        }
    }

    /// Claims what no node holds, as far as it is this instance's turn.
    pub(super) fn claim_orphans(&mut self, now: Moment) {
        let over = self.conflicts.expire(now);
        over.into_iter()
            .for_each(|(address, at)| self.orphans.begin_at(address, at));
        self.conflicts
            .keep_apart(|address| self.orphans.contains(address));
        let idle = self.facts.state != State::Active || self.pauses.stunned.is_some();
        if idle || !self.orphans.any_waits(&self.conflicts) {
            self.conflicts.keep_asking(|_| false);
            return;
        }
        let alone = !self.is_in_company(now);
        if alone && self.pauses.carrier {
            self.ask_neighbours(now); // A1
        }
        if alone || !self.pauses.carrier || !self.majority.may_claim(now) {
            self.orphans.begin_again(now); // C10
            self.conflicts.keep_asking(|_| false);
            return;
        }
        let turns: BTreeMap<IpAddr, Duration> = self
            .orphans
            .turns(&self.facts, &self.conflicts, now)
            .into_iter()
            .collect();
        self.conflicts.keep_asking(|address| turns.contains_key(&address));
        let mut questions = Vec::new();
        for (address, waited) in turns {
            // N2
            let step = match self.facts.is_unused(address) {
                true => self.conflicts.step(address, now),
                false => Step::Claim,
            };
            match step {
                Step::Ask => questions.push(address),
                Step::Wait => {}
                Step::Claim => {
                    self.claim(address, now);
                    self.tell(Event::Claimed(address, waited));
                }
            }
        }
        if !questions.is_empty() {
            self.effects.push(Effect::Probe(questions));
        }
    }

    /// Answers for claims that were confirmed, and gives up those that were not; tells again what fell silent for a while.
    pub(super) fn confirm(&mut self, now: Moment) {
        for address in self.majority.doubtful() {
            if let Some(hold) = self.facts.ledger.own.hold(address).copied() {
                self.release(address, hold, None, now);
            }
        }
        for address in self.majority.confirmed(&self.facts, now) {
            self.answer_for(address);
        }
        if self.pauses.stunned.is_none() && std::mem::take(&mut self.majority.untold) {
            let held: Vec<IpAddr> = self.held().collect();
            held.into_iter().for_each(|address| self.announce(address)); // M9
        }
    }
}
