//! What goes on being told when nodes are about to leave: a cordoned node, or one that was shut down, gives up what others tell.
//!
//! A route is given up only once another node tells it the same peer over a session that is up, and that node stays. So nobody
//! waits for a route, and a cluster of cordoned nodes goes on telling.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{NodeName, PeerName, Sessions};
use ferrolb_peering::Prefix;

use super::{Routes, Table, Tellers};
use crate::may::View;

/// The sessions that are up, by node.
pub type SessionsByNode = BTreeMap<NodeName, Sessions>;

/// What this node gives up, by peer.
pub type GivenUp = BTreeMap<PeerName, BTreeSet<Prefix>>;

/// Whether the node is about to leave.
fn is_leaving(view: &View, node: &NodeName) -> bool {
    view.nodes.get(node).is_some_and(|node| node.soft.is_some())
}

/// Whether what the node says of its sessions holds, and will: it neither leaves nor is lost.
pub fn stays(view: &View, node: &NodeName) -> bool {
    view.nodes
        .get(node)
        .is_some_and(|node| node.ready && node.soft.is_none())
}

/// Those of the tellers of an address that tell it over a session that is up. A node that is about to leave does so for peers
/// that no other tells which stays.
pub fn telling(tellers: &Tellers, sessions: &SessionsByNode, view: &View) -> Tellers {
    let up = |(node, peers): (&NodeName, &BTreeSet<PeerName>)| {
        let up: BTreeSet<PeerName> = sessions.get(node)?.intersection(peers).cloned().collect();
        (!up.is_empty()).then(|| (node.clone(), up))
    };
    let mut told: Tellers = tellers.iter().filter_map(up).collect();
    let staying = told.iter().filter(|(node, _)| stays(view, node));
    let kept: BTreeSet<PeerName> = staying.flat_map(|(_, peers)| peers).cloned().collect();
    for (node, peers) in &mut told {
        if is_leaving(view, node) {
            peers.retain(|peer| !kept.contains(peer));
        }
    }
    told.retain(|_, peers| !peers.is_empty());
    told
}

/// The prefixes that this node gives up: of each address beneath them, that this node tells the peer, others go on telling it.
pub fn given_up(routes: &Routes, sessions: &SessionsByNode, view: &View, node: &NodeName) -> GivenUp {
    if !is_leaving(view, node) {
        return GivenUp::new();
    }
    // Its own sessions are as good as up: what is given up is not told by one that comes up meanwhile either.
    let mut sessions = sessions.clone();
    sessions.insert(node.clone(), routes.tables.keys().cloned().collect());
    let mut given_up: GivenUp = routes
        .tables
        .iter()
        .map(|(peer, table)| (peer.clone(), table.keys().copied().collect()))
        .collect();
    let tellers = routes
        .fates
        .iter()
        .filter_map(|(address, fate)| Some((address, fate.as_ref().ok()?)));
    for (address, tellers) in tellers.filter(|(_, tellers)| tellers.contains_key(node)) {
        for peer in telling(tellers, &sessions, view).remove(node).unwrap_or_default() {
            if let (Some(gone), Some(table)) = (given_up.get_mut(&peer), routes.tables.get(&peer)) {
                for prefix in above(table, *address) {
                    gone.remove(&prefix);
                }
            }
        }
    }
    given_up.retain(|_, prefixes| !prefixes.is_empty());
    given_up
}

/// The prefixes of a table that contain the address.
pub fn above(table: &Table, address: IpAddr) -> impl Iterator<Item = Prefix> + '_ {
    let prefixes = (0..=128).map_while(move |length| Prefix::new(address, length).ok());
    prefixes.filter(|prefix| table.contains_key(prefix))
}
