//! Which station of the segment is which node: where authentic frames of the speakers came from.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferrolb_segment::Moment;
use ferrolb_segment::message::NodeId;

use super::inquiry::Stations;
use crate::layer2::wire::Mac;

/// A station of which no frame came for so long may be another's.
const REMEMBERED: Duration = Duration::from_secs(60);
/// As many as sequences are remembered of (S3).
const MOST: usize = 4096;

/// The stations of nodes.
#[derive(Debug, Default)]
pub(super) struct NodeStations {
    heard: BTreeMap<Mac, (NodeId, Moment)>,
    /// All interfaces of this node.
    own: (BTreeSet<Mac>, Option<NodeId>),
}

impl NodeStations {
    /// This node, and the stations that it is.
    pub(super) fn follow(&mut self, me: NodeId, own: &BTreeSet<Mac>) {
        if self.own.0 != *own {
            self.own = (own.clone(), Some(me));
        }
    }

    /// An authentic frame of the node came from the station.
    pub(super) fn heard(&mut self, node: NodeId, station: Mac, now: Moment) {
        if let Some(known) = self.heard.get_mut(&station) {
            *known = (node, now);
            return;
        }
        if self.heard.len() >= MOST {
            self.forget_old(now);
        }
        if self.heard.len() < MOST {
            self.heard.insert(station, (node, now));
        }
    }

    /// Stations of which no frame came for a while are no node's.
    pub(super) fn forget_old(&mut self, now: Moment) {
        self.heard.retain(|_, (_, at)| now.since(*at) < REMEMBERED);
    }
}

impl Stations for NodeStations {
    fn node_of(&self, station: Mac) -> Option<NodeId> {
        let own = || self.own.1.filter(|_| self.own.0.contains(&station));
        let heard = self.heard.get(&station).map(|(node, _)| *node);
        heard.or_else(own)
    }

    /// The one that was heard last.
    fn station_of(&self, node: NodeId) -> Option<Mac> {
        let its = self.heard.iter().filter(|(_, (of, _))| *of == node);
        its.max_by_key(|(_, (_, at))| *at).map(|(station, _)| *station)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: [NodeId; 2] = [NodeId([1; 16]), NodeId([2; 16])];
    const MACS: [Mac; 3] = [
        Mac([2, 0, 0, 0, 0, 1]),
        Mac([2, 0, 0, 0, 0, 2]),
        Mac([2, 0, 0, 0, 0, 3]),
    ];

    fn at(seconds: u64) -> Moment {
        Moment::after_origin(Duration::from_secs(seconds))
    }

    #[test]
    fn a_station_is_the_node_s_whose_frames_came_from_it_last() {
        let mut stations = NodeStations::default();
        stations.heard(NODES[0], MACS[0], at(1));
        stations.heard(NODES[0], MACS[1], at(2));
        assert_eq!(stations.node_of(MACS[0]), Some(NODES[0]));
        assert_eq!(stations.station_of(NODES[0]), Some(MACS[1]));
        stations.heard(NODES[1], MACS[1], at(3));
        assert_eq!(stations.node_of(MACS[1]), Some(NODES[1]));
        assert_eq!(stations.station_of(NODES[0]), Some(MACS[0]));
        assert_eq!(stations.node_of(MACS[2]), None);
    }

    #[test]
    fn a_station_of_which_nothing_is_heard_any_more_is_no_node_s() {
        let mut stations = NodeStations::default();
        stations.heard(NODES[0], MACS[0], at(0));
        stations.heard(NODES[1], MACS[1], at(30));
        stations.forget_old(at(60));
        assert_eq!(
            (stations.node_of(MACS[0]), stations.node_of(MACS[1])),
            (None, Some(NODES[1]))
        );
    }

    #[test]
    fn other_interfaces_of_this_node_are_its_stations() {
        let mut stations = NodeStations::default();
        stations.follow(NODES[0], &BTreeSet::from([MACS[0], MACS[2]]));
        assert_eq!(stations.node_of(MACS[2]), Some(NODES[0]));
    }
}
