//! Other nodes are preferred for a while over one that returned. It says so itself, and all go by that: an order that each
//! makes for itself is not the same for all.
//!
//! Who was gone may not know it, so those who saw it tell it; it takes the longest that it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Segment;
use crate::message::{Body, Instance, LONGEST_HOLD_DOWN, NodeId, Returned};
use crate::moment::Moment;
use crate::peer::Peer;

/// Differences up to this between what two remember are not worth a frame.
const TOLERANCE: Duration = Duration::from_secs(1);

/// What this instance saw of returns, and what it says of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Returns {
    /// How often a node came back, and when last.
    seen: BTreeMap<NodeId, (u32, Moment)>,
    /// This node is not there for the others, and knows it.
    away: bool,
    /// Until when others are preferred over this instance, as they said.
    told: Option<Moment>,
    held_down: bool,
    /// Those that came back and do not say so.
    learning: BTreeSet<Instance>,
    /// When somebody last told an instance, and until when others are preferred over it.
    said: BTreeMap<Instance, (Moment, Moment)>,
}

impl Returns {
    /// The node came back once more. Returns within [`LONGEST_HOLD_DOWN`] of each other add up.
    fn count(&mut self, node: NodeId, now: Moment) {
        let recent = |(_, last): &&(u32, Moment)| now.since(*last) < LONGEST_HOLD_DOWN;
        let (times, _) = self.seen.get(&node).filter(recent).copied().unwrap_or((0, now));
        self.seen.insert(node, (times + 1, now));
    }

    /// Whether this instance says that others are preferred over it.
    pub(super) fn is_held_down(&self) -> bool {
        self.held_down
    }

    fn left(&self, node: NodeId, first: Duration, now: Moment) -> Duration {
        let Some((times, last)) = self.seen.get(&node) else {
            return Duration::ZERO;
        };
        let doubled = first.saturating_mul(1 << times.saturating_sub(1).min(16));
        doubled.min(LONGEST_HOLD_DOWN).saturating_sub(now.since(*last))
    }

    pub(super) fn forget_old(&mut self, now: Moment) {
        self.seen
            .retain(|_, (_, last)| now.since(*last) < LONGEST_HOLD_DOWN);
        self.said.retain(|_, (at, _)| now.since(*at) < TOLERANCE);
    }
}

impl Segment {
    pub(super) fn judge_returns(&mut self, now: Moment) {
        self.notice_absence(now);
        let told = self.returns.told.is_some_and(|until| now < until);
        let held_down = told || !self.hold_down_left(self.me.node, now).is_zero();
        if held_down != self.returns.held_down {
            self.returns.held_down = held_down;
            self.beacon_now = true;
            self.look_at_everything();
        }
        self.tell_of_returns(now);
    }

    /// Another came back; but to one who was away himself, all seem to.
    pub(super) fn count_return(&mut self, node: NodeId, now: Moment) {
        let lately = self.conduct.profile.detection() * 3;
        let own = self.returns.seen.get(&self.me.node);
        if own.is_none_or(|(_, ended)| now.since(*ended) >= lately) {
            self.returns.count(node, now);
        }
    }

    /// It lasts from the end of the absence, but is said from its beginning on.
    fn notice_absence(&mut self, now: Moment) {
        let (me, away) = (self.me.node, self.is_away());
        match (self.returns.away, away) {
            (false, true) => self.returns.count(me, now),
            (true, _) => drop(self.returns.seen.entry(me).and_modify(|(_, last)| *last = now)),
            (false, false) => {}
        }
        self.returns.away = away;
    }

    /// Whether the others may do without this node for all it knows. A first start is no absence: who never met anybody
    /// comes back to nobody. Nor is the death of one of two.
    fn is_away(&self) -> bool {
        let members = &self.members;
        members.known > 1 && (self.stunned.is_some() || !self.carrier || members.is_minority())
    }

    fn hold_down_left(&self, node: NodeId, now: Moment) -> Duration {
        self.returns.left(node, self.conduct.hold_down, now)
    }

    /// Tells those who came back and do not say so, unless another just did.
    fn tell_of_returns(&mut self, now: Moment) {
        let silent =
            |peer: &Peer| peer.is_up() && peer.beacon.is_some_and(|beacon| !beacon.standing.hold_down);
        let left = |instance: Instance| self.hold_down_left(instance.node, now);
        let is_to_learn = |peer: &&Peer| silent(peer) && left(peer.instance) > TOLERANCE;
        let learning = self.peers.judged_peers().filter(is_to_learn);
        let learning: Vec<Instance> = learning.map(|peer| peer.instance).collect();
        self.returns.learning.extend(learning);
        let mut learning = std::mem::take(&mut self.returns.learning);
        learning.retain(|instance| {
            let is_silent = self.peers.get(instance).is_some_and(silent);
            is_silent && self.hold_down_left(instance.node, now) > TOLERANCE
        });
        let untold = |instance: &Instance| {
            let left = self.hold_down_left(instance.node, now);
            (!self.was_told(*instance, left, now)).then_some((*instance, left))
        };
        let untold: Vec<(Instance, Duration)> = learning.iter().filter_map(untold).collect();
        self.returns.learning = learning;
        for (instance, left) in untold {
            let left = Duration::from_millis(left.as_millis() as u64);
            self.returns.said.insert(instance, (now, now + left));
            self.send(Body::Returned(Returned { instance, left }));
        }
    }

    fn was_told(&self, instance: Instance, left: Duration, now: Moment) -> bool {
        let (interval, said) = (self.conduct.profile.interval, self.returns.said.get(&instance));
        said.is_some_and(|(at, until)| now.since(*at) < interval && *until + TOLERANCE >= now + left)
    }

    /// Only who is up itself is believed. Where hold-down is switched off nothing is.
    pub(super) fn hear_of_return(&mut self, from: Instance, returned: &Returned, now: Moment) {
        let is_up = self.peers.get(&from).is_some_and(Peer::is_up);
        if !is_up || self.conduct.hold_down.is_zero() {
            return;
        }
        let until = now + returned.left;
        if returned.instance == self.me {
            self.returns.told = self.returns.told.max(Some(until));
        } else {
            let said = self.returns.said.entry(returned.instance).or_insert((now, until));
            *said = (now, until.max(said.1));
        }
    }
}
