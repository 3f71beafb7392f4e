//! Addresses that this node comes to tell beside others: it waits until its own kernel knows where their packets go.
//!
//! An endpoint that has become ready is known to the speaker at once, and to kube-proxy's rules up to a second later (its
//! `minSyncPeriod`); what a router sends here in between, the kernel drops if the policy is Local. So long as another node that told the
//! address before goes on telling the same peer, nobody misses this one.
//!
//! One that comes and goes, with a pod that is ready now and then, waits twice as long each time: with each change a router moves flows,
//! also those of other nodes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::{NodeName, PeerName};
use ferrolb_peering::Prefix;
use tokio::time::Instant;

use super::turnover::{Changed, tellers};
use crate::may::View;
use crate::routes::{Routes, SessionsByNode, Table, Tellers, above, stays};

/// Twice as long as kube-proxy collects changes, which is a second unless it is told otherwise.
pub(super) const PROGRAMMING: Duration = Duration::from_secs(2);
/// The longest wait of an address that comes and goes.
const LONGEST: Duration = Duration::from_secs(60);
/// After so long without coming anew an address is as any other.
const QUIET: Duration = Duration::from_secs(300);

/// The addresses that this node has come to tell lately.
#[derive(Debug, Default)]
pub(super) struct Arriving {
    by_address: BTreeMap<IpAddr, Arrival>,
    /// When each came last, and for how long it waited then.
    lately: BTreeMap<IpAddr, (Instant, Duration)>,
}

#[derive(Debug)]
struct Arrival {
    came: Instant,
    /// When it is told, if not before.
    ends: Instant,
    /// The nodes that told it before.
    before: Arc<Tellers>,
}

impl Arriving {
    /// These routes are decided now.
    pub(super) fn follow(&mut self, routes: &Routes, changed: &[Changed], node: &NodeName, now: Instant) {
        self.by_address.retain(|address, arrival| {
            now < arrival.ends && tellers(routes, *address).is_some_and(|all| all.contains_key(node))
        });
        self.lately.retain(|_, (since, _)| now < *since + QUIET);
        for change in changed {
            if change.came.contains(node) {
                let last = self.lately.get(&change.address).map(|(_, wait)| *wait);
                let wait = last.map_or(PROGRAMMING, |last| (last * 2).min(LONGEST));
                self.lately.insert(change.address, (now, wait));
                let arrival = Arrival {
                    came: now,
                    ends: now + wait,
                    before: change.before.clone(),
                };
                self.by_address.insert(change.address, arrival);
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
        let is_told = |tellers: &Tellers, other: &NodeName| {
            tellers.get(other).is_some_and(|peers| peers.contains(peer))
        };
        let goes_on = |address: IpAddr, other: &NodeName| {
            stays(view, other) && tellers(routes, address).is_some_and(|after| is_told(after, other))
        };
        let ends = |address: IpAddr, other: &NodeName| {
            let ending = routes.ending.get(&address);
            let is_ready = view.nodes.get(other).is_some_and(|node| node.ready);
            is_ready && ending.is_some_and(|ending| ending.contains(other))
        };
        let waits = |(address, arrival): &(&IpAddr, &Arrival)| {
            let is_programmed = now >= arrival.came + PROGRAMMING;
            arrival.before.keys().any(|other| {
                let is_up = sessions.get(other).is_some_and(|up| up.contains(peer));
                let tells = goes_on(**address, other) || !is_programmed && ends(**address, other);
                is_up && is_told(&arrival.before, other) && tells
            })
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

    /// When the next one is told.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let ends = |arrival: &Arrival| [arrival.came + PROGRAMMING, arrival.ends];
        let ends = self.by_address.values().flat_map(ends);
        ends.filter(|end| *end > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Scene;
    use super::*;
    use crate::may::fixture::endpoints;

    #[test]
    fn an_endpoint_beside_others_is_told_of_once_the_rules_of_its_node_are_written() {
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        endpoints(&mut scene.view, "web", &["n1", "n2"]);
        assert!(!scene.tells("n2", 100));
        assert_eq!(scene.next("n2", 100), Some(2100));
        assert!(!scene.tells("n2", 2099));
        assert!(scene.tells("n2", 2100));
        assert_eq!(scene.next("n2", 2100), None);
    }

    #[test]
    fn it_is_told_of_at_once_if_nobody_else_tells_it_any_more() {
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        endpoints(&mut scene.view, "web", &["n1", "n2"]);
        assert!(!scene.tells("n2", 100));
        endpoints(&mut scene.view, "web", &["n2"]);
        assert!(scene.tells("n2", 200));
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        endpoints(&mut scene.view, "web", &["n1", "n2"]);
        scene.sessions.remove(&NodeName::from("n1"));
        assert!(scene.tells("n2", 100));
    }

    #[test]
    fn one_that_comes_and_goes_waits_twice_as_long_each_time_until_it_was_quiet() {
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        let mut comes = |at: u64| {
            endpoints(&mut scene.view, "web", &["n1"]);
            scene.tells("n2", at);
            endpoints(&mut scene.view, "web", &["n1", "n2"]);
            scene.tells("n2", at);
            let mut ends = at;
            while let Some(next) = scene.next("n2", ends) {
                ends = next;
            }
            (ends - at) / 1000
        };
        let seconds = [0, 10, 20, 30, 60, 120, 200].map(|at| comes(at * 1000));
        assert_eq!(seconds, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(comes(500_001), 2);
    }

    #[test]
    fn a_new_address_and_what_a_process_begins_with_are_told_at_once() {
        let mut scene = Scene::with_endpoints_on(&[]);
        endpoints(&mut scene.view, "web", &["n1", "n2"]);
        assert!(scene.tells("n2", 100));
        assert!(Scene::with_endpoints_on(&["n1", "n2"]).tells("n2", 1));
    }
}
