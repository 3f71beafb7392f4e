//! Which other instances are there, and what follows when one comes or goes.

use std::time::Duration;

use super::{Event, Segment};
use crate::message::{Body, Entry, Instance};
use crate::moment::Moment;
use crate::peer::{Peer, Turn};

impl Segment {
    pub(super) fn judge_peers(&mut self, now: Moment) {
        let (tag, profile) = (self.tag, self.conduct.profile);
        for (instance, turn, silence) in self.peers.judge(now, tag, profile) {
            match turn {
                Turn::None => {}
                Turn::Ask => {
                    self.tell(Event::Suspected(instance, silence));
                    self.send(Body::Query(instance));
                    self.beacon_now = true;
                }
                Turn::Rose => self.rose(instance, now),
                Turn::Fell => self.fell(instance, silence, now),
            }
        }
        let mut caught_up = false;
        self.peers.judged(|peer| caught_up |= peer.catch_up());
        if caught_up {
            self.look_at_everything();
        }
        self.forget_old(now);
        self.count_members();
    }

    fn rose(&mut self, instance: Instance, now: Moment) {
        self.tell(Event::Up(instance));
        let was_known = !self.known.insert(instance.node);
        let dead: Vec<Instance> = self
            .others_of(instance)
            .filter(|other| !other.is_up())
            .map(|other| other.instance)
            .collect();
        if was_known && (!dead.is_empty() || self.has_returned(instance)) {
            self.count_return(instance.node, now);
        }
        dead.into_iter().for_each(|other| self.forget(other));
        let profile = self.conduct.profile;
        let is_back = |peer: &Peer| peer.is_back_after_stray(now, profile);
        if self.peers.get(&instance).is_some_and(is_back) {
            self.returned_last = Some(now);
        }
        self.look_at_everything();
        self.defend(instance);
    }

    /// Other instances of the same node: one that ended, or one at another interface of the node on this segment.
    fn others_of(&self, instance: Instance) -> impl Iterator<Item = &Peer> {
        let same_node =
            move |other: &&Peer| other.instance.node == instance.node && other.instance != instance;
        self.peers.values().filter(same_node)
    }

    fn has_returned(&self, instance: Instance) -> bool {
        self.peers
            .get(&instance)
            .is_some_and(|peer| peer.returned.is_some())
    }

    /// Addresses that one who is up again holds too, with a weaker claim: neighbours may have learned him.
    fn defend(&mut self, instance: Instance) {
        let Some(peer) = self.peers.get(&instance) else {
            return;
        };
        let weaker = peer.claims.entries().filter_map(|(address, entry)| match entry {
            Entry::Hold(theirs) => {
                let mine = self.own.hold(address)?;
                (self.key(self.me, address, mine) > self.key(instance, address, theirs)).then_some(address)
            }
            Entry::Released { .. } | Entry::Declined { .. } => None,
        });
        weaker
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|address| self.announce(address));
    }

    fn fell(&mut self, instance: Instance, silence: Duration, now: Moment) {
        let node_is_up = self.others_of(instance).any(Peer::is_up);
        // Its last word may be lost.
        let left = self.peers.get(&instance).is_some_and(Peer::is_leaving);
        match (left, node_is_up) {
            (true, false) => drop(self.known.remove(&instance.node)),
            (false, true) => self.count_return(instance.node, now),
            _ => {}
        }
        if !self.peers.get(&instance).is_some_and(Peer::is_gone) {
            self.unsettle(now);
        }
        self.tell(Event::Down(instance, silence));
        self.look_at_everything();
    }

    fn forget_old(&mut self, now: Moment) {
        let old = self.peers.judged_peers().filter(|peer| peer.is_old(now));
        let old: Vec<Instance> = old.map(|peer| peer.instance).collect();
        old.into_iter().for_each(|instance| self.forget(instance));
    }

    fn forget(&mut self, instance: Instance) {
        if let Some(peer) = self.peers.remove(instance) {
            self.holders.forget(instance, peer.claims.entries());
            self.asking.forget(instance);
        }
    }
}
