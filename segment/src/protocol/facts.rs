//! What this instance knows: what the cluster wants, which peers are there, and what each says. Nothing here decides.

use std::net::IpAddr;
use std::sync::Arc;

use super::ledger::Ledger;
use super::roll::Roll;
use crate::Moment;
use crate::codec::Room;
use crate::key::ClaimKey;
use crate::message::{Entry, Hold, Instance, NodeId, Standing, State, Version};
use crate::order::{Living, Loads};
use crate::peer::Peer;
use crate::profile::Profile;
use crate::view::{Fitness, GroupView, SegmentView};

#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) me: Instance,
    pub(super) profile: Profile,
    pub(super) state: State,
    /// Other nodes are preferred over this one, which returned.
    pub(super) hold_down: bool,
    /// How long what is sent may be.
    pub(super) room: Room,
    pub(super) view: Arc<SegmentView>,
    pub(super) roll: Roll,
    pub(super) ledger: Ledger,
}

impl Facts {
    pub(super) fn new(me: Instance, profile: Profile, now: Moment) -> Self {
        let view = Arc::<SegmentView>::default();
        Self {
            roll: Roll::new(me, &view),
            ledger: Ledger::new(now),
            me,
            profile,
            state: State::Joining,
            hold_down: false,
            room: Room::default(),
            view,
        }
    }

    /// The cluster says something else: addresses of which it says something else are looked at.
    pub(super) fn see(&mut self, view: Arc<SegmentView>) {
        let before = std::mem::replace(&mut self.view, view);
        let view = &self.view;
        let unchanged = |address: &IpAddr, group: &Arc<GroupView>| {
            let known = before.groups.get(address);
            known.is_some_and(|known| Arc::ptr_eq(known, group) || known == group)
        };
        let gone = before.groups.keys();
        let gone = gone.filter(|address| !view.groups.contains_key(*address));
        let groups = view.groups.iter();
        let other = groups.filter(|(address, group)| !unchanged(address, group));
        let moves = before.moves.keys().chain(view.moves.keys());
        let moves = moves.filter(|address| before.moves.get(*address) != view.moves.get(*address));
        let all = gone.chain(other.map(|(address, _)| address)).chain(moves);
        self.ledger.look_at(all.copied());
        self.roll.changed.members |=
            !Arc::ptr_eq(&before.nodes, &view.nodes) || !Arc::ptr_eq(&before.electors, &view.electors);
        self.roll.keep_known(view);
        if before.draining != view.draining {
            self.look_at_everything();
        }
    }

    pub(super) fn look_at_everything(&mut self) {
        self.ledger.look_at(self.view.groups.keys().copied());
        self.ledger.look_at_held();
    }

    /// What others go by when they look for a holder, and this instance too.
    pub(super) fn standing(&self) -> Standing {
        Standing {
            draining: self.view.draining,
            hold_down: self.hold_down,
        }
    }

    /// This instance as one of the living.
    pub(super) fn own_standing(&self) -> Living {
        Living {
            node: self.me.node,
            joining: false,
            standing: self.standing(),
        }
    }

    /// All that may claim now or in a moment, this instance included. Those that are about to join count, so that
    /// the first of many that start does not take everything (L5).
    pub(super) fn living(&self) -> Vec<Living> {
        let peers = self.roll.values().filter(|peer| peer.is_well());
        let peer = |peer: &Peer| Living {
            node: peer.instance.node,
            standing: peer.standing(),
            joining: peer.is_joining(),
        };
        let me = (self.state == State::Active).then(|| self.own_standing());
        let mut living: Vec<Living> = peers.map(peer).chain(me).collect();
        // A node can be here with two interfaces.
        living.sort_by_key(|one| (one.node, one.joining));
        living.dedup_by_key(|one| one.node);
        living
    }

    pub(super) fn loads(&self, living: &[Living]) -> Loads {
        let load = |node: NodeId| match node == self.me.node {
            true => self.ledger.own.held,
            false => {
                let instances = self.roll.of_node(node).map(|peer| peer.instance);
                instances.map(|one| self.ledger.others.count(one)).sum()
            }
        };
        Loads {
            by_node: living.iter().map(|one| (one.node, load(one.node))).collect(),
            addresses: self.view.groups.len(),
        }
    }

    /// No node can outrank this one, alive or not: with thousands of addresses the order of the living is not asked for
    /// each time that something changes.
    pub(super) fn is_best(&self, group: &GroupView) -> bool {
        let best = |mine: &Fitness| group.fit.values().all(|fit| fit.rank() >= mine.rank());
        let stays = self.state != State::Leaving && !self.view.draining;
        stays && group.fit.get(&self.me.node).is_some_and(best)
    }

    /// A node that knows no other has no majority, if there are others: it may have started while it was cut off (C6).
    pub(super) fn has_majority(&self) -> bool {
        let members = &self.roll.members;
        (members.up.len() > 1 || self.view.is_only_node()) && 2 * members.known_up > members.known
    }

    pub(super) fn own_key(&self, address: IpAddr, hold: &Hold) -> ClaimKey {
        ClaimKey::of(self.me.node, address, hold)
    }

    /// The claims of the peers that are up.
    pub(super) fn live_holds(&self, address: IpAddr) -> impl Iterator<Item = (&Peer, Hold)> {
        self.ledger.others.of(address).filter_map(move |instance| {
            let peer = self.roll.get(&instance).filter(|peer| peer.is_up())?;
            Some((peer, *peer.claims.entry(address)?.hold()?))
        })
    }

    /// Whether this instance holds the address by a greater claim than what the peer says, or the peer gave it to this node.
    pub(super) fn beats(&self, address: IpAddr, peer: Instance, entry: &Entry) -> bool {
        let Some(mine) = self.ledger.own.hold(address) else {
            return false;
        };
        match entry {
            Entry::Hold(theirs) => self.own_key(address, mine) > ClaimKey::of(peer.node, address, theirs),
            Entry::Released { to, .. } => to.is_some_and(|(node, _)| node == self.me.node),
            Entry::Declined { .. } => false,
        }
    }

    /// The strongest claim of a peer. Its backing from before it was down says nothing: both would give up the
    /// address.
    pub(super) fn strongest_now(&self, address: IpAddr) -> Option<(ClaimKey, Instance)> {
        let holds = self.live_holds(address).map(|(peer, mut hold)| {
            hold.backed &= peer.is_current(); // C3
            keyed(peer, address, &hold)
        });
        holds.max()
    }

    pub(super) fn holder(&self, address: IpAddr) -> Option<NodeId> {
        if self.ledger.own.hold(address).is_some() {
            return Some(self.me.node);
        }
        // Keys are made only where there are two to compare.
        let key = |(peer, hold): &(&Peer, Hold)| keyed(peer, address, hold);
        let strongest = self
            .live_holds(address)
            .max_by(|one, other| key(one).cmp(&key(other)));
        strongest.map(|(peer, _)| peer.instance.node)
    }

    /// Whether a peer holds the address, or will be seen to hold it as soon as its claims are known up to the version that
    /// a release names.
    pub(super) fn is_held_or_coming(&self, address: IpAddr, now: Moment) -> bool {
        let comes = |instance: Instance| {
            let entry = self.roll.get(&instance)?.claims.entry(address)?;
            match entry {
                Entry::Released { to: Some(heir), .. } => Some(self.is_coming(address, *heir, now)),
                _ => None,
            }
        };
        let mut others = self.ledger.others.of(address);
        self.live_holds(address).next().is_some() || others.any(|one| comes(one) == Some(true))
    }

    /// An heir that is heard counts too: after a partition some meet it sooner (C8).
    fn is_coming(&self, address: IpAddr, (node, version): (NodeId, Version), now: Moment) -> bool {
        self.roll.of_node(node).any(|peer| {
            let is_there = peer.is_up() || peer.is_heard(now, self.profile);
            let holds = peer.claims.entry(address).and_then(Entry::hold).is_some();
            is_there && (peer.claims.version < version || holds)
        })
    }
}

fn keyed(peer: &Peer, address: IpAddr, hold: &Hold) -> (ClaimKey, Instance) {
    (ClaimKey::of(peer.instance.node, address, hold), peer.instance)
}
