//! Addresses that were asked for, which stations answer, and what that means (W4).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_segment::message::{NodeId, Wire};

use crate::layer2::wire::Mac;

/// So many questions in a row are to come to nothing before it is said that something is wrong: frames get lost, and a
/// node that just gave the address up may have answered the first.
const QUESTIONS: u32 = 3;
/// Stations that are told apart.
const MOST_STATIONS: usize = 8;

/// The addresses about which questions are under way.
#[derive(Debug, Default)]
pub(super) struct Inquiry(BTreeMap<IpAddr, Question>);

#[derive(Debug)]
struct Question {
    holder: NodeId,
    asked: u32,
    answers: BTreeSet<Mac>,
}

impl Inquiry {
    pub(super) fn is_idle(&self) -> bool {
        self.0.is_empty()
    }

    /// The addresses that are asked for again.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.0.keys().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// This address, which the node holds, is asked for from now on.
    pub(super) fn begin(&mut self, address: IpAddr, holder: NodeId) {
        self.0.entry(address).or_insert(Question {
            holder,
            asked: 0,
            answers: BTreeSet::new(),
        });
    }

    /// A question about it is on the wire.
    pub(super) fn asked(&mut self, address: IpAddr) {
        if let Some(question) = self.0.get_mut(&address) {
            question.asked += 1;
            question.answers.clear();
        }
    }

    /// A station says that it has the address. Whether that was asked for.
    pub(super) fn heard(&mut self, address: IpAddr, station: Mac) -> bool {
        let Some(question) = self.0.get_mut(&address) else {
            return false;
        };
        if question.answers.len() < MOST_STATIONS {
            question.answers.insert(station);
        }
        true
    }

    /// Nothing is known of it any more: it moved, or could not be asked for.
    pub(super) fn forget(&mut self, address: IpAddr) {
        self.0.remove(&address);
    }

    /// Questions whose answers prove nothing: this node may be the one that is not heard.
    pub(super) fn forget_all(&mut self) {
        self.0.clear();
    }

    /// What the answers mean, once there was time for them. What is not decided stays, to be asked again.
    pub(super) fn judge(&mut self, stations: &impl Stations) -> Vec<(IpAddr, NodeId, Wire)> {
        let mut decided = Vec::new();
        self.0.retain(|address, question| {
            let Some(wire) = meaning(question.holder, &question.answers, stations) else {
                return false;
            };
            let is_decided = wire == Wire::Ok || question.asked >= QUESTIONS;
            if is_decided {
                decided.push((*address, question.holder, wire));
            }
            !is_decided
        });
        decided
    }
}

/// Which node is where on the segment.
pub(super) trait Stations {
    /// The node of this station, if it is one's.
    fn node_of(&self, station: Mac) -> Option<NodeId>;
    /// A station of this node.
    fn station_of(&self, node: NodeId) -> Option<Mac>;
}

/// None if it means nothing: where the holder is, is not known.
fn meaning(holder: NodeId, answers: &BTreeSet<Mac>, stations: &impl Stations) -> Option<Wire> {
    let of = |station: &Mac| stations.node_of(*station);
    // One that is no node's is named rather than one of a node.
    let others = answers.iter().filter(|one| of(one) != Some(holder));
    let Some(other) = others.min_by_key(|one| of(one)) else {
        let expected = stations.station_of(holder)?;
        return Some(match answers.is_empty() {
            true => Wire::Unanswered(expected),
            false => Wire::Ok,
        });
    };
    Some(match (answers.len(), of(other)) {
        (1, Some(node)) => Wire::WrongMac(*other, node),
        (1, None) => Wire::Foreign(*other),
        (_, node) => Wire::Several(*other, node),
    })
}

#[cfg(test)]
mod tests;
