//! The other nodes as stations of the segment: only those that answer there are talked to and heard (U4).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;

use crate::Moment;
use crate::mac::Mac;
use crate::message::NodeId;

/// A station must have answered within so many intervals.
const ANSWERS_WITHIN: u32 = 3;
/// So many interfaces of a node may answer for its address: Linux answers on each that is on the segment.
const INTERFACES: usize = 4;

/// Between which addresses two nodes talk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Path {
    /// This node's.
    pub own: IpAddr,
    /// The other's.
    pub peer: IpAddr,
}

/// The paths to all other nodes: IPv4 where both have it on the segment, else IPv6; the lowest address of each. So both
/// ends come to the same one (U3).
pub fn paths(me: NodeId, stations: &BTreeMap<NodeId, BTreeSet<IpAddr>>) -> BTreeMap<NodeId, Path> {
    let nobody = BTreeSet::new();
    let own = stations.get(&me).unwrap_or(&nobody);
    let lowest = |of: &BTreeSet<IpAddr>, v4: bool| of.iter().copied().find(|one| one.is_ipv4() == v4);
    let path = |(node, theirs): (&NodeId, &BTreeSet<IpAddr>)| {
        let over = |v4| Some((lowest(own, v4)?, lowest(theirs, v4)?));
        let (own, peer) = over(true).or_else(|| over(false))?;
        Some((*node, Path { own, peer }))
    };
    stations
        .iter()
        .filter(|(node, _)| **node != me)
        .filter_map(path)
        .collect()
}

/// Why a datagram does not come in.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Stranger {
    /// It is not from the address of a node here to ours.
    #[error("not between node addresses of the segment")]
    Unknown,
    /// The station that sent it did not answer for that address lately.
    #[error("of a node that does not answer on the segment")]
    Unanswering,
}

impl Stranger {
    /// The reason as the label of a metric.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unknown => "no_neighbour",
            Self::Unanswering => "no_answer",
        }
    }
}

/// The stations of the other nodes on one segment.
#[derive(Clone, Debug)]
pub struct Stations {
    interval: Duration,
    by_node: BTreeMap<NodeId, Station>,
}

#[derive(Clone, Debug)]
struct Station {
    path: Path,
    answers: BTreeMap<Mac, Moment>,
    /// When a datagram came that claimed to be of it.
    called: Option<Moment>,
}

impl Stations {
    /// Nobody is known.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            by_node: BTreeMap::new(),
        }
    }

    /// Knows these and no others. What is known of those whose path is the same stays.
    pub fn follow(&mut self, paths: BTreeMap<NodeId, Path>) {
        let mut before = std::mem::take(&mut self.by_node);
        let station = |(node, path): (NodeId, Path)| {
            let known = before.remove(&node).filter(|station| station.path == path);
            let station = known.unwrap_or_else(|| Station {
                path,
                answers: BTreeMap::new(),
                called: None,
            });
            (node, station)
        };
        self.by_node = paths.into_iter().map(station).collect();
    }

    /// How many other nodes have addresses here.
    pub fn len(&self) -> usize {
        self.by_node.len()
    }

    /// Whether no other node has an address here.
    pub fn is_empty(&self) -> bool {
        self.by_node.is_empty()
    }

    /// The addresses of the other nodes.
    pub fn addresses(&self) -> BTreeSet<IpAddr> {
        self.by_node.values().map(|station| station.path.peer).collect()
    }

    /// A station answered for an address.
    pub fn answered(&mut self, address: IpAddr, mac: Mac, now: Moment) {
        let of = |station: &&mut Station| station.path.peer == address;
        for station in self.by_node.values_mut().filter(of) {
            station.answers.insert(mac, now);
            station.forget_oldest();
        }
    }

    /// The node that a datagram is of, as far as its addresses tell.
    ///
    /// # Errors
    ///
    /// If no node that answers here has sent it.
    pub fn admit(&mut self, mac: Mac, path: Path, came: Moment) -> Result<NodeId, Stranger> {
        let patience = self.patience();
        let of = |(_, station): &(&NodeId, &mut Station)| station.path == path;
        let (node, station) = self.by_node.iter_mut().find(of).ok_or(Stranger::Unknown)?;
        station.called = Some(came);
        let answered = station.answers.get(&mac).ok_or(Stranger::Unanswering)?;
        match came.since(*answered) <= patience {
            true => Ok(*node),
            false => Err(Stranger::Unanswering),
        }
    }

    /// Whether every other node answered lately.
    pub fn all_answer(&self, now: Moment) -> bool {
        let answers = |station: &Station| station.answers_since(now, self.patience()).is_some();
        self.by_node.values().all(answers)
    }

    /// The stations to ask now: all, or only those from which datagrams come. One that answered lately is asked
    /// alone, others with everybody listening.
    pub fn to_ask(&self, all: bool, now: Moment) -> Vec<(Path, Option<Mac>)> {
        let calls = |station: &&Station| {
            let lately = |called| now.since(called) <= self.patience();
            all || station.called.is_some_and(lately)
        };
        let asked = self.by_node.values().filter(calls);
        asked
            .map(|station| (station.path, station.answers_since(now, self.patience())))
            .collect()
    }

    /// Where to send to: every node that ever answered, at the station that did last.
    pub fn receivers(&self) -> impl Iterator<Item = (Path, Mac)> {
        let of = |station: &Station| Some((station.path, station.newest()?.0));
        self.by_node.values().filter_map(of)
    }

    fn patience(&self) -> Duration {
        self.interval * ANSWERS_WITHIN
    }
}

impl Station {
    fn forget_oldest(&mut self) {
        let oldest = self.answers.iter().min_by_key(|(_, when)| **when);
        if let Some((&mac, _)) = oldest.filter(|_| self.answers.len() > INTERFACES) {
            self.answers.remove(&mac);
        }
    }

    fn newest(&self) -> Option<(Mac, Moment)> {
        let newest = self.answers.iter().max_by_key(|(_, when)| **when);
        newest.map(|(mac, when)| (*mac, *when))
    }

    fn answers_since(&self, now: Moment, patience: Duration) -> Option<Mac> {
        let newest = self.newest();
        newest.and_then(|(mac, when)| (now.since(when) <= patience).then_some(mac))
    }
}

#[cfg(test)]
mod tests;
