//! Who may claim an address, and in which order.

use std::net::IpAddr;

use super::Segment;
use crate::message::{NodeId, State};
use crate::order::{Contender, Living, Loads, contenders};
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
        let me = Living {
            node: self.me.node,
            joining: false,
            standing: self.standing(),
        };
        let me = (self.state == State::Active).then_some(me);
        let mut living: Vec<Living> = peers.map(peer).chain(me).collect();
        // A node can be here with two interfaces.
        living.sort_by_key(|one| (one.node, one.joining));
        living.dedup_by_key(|one| one.node);
        living
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

    /// Those who may hold it, best first. `holder` tells who holds the others of its group, or will in a moment.
    pub(super) fn contenders(
        &self,
        place: &Place,
        living: &[Living],
        holder: impl Fn(IpAddr) -> Option<NodeId>,
    ) -> Vec<Contender> {
        let mates = |node| match place.group.len() {
            0 | 1 => 0,
            _ => place
                .group
                .iter()
                .filter(|mate| holder(**mate) == Some(node))
                .count(),
        };
        let names = self.view.as_ref().map(|view| &view.nodes);
        names.map_or_else(Vec::new, |names| contenders(place, living, names, mates))
    }
}
