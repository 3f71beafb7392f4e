//! The other instances, and which of them is to be judged when: the work of a turn does not grow with their number.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::PeerClock;
use crate::message::{Instance, Tag};
use crate::moment::Moment;
use crate::peer::{Link, Peer, Turn};
use crate::profile::Profile;

/// All other instances that are remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Roll {
    peers: BTreeMap<Instance, Peer>,
    /// When to judge each at the latest, if no frame of it comes.
    due: BTreeSet<(Moment, Instance)>,
    /// Those of which something came in since they were last judged.
    touched: Vec<Instance>,
    /// Those that were judged in this turn.
    judged: Vec<Instance>,
    pub(super) changed: Changed,
}

/// What became different since it was last looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changed {
    /// Who is heard.
    pub(super) list: bool,
    /// Who is up, or remembered at all.
    pub(super) members: bool,
    /// Who hears whom.
    pub(super) sides: bool,
}

impl Roll {
    pub(super) fn get(&self, instance: &Instance) -> Option<&Peer> {
        self.peers.get(instance)
    }

    /// To change it; it is judged in the next turn.
    pub(super) fn get_mut(&mut self, instance: &Instance) -> Option<&mut Peer> {
        let peer = self.peers.get_mut(instance)?;
        touch(&mut self.touched, peer);
        Some(peer)
    }

    /// As [`Roll::get_mut`]; it is new if nothing is remembered of it.
    pub(super) fn meet(&mut self, instance: Instance, now: Moment) -> &mut Peer {
        let peer = self
            .peers
            .entry(instance)
            .or_insert_with(|| Peer::new(instance, now));
        touch(&mut self.touched, peer);
        peer
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Peer> {
        self.peers.values()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Instance> {
        self.peers.keys()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    pub(super) fn remove(&mut self, instance: Instance) -> Option<Peer> {
        let peer = self.peers.remove(&instance)?;
        if let Some(due) = peer.due {
            self.due.remove(&(due, instance));
        }
        self.changed.list |= peer.is_listed;
        self.changed.members = true;
        self.changed.sides = true;
        Some(peer)
    }

    /// Silence of any up to now says nothing.
    pub(super) fn excuse(&mut self, now: Moment) {
        for peer in self.peers.values_mut() {
            peer.excuse(now);
            touch(&mut self.touched, peer);
        }
    }

    /// Clocks are compared anew from now on.
    pub(super) fn forget_clocks(&mut self) {
        for peer in self.peers.values_mut() {
            peer.clock = PeerClock::default();
        }
    }

    /// When to judge somebody at the latest, if no frame comes.
    pub(super) fn next(&self) -> Option<Moment> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Judges those of which something came in, or whose time has come. Returns what became of them,
    /// and for how long each was silent.
    pub(super) fn judge(
        &mut self,
        now: Moment,
        me: Tag,
        profile: Profile,
    ) -> Vec<(Instance, Turn, Duration)> {
        self.judged.clear();
        self.judged.append(&mut self.touched);
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        self.judged.extend(due.map(|(_, instance)| *instance));
        self.judged.sort_unstable();
        self.judged.dedup();
        let mut turns = Vec::new();
        for instance in &self.judged {
            let Some(peer) = self.peers.get_mut(instance) else {
                continue;
            };
            let link = peer.link;
            let turn = peer.judge(now, me, profile);
            let is_heard = peer.is_heard(now, profile);
            let is_mutual = is_heard && peer.heard.names(me);
            self.changed.list |= (is_heard, is_mutual) != (peer.is_listed, peer.is_mutual);
            self.changed.sides |= is_heard != peer.is_listed || (link == Link::Up) != (peer.link == Link::Up);
            self.changed.members |= matches!(turn, Turn::Rose | Turn::Fell);
            peer.is_listed = is_heard;
            peer.is_mutual = is_mutual;
            peer.is_touched = false;
            let next = peer.next(now, profile);
            if next != peer.due {
                peer.due.map(|due| self.due.remove(&(due, *instance)));
                next.map(|next| self.due.insert((next, *instance)));
                peer.due = next;
            }
            if turn != Turn::None {
                turns.push((*instance, turn, now.since(peer.last_frame())));
            }
        }
        turns
    }

    /// Does something with each that was judged in this turn.
    pub(super) fn judged(&mut self, mut act: impl FnMut(&mut Peer)) {
        for instance in &self.judged {
            self.peers.get_mut(instance).map(&mut act);
        }
    }

    /// Those that were judged in this turn.
    pub(super) fn judged_peers(&self) -> impl Iterator<Item = &Peer> {
        self.judged.iter().filter_map(|instance| self.peers.get(instance))
    }
}

fn touch(touched: &mut Vec<Instance>, peer: &mut Peer) {
    if !peer.is_touched {
        peer.is_touched = true;
        touched.push(peer.instance);
    }
}
