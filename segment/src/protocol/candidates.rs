//! Who may claim an address, and in which order.

use super::Segment;
use crate::message::{NodeId, State};
use crate::order::{self, Contender, Living, Loads};
use crate::peer::Peer;
use crate::view::Place;

impl Segment {
    /// Everybody who may claim now or in a moment, this instance included. Those who are about to join count, so that
    /// the first of many that start does not take everything.
    pub(super) fn living(&self) -> Vec<Living> {
        let peers = self.peers.values().filter(|peer| Self::is_well(peer));
        let peer = |peer: &Peer| Living {
            node: peer.instance.node,
            standing: peer.beacon.map(|beacon| beacon.standing).unwrap_or_default(),
            joining: peer.is_joining(),
        };
        let me = (self.state == State::Active).then(|| self.own_standing());
        let mut living: Vec<Living> = peers.map(peer).chain(me).collect();
        // A node can be here with two interfaces.
        living.sort_by_key(|one| (one.node, one.joining));
        living.dedup_by_key(|one| one.node);
        living
    }

    /// This instance as one of the living.
    pub(super) fn own_standing(&self) -> Living {
        Living {
            node: self.me.node,
            joining: false,
            standing: self.standing(),
        }
    }

    pub(super) fn loads(&self, living: &[Living]) -> Loads {
        let of = |living: &Living| (living.node, self.load(living.node));
        Loads {
            by_node: living.iter().map(of).collect(),
            addresses: self.view.as_ref().map_or(0, |view| view.places.len()),
        }
    }

    fn load(&self, node: NodeId) -> usize {
        if node == self.me.node {
            return self.own.held();
        }
        let instances = self.peers.keys().filter(|instance| instance.node == node);
        instances.map(|instance| self.holders.count(*instance)).sum()
    }

    /// Those who may hold it, best first, as things are held now.
    pub(super) fn contenders(&self, place: &Place, living: &[Living]) -> Vec<Contender> {
        let mates = |node| order::mates(place, node, |mate| self.holder(mate));
        let view = self.view.as_ref();
        view.map_or_else(Vec::new, |view| order::order(place, living, view, mates))
    }
}
