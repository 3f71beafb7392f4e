//! Addresses that this node comes to tell beside others: it waits until its own kernel knows where their packets go.
//!
//! An endpoint that has become ready is known to the speaker at once, and to kube-proxy's rules up to a second later (its
//! `minSyncPeriod`); what a router sends here in between, the kernel drops if the policy is Local. So long as another node that told the
//! address before goes on telling the same peer, nobody misses this one. A node that [loses](crate::see::succession) its last pod meanwhile
//! goes on for that long, and so does one that [leaves](super::leaving), but neither for longer.
//!
//! One that comes and goes, with a pod that is ready now and then, waits twice as long each time: with each change a router moves flows,
//! also those of other nodes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::{Node, NodeName, PeerName};
use ferrolb_peering::Prefix;
use tokio::time::Instant;

use crate::may::View;
use crate::routes::{Routes, SessionsByNode, Table, Tellers, above, stays};
use crate::see::succession::PROGRAMMING;

/// The longest wait of an address that comes and goes.
const LONGEST: Duration = Duration::from_secs(60);
/// After so long without coming anew an address is as any other.
const QUIET: Duration = Duration::from_secs(300);

/// The addresses that this node has come to tell lately.
#[derive(Debug, Default)]
pub(super) struct Arriving {
    seen: Option<Arc<Routes>>,
    by_address: BTreeMap<IpAddr, Arrival>,
    /// When each came last, and for how long it waited then.
    lately: BTreeMap<IpAddr, (Instant, Duration)>,
}

#[derive(Debug)]
struct Arrival {
    /// When the rules are written.
    programmed: Instant,
    /// When it is told, if not before.
    ends: Instant,
    /// The nodes that told it before.
    before: Arc<Tellers>,
}

impl Arriving {
    /// These routes are decided now. What the first ones of a process say, the process before it may have told.
    pub(super) fn follow(&mut self, routes: &Arc<Routes>, node: &NodeName, now: Instant) {
        let Some(seen) = self.seen.replace(routes.clone()) else {
            return;
        };
        self.by_address.retain(|address, arrival| {
            now < arrival.ends && tellers(routes, *address).is_some_and(|all| all.contains_key(node))
        });
        if Arc::ptr_eq(&seen, routes) {
            return;
        }
        self.lately.retain(|_, (since, _)| now < *since + QUIET);
        for (address, fate) in &routes.fates {
            let (Ok(after), Some(before)) = (fate, tellers(&seen, *address)) else {
                continue;
            };
            if !Arc::ptr_eq(before, after) && after.contains_key(node) && !before.contains_key(node) {
                let last = self.lately.get(address).map(|(_, wait)| *wait);
                let wait = last.map_or(PROGRAMMING, |last| (last * 2).min(LONGEST));
                self.lately.insert(*address, (now, wait));
                let arrival = Arrival {
                    programmed: now + PROGRAMMING,
                    ends: now + wait,
                    before: before.clone(),
                };
                self.by_address.insert(*address, arrival);
            }
        }
    }

    /// What the peer is told of its table, which was `told` so much.
    pub(super) fn table<'a>(
        &self,
        peer: &PeerName,
        table: Cow<'a, Table>,
        told: Option<&Table>,
        (routes, sessions, view): (&Routes, &SessionsByNode, &View),
        now: Instant,
    ) -> Cow<'a, Table> {
        let tells = |other: &NodeName, arrival: &Arrival, after: &Tellers| {
            let is_peer = |tellers: &Tellers| tellers.get(other).is_some_and(|peers| peers.contains(peer));
            let is_up = sessions.get(other).is_some_and(|up| up.contains(peer));
            // One that leaves withdraws in the end, so it is waited for no longer than the rules take.
            let is_ready = |node: &Node| node.ready && now < arrival.programmed;
            let goes_on = stays(view, other) || view.nodes.get(other).is_some_and(is_ready);
            is_up && is_peer(&arrival.before) && is_peer(after) && goes_on
        };
        let waits = |(address, arrival): &(&IpAddr, &Arrival)| {
            let after = tellers(routes, **address);
            after.is_some_and(|after| after.keys().any(|other| tells(other, arrival, after)))
        };
        let is_new = |prefix: &Prefix| told.is_none_or(|told| !told.contains_key(prefix));
        let waiting: BTreeSet<Prefix> = (self.by_address.iter().filter(waits))
            .flat_map(|(address, _)| above(&table, *address))
            .filter(is_new)
            .collect();
        if waiting.is_empty() {
            return table;
        }
        let mut table = table.into_owned();
        table.retain(|prefix, _| !waiting.contains(prefix));
        Cow::Owned(table)
    }

    /// When the next one may be told.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let ends = |arrival: &Arrival| [arrival.programmed, arrival.ends];
        let ends = self.by_address.values().flat_map(ends);
        ends.filter(|end| *end > now).min()
    }
}

fn tellers(routes: &Routes, address: IpAddr) -> Option<&Arc<Tellers>> {
    routes.fates.get(&address)?.as_ref().ok()
}

#[cfg(test)]
mod tests {
    use ferrolb_crds::domain::{BgpAdvert, BgpPeer, Sessions};
    use serde_json::json;

    use super::*;
    use crate::may::fixture::{cluster, endpoints, local_service, node};
    use crate::routes::{Policy, routes};

    const ADDRESS: &str = "192.0.2.1";

    /// Peer `tor`, which is told of everything.
    fn policy() -> Policy {
        let peer = json!({"metadata": {"name": "tor"},
            "spec": {"myASN": 64512, "peerASN": 64500, "peerAddress": "198.51.100.1"}});
        let peer = BgpPeer::parse(&serde_json::from_value(peer).unwrap()).unwrap();
        let advert = json!({"metadata": {"name": "all"}, "spec": {}});
        let advert = BgpAdvert::parse(&serde_json::from_value(advert).unwrap()).unwrap();
        Policy {
            peers: Arc::new([(peer.name.clone(), peer)].into()),
            adverts: Arc::new([(advert.name.clone(), advert)].into()),
            ..Policy::default()
        }
    }

    /// Nodes n1 and n2 with a session each, a Service of policy Local, and what n2 makes of it.
    struct Scene {
        view: View,
        sessions: SessionsByNode,
        arriving: Arriving,
        began: Instant,
    }

    impl Scene {
        fn with_endpoints_on(nodes: &[&str]) -> Self {
            let mut view = cluster(&["n1", "n2"]);
            local_service(&mut view, "web", &[ADDRESS], nodes);
            let up = Sessions::from(["tor".into()]);
            let mut scene = Self {
                view,
                sessions: [("n1".into(), up.clone()), ("n2".into(), up)].into(),
                arriving: Arriving::default(),
                began: Instant::now(),
            };
            scene.tells_at(0);
            scene
        }

        /// Whether n2 tells the address so many milliseconds after the beginning.
        fn tells_at(&mut self, milliseconds: u64) -> bool {
            let routes = Arc::new(routes(&self.view, &policy(), &"n2".into()));
            let now = self.began + Duration::from_millis(milliseconds);
            self.arriving.follow(&routes, &"n2".into(), now);
            let peer = PeerName::from("tor");
            let table = Cow::Borrowed(&routes.tables[&peer]);
            let all = (&*routes, &self.sessions, &self.view);
            !self.arriving.table(&peer, table, None, all, now).is_empty()
        }

        /// When n2 may tell it, in milliseconds after the beginning.
        fn next_after(&self, milliseconds: u64) -> Option<u64> {
            let now = self.began + Duration::from_millis(milliseconds);
            let next = self.arriving.next(now)? - self.began;
            Some(u64::try_from(next.as_millis()).unwrap())
        }
    }

    #[test]
    fn an_endpoint_beside_others_is_told_of_once_the_rules_of_its_node_are_written() {
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        endpoints(&mut scene.view, "web", &["n1", "n2"]);
        assert!(!scene.tells_at(100));
        assert_eq!(scene.next_after(100), Some(2100));
        assert!(!scene.tells_at(2099));
        assert!(scene.tells_at(2100));
        assert_eq!(scene.next_after(2100), None);
    }

    #[test]
    fn it_is_told_of_at_once_if_nobody_else_tells_it_any_more() {
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        endpoints(&mut scene.view, "web", &["n1", "n2"]);
        assert!(!scene.tells_at(100));
        endpoints(&mut scene.view, "web", &["n2"]);
        assert!(scene.tells_at(200));
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        endpoints(&mut scene.view, "web", &["n1", "n2"]);
        scene.sessions.remove(&NodeName::from("n1"));
        assert!(scene.tells_at(100));
    }

    #[test]
    fn one_that_comes_and_goes_waits_twice_as_long_each_time_until_it_was_quiet() {
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        let mut comes = |at: u64| {
            endpoints(&mut scene.view, "web", &["n1"]);
            scene.tells_at(at);
            endpoints(&mut scene.view, "web", &["n1", "n2"]);
            scene.tells_at(at);
            let mut ends = at;
            while let Some(next) = scene.next_after(ends) {
                ends = next;
            }
            (ends - at) / 1000
        };
        let seconds = [0, 10, 20, 30, 60, 120, 200].map(|at| comes(at * 1000));
        assert_eq!(seconds, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(comes(500_001), 2);
    }

    #[test]
    fn beside_a_node_that_leaves_it_waits_until_its_rules_are_written_and_no_longer() {
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        node(&mut scene.view, "n1", json!({"spec": {"unschedulable": true}}));
        for (at, ends) in [(100, 2100), (10_000, 12_000)] {
            endpoints(&mut scene.view, "web", &["n1"]);
            scene.tells_at(at);
            endpoints(&mut scene.view, "web", &["n1", "n2"]);
            assert!(!scene.tells_at(at));
            assert!(!scene.tells_at(ends - 1));
            assert!(scene.tells_at(ends));
        }
    }

    #[test]
    fn a_new_address_and_what_a_process_begins_with_are_told_at_once() {
        let mut scene = Scene::with_endpoints_on(&[]);
        endpoints(&mut scene.view, "web", &["n1", "n2"]);
        assert!(scene.tells_at(100));
        assert!(Scene::with_endpoints_on(&["n1", "n2"]).tells_at(1));
    }
}
