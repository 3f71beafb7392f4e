//! Time passes: which peers are alive, whether this instance may take part, and what it says of itself.

use std::time::Duration;

use super::{Event, Segment};
use crate::Moment;
use crate::message::{Body, Entry, Instance, State};
use crate::peer::{Peer, Turn};

/// Looked at this often while something is under way that no frame may announce.
const BUSY: Duration = Duration::from_millis(5);
/// How long a joining instance waits for the claims of the others at most.
const SYNC_AT_MOST: Duration = Duration::from_secs(2);

impl Segment {
    /// Judges everything as of now. To be called when [`Segment::next`] has come and after frames were taken in.
    pub fn advance(&mut self, now: Moment) {
        self.notice_pauses(now);
        self.judge_peers(now);
        self.judge_doubt(now);
        let change = self.majority.weigh(&mut self.facts, &self.voice.list, now);
        change.into_iter().for_each(|event| self.tell(event));
        self.take_part(now);
        self.judge_returns(now);
        let (has_majority, patience) = (self.facts.has_majority(), self.facts.profile.detection() * 3);
        self.facts.ledger.back(has_majority, patience, now);
        self.facts.ledger.expire(now);
        self.forget_epochs(now);
        self.consider_all(now);
        self.follow_handovers(now);
        self.claim_orphans(now);
        self.say_conflicts(now);
        self.confirm(now);
        if self.facts.roll.is_alone() {
            self.ask_neighbours(now);
        }
        self.speak(now);
        self.pauses.expected = Some(self.next(now));
    }

    fn speak(&mut self, now: Moment) {
        let list = self.voice.renew_list(&mut self.facts.roll, self.facts.room, now);
        self.send_all(list);
        let pages = self.facts.ledger.own.publish(self.facts.room);
        let changed = !pages.is_empty();
        self.send_all(pages.into_iter().map(Body::Claims));
        let due = now >= self.voice.next_beacon(self.facts.profile.interval, now);
        if due || changed || self.voice.beacon_now {
            self.send_beacon(now); // L1
        }
        let requests = self.asking.due(now);
        self.send_all(requests.into_iter().map(Body::Request));
    }

    /// When to advance next, if no frame comes before.
    pub fn next(&self, now: Moment) -> Moment {
        let beacon = self.voice.next_beacon(self.facts.profile.interval, now);
        let busy = self.orphans.any_waits(&self.conflicts) || self.pauses.stunned.is_some();
        let peers = self.facts.roll.next().into_iter();
        peers
            .chain(self.asking.next())
            .chain(busy.then_some(now + BUSY))
            .chain(self.majority.next_confirmed().map(|at| at.max(now + BUSY)))
            .chain(self.handover.next_split())
            .chain(self.conflicts.next())
            .chain(self.pauses.next_doubt())
            .fold(beacon, Moment::min)
    }

    /// A loop that was held up knows nothing about what happened meanwhile, and others may know nothing about it.
    fn notice_pauses(&mut self, now: Moment) {
        if let Some(late) = self.pauses.lateness(now) {
            self.facts.roll.excuse(now); // P1
            if late >= self.facts.profile.detection() {
                self.stun(late, now); // P2
            }
        }
        if let Some(unseen) = self.pauses.plugged_again(now) {
            self.stun(unseen, now); // P3
        }
    }

    fn judge_doubt(&mut self, now: Moment) {
        let peers = self.facts.roll.members.up.len() - 1;
        let Some(stood_still) = self.pauses.judge_doubt(peers, now) else {
            return;
        };
        self.facts.roll.forget_clocks();
        if !stood_still.is_zero() {
            self.stun(stood_still, now); // P6
        }
    }

    fn stun(&mut self, unseen: Duration, now: Moment) {
        self.tell(Event::Stunned(unseen));
        self.pauses.stunned = Some(now + self.facts.profile.detection());
        self.majority.unsettle(now);
        self.voice.beacon_now = true;
        self.facts.ledger.unback();
    }

    fn take_part(&mut self, now: Moment) {
        let roll = &self.facts.roll;
        let knows = |until: &mut Moment| now >= *until && (roll.all_synced() || now >= *until + SYNC_AT_MOST);
        // P4
        if self.pauses.stunned.take_if(knows).is_some() {
            self.begin_again();
        }
        let listened = now.since(self.started);
        let joining = self.facts.profile.joining();
        let waited = || self.facts.roll.all_synced() || listened >= joining.max(SYNC_AT_MOST);
        // L5
        if self.facts.state == State::Joining && self.has_view && listened >= joining && waited() {
            self.facts.state = State::Active;
            self.voice.beacon_now = true;
            self.tell(Event::Joined);
            self.begin_again();
        }
    }

    /// Orphans count from now on: until now it could be nobody's turn.
    fn begin_again(&mut self) {
        self.orphans.clear();
        self.facts.look_at_everything();
    }

    fn judge_returns(&mut self, now: Moment) {
        let members = &self.facts.roll.members;
        // A first start is no absence: a node that never met another comes back to nobody. Nor is the death of one of two.
        let missed = self.pauses.stunned.is_some() || !self.pauses.carrier || members.is_minority();
        let away = members.known > 1 && missed; // R2, R6
        let hold_down = self.returns.judge(away, now);
        if hold_down != self.facts.hold_down {
            self.facts.hold_down = hold_down;
            self.voice.beacon_now = true;
            self.facts.look_at_everything();
        }
        let told = self.returns.tell(&self.facts.roll, now);
        self.send_all(told);
    }

    fn judge_peers(&mut self, now: Moment) {
        for (instance, turn, silence) in self.facts.roll.judge(now, self.facts.profile) {
            match turn {
                Turn::None => {}
                Turn::Ask => {
                    self.tell(Event::Suspected(instance, silence));
                    self.send(Body::Query(instance)); // L6
                    self.voice.beacon_now = true;
                }
                Turn::Rose => self.rose(instance, now),
                Turn::Fell => self.fell(instance, silence, now),
            }
        }
        if self.facts.roll.catch_up() {
            self.facts.look_at_everything();
        }
        let old = self.facts.roll.judged_peers().filter(|peer| peer.is_old(now));
        let old: Vec<Instance> = old.map(|peer| peer.instance).collect();
        old.into_iter().for_each(|instance| self.forget(instance)); // L10
        if self.facts.roll.count_members(&self.facts.view) {
            self.majority.count_proofs(&self.facts);
        }
    }

    fn rose(&mut self, instance: Instance, now: Moment) {
        self.tell(Event::Up(instance));
        let roll = &mut self.facts.roll;
        let was_known = !roll.known.insert(instance.node);
        let others = roll
            .of_node(instance.node)
            .filter(|peer| peer.instance != instance);
        let dead = others.filter(|peer| !peer.is_up());
        let dead: Vec<Instance> = dead.map(|peer| peer.instance).collect();
        let peer = roll.get(&instance);
        if was_known && (!dead.is_empty() || peer.is_some_and(|peer| peer.returned.is_some())) {
            self.returns.count(instance.node, now);
        }
        if peer.is_some_and(|peer| peer.is_back_after_stray(now, self.facts.profile)) {
            roll.returned_last = Some(now); // C11
        }
        dead.into_iter().for_each(|other| self.forget(other)); // L4
        self.facts.look_at_everything();
        self.ask_anew(now);
        self.defend(instance);
    }

    /// Where it takes long to claim, the turns of two would overlap if the order changed meanwhile (N2).
    fn ask_anew(&mut self, now: Moment) {
        let facts = &self.facts;
        self.orphans
            .begin_again_if(|address| facts.is_unused(address), now);
    }

    /// Addresses that one that is up again holds too, with a weaker claim: neighbours may have learned it (C4).
    fn defend(&mut self, instance: Instance) {
        let facts = &self.facts;
        let claims = facts.roll.get(&instance).into_iter();
        let claims = claims.flat_map(|peer| peer.claims.entries());
        let weaker = claims.filter(|(address, entry)| {
            matches!(entry, Entry::Hold(_)) && facts.beats(*address, instance, entry)
        });
        let weaker: Vec<_> = weaker.map(|(address, _)| address).collect();
        weaker.into_iter().for_each(|address| self.announce(address));
    }

    fn fell(&mut self, instance: Instance, silence: Duration, now: Moment) {
        let roll = &mut self.facts.roll;
        let is_other = |peer: &Peer| peer.instance != instance && peer.is_up();
        let node_is_up = roll.of_node(instance.node).any(is_other);
        let peer = roll.get(&instance);
        // Its last word may be lost.
        let left = peer.is_some_and(Peer::is_leaving);
        if !peer.is_some_and(Peer::is_gone) {
            self.majority.unsettle(now);
        }
        match (left, node_is_up) {
            (true, false) => drop(roll.known.remove(&instance.node)), // L12
            (false, true) => self.returns.count(instance.node, now),
            _ => {}
        }
        self.tell(Event::Down(instance, silence));
        self.facts.look_at_everything();
        self.ask_anew(now);
    }

    fn forget(&mut self, instance: Instance) {
        if let Some(peer) = self.facts.roll.remove(instance) {
            self.facts.ledger.others.forget(instance, peer.claims.entries());
            self.asking.forget(instance);
        }
    }
}
