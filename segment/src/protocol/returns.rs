//! Other nodes are preferred for a while over one that returned. It says so itself, and all go by that: an order that each
//! makes for itself is not the same for all.
//!
//! A node that was gone may not know it, so those that saw it tell it; it takes the longest that it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Conduct;
use super::roll::Roll;
use crate::Moment;
use crate::message::{Body, Instance, LONGEST_HOLD_DOWN, NodeId, Returned};
use crate::peer::Peer;

/// Differences up to this between what two remember are not worth a frame.
const TOLERANCE: Duration = Duration::from_secs(1);

/// What this instance saw of returns, and what it was told of its own.
#[derive(Clone, Debug)]
pub(super) struct Returns {
    me: Instance,
    conduct: Conduct,
    /// How often a node came back, and when last.
    counted: BTreeMap<NodeId, (u32, Moment)>,
    /// This node is not there for the others, and knows it.
    away: bool,
    /// Until when others are preferred over this instance, as they said.
    told: Option<Moment>,
    /// Those that came back and do not say so.
    learning: BTreeSet<Instance>,
    /// When somebody last told an instance, and until when others are preferred over it.
    said: BTreeMap<Instance, (Moment, Moment)>,
}

impl Returns {
    pub(super) fn new(me: Instance, conduct: Conduct) -> Self {
        Self {
            me,
            conduct,
            counted: BTreeMap::new(),
            away: false,
            told: None,
            learning: BTreeSet::new(),
            said: BTreeMap::new(),
        }
    }

    /// Whether others are preferred over this instance. `away`: the others may do without it for all it knows (R2).
    pub(super) fn judge(&mut self, away: bool, now: Moment) -> bool {
        let me = self.me.node;
        // It lasts from the end of the absence, but is said from its beginning on.
        match (self.away, away) {
            (false, true) => self.add(me, now),
            (true, _) => drop(self.counted.entry(me).and_modify(|(_, last)| *last = now)),
            (false, false) => {}
        }
        self.away = away;
        self.told.is_some_and(|until| now < until) || !self.left(me, now).is_zero()
    }

    /// Another came back; but to one that was away itself, all seem to (R5).
    pub(super) fn count(&mut self, node: NodeId, now: Moment) {
        let lately = self.conduct.profile.detection() * 3;
        let own = self.counted.get(&self.me.node);
        if own.is_none_or(|(_, ended)| now.since(*ended) >= lately) {
            self.add(node, now);
        }
    }

    /// The node came back once more. Returns within [`LONGEST_HOLD_DOWN`] of each other add up (R1).
    fn add(&mut self, node: NodeId, now: Moment) {
        let recent = |(_, last): &&(u32, Moment)| now.since(*last) < LONGEST_HOLD_DOWN;
        let before = self.counted.get(&node).filter(recent);
        let times = before.map_or(0, |(times, _)| *times);
        self.counted.insert(node, (times + 1, now));
    }

    /// How long others are still preferred over the node (R1).
    fn left(&self, node: NodeId, now: Moment) -> Duration {
        let Some((times, last)) = self.counted.get(&node) else {
            return Duration::ZERO;
        };
        let doubled = 1 << times.saturating_sub(1).min(16);
        let whole = self.conduct.hold_down.saturating_mul(doubled);
        whole.min(LONGEST_HOLD_DOWN).saturating_sub(now.since(*last))
    }

    /// What to tell those that came back and do not say so, unless another just did (R3).
    pub(super) fn tell(&mut self, roll: &Roll, now: Moment) -> Vec<Body> {
        let is_silent = |peer: &Peer| peer.is_up() && peer.beacon.is_some() && !peer.standing().hold_down;
        let is_to_learn = |peer: &&Peer| is_silent(peer) && self.left(peer.instance.node, now) > TOLERANCE;
        let met = self.learning.iter().filter_map(|instance| roll.get(instance));
        let learning = roll.judged_peers().chain(met).filter(is_to_learn);
        self.learning = learning.map(|peer| peer.instance).collect();
        let mut told = Vec::new();
        for instance in &self.learning {
            let left = self.left(instance.node, now);
            if !self.was_told(*instance, left, now) {
                let left = Duration::from_millis(left.as_millis() as u64);
                self.said.insert(*instance, (now, now + left));
                told.push(Body::Returned(Returned {
                    instance: *instance,
                    left,
                }));
            }
        }
        told
    }

    fn was_told(&self, instance: Instance, left: Duration, now: Moment) -> bool {
        let (interval, said) = (self.conduct.profile.interval, self.said.get(&instance));
        said.is_some_and(|(at, until)| now.since(*at) < interval && *until + TOLERANCE >= now + left)
    }

    /// Only one that is up itself is believed. Where hold-down is switched off nothing is (R4).
    pub(super) fn hear(&mut self, from: &Peer, returned: &Returned, now: Moment) {
        if !from.is_up() || self.conduct.hold_down.is_zero() {
            return;
        }
        let until = now + returned.left;
        if returned.instance == self.me {
            self.told = self.told.max(Some(until));
        } else {
            let said = self.said.entry(returned.instance).or_insert((now, until));
            *said = (now, until.max(said.1));
        }
    }

    pub(super) fn forget_old(&mut self, now: Moment) {
        let recent = |last: Moment, time| now.since(last) < time;
        let counted = &mut self.counted;
        counted.retain(|_, (_, last)| recent(*last, LONGEST_HOLD_DOWN));
        self.said.retain(|_, (at, _)| recent(*at, TOLERANCE));
    }
}
