//! Who had an address before this node, for those who are told of the move.

use std::net::IpAddr;
use std::time::Duration;

use super::Segment;
use crate::Moment;
use crate::message::{Entry, NodeId};

/// The node that held an address last, or still does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Before {
    /// The node.
    pub node: NodeId,
    /// How old its last frame is.
    pub silence: Duration,
    /// Its speaker is heard.
    pub is_up: bool,
    /// It said that it will end, or has ended.
    pub is_leaving: bool,
}

impl Segment {
    /// The other node that has the youngest claim of the address, or had it and said so of late; none if none did.
    pub fn before(&self, address: IpAddr, now: Moment) -> Option<Before> {
        let said = self.facts.ledger.others.of(address).filter_map(|instance| {
            let peer = self.facts.roll.get(&instance)?;
            let entry = peer.claims.entry(address)?;
            let is_claim = !matches!(entry, Entry::Declined { .. });
            is_claim.then_some((entry.epoch(), peer))
        });
        let (_, peer) = said.max_by_key(|(epoch, _)| *epoch)?;
        Some(Before {
            node: peer.instance.node,
            silence: now.since(peer.last_frame),
            is_up: peer.is_up(),
            is_leaving: peer.is_leaving(),
        })
    }
}
