//! The other instances, and which of them is to be judged when: the work of a turn does not grow with their number.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::members::Members;
use crate::Moment;
use crate::clock::PeerClock;
use crate::message::{Boot, Instance, NodeId, Tag};
use crate::peer::{Link, Peer, Turn};
use crate::profile::Profile;
use crate::view::SegmentView;

/// All other instances that are remembered.
#[derive(Clone, Debug)]
pub(super) struct Roll {
    me: Instance,
    /// How lists name this instance.
    pub(super) tag: Tag,
    peers: BTreeMap<Instance, Peer>,
    /// When to judge each at the latest, if no frame of it comes.
    due: BTreeSet<(Moment, Instance)>,
    /// Those of which something came in since they were last judged.
    touched: Vec<Instance>,
    /// Those that were judged in this turn.
    judged: Vec<Instance>,
    pub(super) changed: Changed,
    /// Nodes that were up and did not say goodbye.
    pub(super) known: BTreeSet<NodeId>,
    pub(super) members: Members,
    /// When a peer that was down was last heard again.
    pub(super) returned_last: Option<Moment>,
}

/// What became different since it was last looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changed {
    /// Which peers are heard.
    pub(super) list: bool,
    /// Which peers are up, or remembered at all, or which nodes the cluster has.
    pub(super) members: bool,
    /// Which peers hear which.
    pub(super) sides: bool,
}

impl Roll {
    pub(super) fn new(me: Instance, view: &SegmentView) -> Self {
        let up = BTreeSet::from([me.node]);
        Self {
            me,
            tag: me.tag(),
            peers: BTreeMap::new(),
            due: BTreeSet::new(),
            touched: Vec::new(),
            judged: Vec::new(),
            changed: Changed::default(),
            known: BTreeSet::new(),
            members: Members::reckon(me.node, up, &BTreeSet::new(), view),
            returned_last: None,
        }
    }

    pub(super) fn get(&self, instance: &Instance) -> Option<&Peer> {
        self.peers.get(instance)
    }

    /// To change it; it is judged in the next turn.
    pub(super) fn get_mut(&mut self, instance: &Instance) -> Option<&mut Peer> {
        let peer = self.peers.get_mut(instance)?;
        touch(&mut self.touched, peer);
        Some(peer)
    }

    /// A frame of an instance came: as [`Roll::get_mut`], and it is new if nothing is remembered of it.
    pub(super) fn meet(&mut self, instance: Instance, at: Moment, profile: Profile) -> &mut Peer {
        let peer = self.peers.entry(instance);
        let peer = peer.or_insert_with(|| Peer::new(instance, at));
        touch(&mut self.touched, peer);
        if peer.frame(at, profile) {
            self.returned_last = self.returned_last.max(Some(at)); // C11
        }
        peer
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Peer> {
        self.peers.values()
    }

    /// The instances of a node: one that ended, one that began, or one at another interface of the node on this segment.
    pub(super) fn of_node(&self, node: NodeId) -> impl Iterator<Item = &Peer> + Clone {
        let boot = |number| Instance {
            node,
            boot: Boot(number),
        };
        let all = self.peers.range(boot(0)..=boot(u64::MAX));
        all.map(|(_, peer)| peer)
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
    pub(super) fn judge(&mut self, now: Moment, profile: Profile) -> Vec<(Instance, Turn, Duration)> {
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
            let turn = peer.judge(now, self.tag, profile);
            let is_heard = peer.is_heard(now, profile);
            let is_mutual = is_heard && peer.heard.names(self.tag);
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
                turns.push((*instance, turn, now.since(peer.last_frame)));
            }
        }
        turns
    }

    /// Whether the claims of any that was judged in this turn became known since it is up again.
    pub(super) fn catch_up(&mut self) -> bool {
        let mut caught_up = false;
        for instance in &self.judged {
            caught_up |= self.peers.get_mut(instance).is_some_and(Peer::catch_up);
        }
        caught_up
    }

    /// Those that were judged in this turn.
    pub(super) fn judged_peers(&self) -> impl Iterator<Item = &Peer> {
        self.judged.iter().filter_map(|instance| self.peers.get(instance))
    }

    /// The nodes of the cluster are these: others are no reason to think that this one is cut off (L12).
    pub(super) fn keep_known(&mut self, view: &SegmentView) {
        if !view.nodes.is_empty() {
            self.known.retain(|node| view.nodes.contains_key(node));
        }
    }

    /// Reckons anew which nodes count, if anything of it changed; whether it did.
    pub(super) fn count_members(&mut self, view: &SegmentView) -> bool {
        if !self.changed.members {
            return false;
        }
        self.changed.members = false;
        self.changed.sides = true;
        let up = self.peers.values().filter(|peer| peer.is_up());
        let up = up.map(|peer| peer.instance.node).chain([self.me.node]).collect();
        self.members = Members::reckon(self.me.node, up, &self.known, view);
        true
    }

    pub(super) fn all_synced(&self) -> bool {
        let mut up = self.peers.values().filter(|peer| peer.is_up());
        up.all(Peer::is_synced)
    }

    /// There are other speakers, and none is up.
    pub(super) fn is_alone(&self) -> bool {
        let mut known = self.known.iter();
        known.any(|node| *node != self.me.node) && !self.peers.values().any(Peer::is_up)
    }

    /// No other speaker was ever met here.
    pub(super) fn met_nobody(&self) -> bool {
        self.peers.is_empty() && self.known.is_empty()
    }

    pub(super) fn is_any_heard(&self, now: Moment, profile: Profile) -> bool {
        self.peers.values().any(|peer| peer.is_heard(now, profile))
    }
}

fn touch(touched: &mut Vec<Instance>, peer: &mut Peer) {
    if !peer.is_touched {
        peer.is_touched = true;
        touched.push(peer.instance);
    }
}
