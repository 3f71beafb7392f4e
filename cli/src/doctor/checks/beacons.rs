//! Each pair of speakers on a segment must hear each other.

use std::collections::BTreeMap;

use ferrolb_crds::domain::{InterfaceName, NodeName};
use ferrolb_speaker::facts::{Facts, PeerFacts};

use crate::doctor::finding::{Finding, Severity};
use crate::doctor::seen::{Seen, node};

/// From so much on, a loss is worth a look.
const MUCH_PERMILLE: u16 = 100;
/// What a speaker counts as that hears and is heard.
const UP: &str = "up";

/// How one node hears another that is on a segment with it.
struct Side<'a> {
    from: &'a NodeName,
    to: &'a NodeName,
    interface: &'a InterfaceName,
    /// None if it heard nothing of it for ten minutes.
    peer: Option<&'a PeerFacts>,
}

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let all = sides(seen.facts);
    let broken = all.iter().filter(|side| !side.is_well()).map(Side::finding);
    let lossy = all.iter().filter(|side| side.is_well()).filter_map(Side::loss);
    broken.chain(lossy).collect()
}

/// How many pairs there are of which one does not hear the other.
pub(in crate::doctor) fn broken_pairs(facts: &BTreeMap<NodeName, Facts>) -> usize {
    sides(facts).iter().filter(|side| !side.is_well()).count()
}

/// Both sides of each pair that should hear each other. On a segment together are nodes that hear each other there, or are
/// heard by the same third node: subnets tell less, as one segment can carry several.
fn sides(facts: &BTreeMap<NodeName, Facts>) -> Vec<Side<'_>> {
    let mut sides = Vec::new();
    for (from, own) in facts {
        for (interface, segment) in own.segments.iter().filter(|(_, segment)| segment.joined) {
            for to in facts.keys().filter(|to| *to != from) {
                if shares(facts, from, to) && is_the_way(facts, from, interface, to) {
                    let peer = segment.peers.get(to);
                    sides.push(Side {
                        from,
                        to,
                        interface,
                        peer,
                    });
                }
            }
        }
    }
    sides
}

/// Whether two nodes are on one segment, as far as the speakers say.
fn shares(facts: &BTreeMap<NodeName, Facts>, one: &NodeName, other: &NodeName) -> bool {
    let heard = |by: &NodeName, whom: &NodeName| {
        facts[by]
            .segments
            .values()
            .any(|segment| segment.peers.contains_key(whom))
    };
    let by_a_third = |third: &NodeName| {
        facts[third]
            .segments
            .values()
            .any(|segment| segment.peers.contains_key(one) && segment.peers.contains_key(other))
    };
    heard(one, other) || heard(other, one) || facts.keys().any(by_a_third)
}

/// Whether it is on this interface that a node should hear another: where it did, or, if nowhere, on its only one.
fn is_the_way(
    facts: &BTreeMap<NodeName, Facts>,
    from: &NodeName,
    interface: &InterfaceName,
    to: &NodeName,
) -> bool {
    let segments = &facts[from].segments;
    let hearing = segments
        .iter()
        .filter(|(_, segment)| segment.peers.contains_key(to));
    let ways: Vec<&InterfaceName> = hearing.map(|(name, _)| name).collect();
    match ways.as_slice() {
        [] => segments.len() == 1,
        ways => ways.contains(&interface),
    }
}

impl Side<'_> {
    fn is_well(&self) -> bool {
        self.peer.is_some_and(|peer| peer.state == UP)
    }

    fn finding(&self) -> Finding {
        let Self {
            to, interface, peer, ..
        } = self;
        let state = peer.map_or("never heard", |peer| peer.state.as_str());
        let message = match peer {
            Some(peer) if peer.state == "one-way" => {
                format!("its speaker hears node {to} on {interface}, and node {to} does not hear it")
            }
            Some(peer) => format!(
                "its speaker does not hear node {to} on {interface}; the last frame came {} ms ago",
                peer.silent_ms
            ),
            None => format!("its speaker never heard node {to} on {interface}"),
        };
        self.says(Severity::Error, message).at(self.field("state"), state).remedy(
            "Find out what keeps frames of EtherType 0x88B5 from passing between these nodes, or start the speakers with \
             --segment-transport auto and let UDP port 7947 through.",
        )
    }

    fn loss(&self) -> Option<Finding> {
        let lost = self.peer?.lost_permille.filter(|lost| *lost >= MUCH_PERMILLE)?;
        let message = format!(
            "its speaker lost {}.{} % of the frames of node {} on {}",
            lost / 10,
            lost % 10,
            self.to,
            self.interface
        );
        let finding = self
            .says(Severity::Warning, message)
            .at(self.field("lost_permille"), lost);
        Some(finding.remedy(
            "Look at the counters of the interfaces and of the switch, and at the load of both nodes.",
        ))
    }

    fn says(&self, severity: Severity, message: String) -> Finding {
        Finding::new(severity, node(self.from), message)
    }

    /// Where the facts of the node say it.
    fn field(&self, name: &str) -> String {
        format!("segments.{}.peers.{}.{name}", self.interface, self.to)
    }
}
