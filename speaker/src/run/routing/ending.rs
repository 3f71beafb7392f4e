//! Addresses of policy Local whose last ready endpoint on this node ends just as another node gets one: the other waits until its
//! kernel [knows](super::arriving) where their packets go. For so long this node goes on telling them, as the least (RFC 8326); its
//! terminating endpoints serve (KEP-1669).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_crds::domain::NodeName;
use ferrolb_peering::Prefix;
use ferrolb_peering::bgp::Attributes;
use tokio::time::Instant;

use super::arriving::PROGRAMMING;
use super::leaving::least;
use super::turnover::{Changed, tellers};
use crate::routes::{Routes, Table, above};

/// From when the other node has come until this one need not tell any more: it has told the address for half a second then.
const RELIEF: Duration = PROGRAMMING.saturating_add(Duration::from_millis(500));

/// The addresses that this node goes on telling.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// The nodes that have come to tell what this one tells, and when.
    came: BTreeMap<IpAddr, BTreeMap<NodeName, Instant>>,
    /// Until when.
    until: BTreeMap<IpAddr, Instant>,
}

impl Ending {
    /// These routes are decided now.
    pub(super) fn follow(&mut self, routes: &Routes, changed: &[Changed], node: &NodeName, now: Instant) {
        for change in changed {
            if change.before.contains_key(node) || self.until.contains_key(&change.address) {
                let came = self.came.entry(change.address).or_default();
                came.extend(change.came.iter().map(|other| (other.clone(), now)));
            }
        }
        self.came.retain(|_, came| {
            came.retain(|_, at| now < *at + RELIEF);
            !came.is_empty()
        });
        let ending = routes.ending.iter().filter(|(_, nodes)| nodes.contains(node));
        let until = |address: &IpAddr| {
            let (after, came) = (tellers(routes, *address)?, self.came.get(address)?);
            // One that did not come lately has told it all the while.
            let relieved = after.keys().map(|other| Some(*came.get(other)? + RELIEF));
            let until = relieved.collect::<Option<Vec<Instant>>>()?.into_iter().min()?;
            Some((*address, until))
        };
        self.until = ending.filter_map(|(address, _)| until(address)).collect();
    }

    /// What a peer that was `told` so much is told of its table and beside it.
    pub(super) fn table<'a>(&self, table: Cow<'a, Table>, told: Option<&Table>) -> Cow<'a, Table> {
        let Some(told) = told else {
            return table;
        };
        let prefixes = self.until.keys().flat_map(|address| above(told, *address));
        let missing = prefixes.filter(|prefix| !table.contains_key(prefix));
        let kept: Vec<(Prefix, Attributes)> = missing.map(|prefix| (prefix, least(&told[&prefix]))).collect();
        if kept.is_empty() {
            return table;
        }
        let mut table = table.into_owned();
        table.extend(kept);
        Cow::Owned(table)
    }

    /// When the next one is withdrawn.
    pub(super) fn next(&self) -> Option<Instant> {
        self.until.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_crds::domain::Endpoint;

    use super::super::fixture::Scene;
    use crate::may::fixture::{endpoints, set_endpoints};

    /// The pod on n1 terminates and that on n2 is ready.
    fn terminates(scene: &mut Scene, serving: bool) {
        let endpoint = |node: &str, ready, serving| Endpoint {
            node: Some(node.into()),
            ready,
            serving,
        };
        let both = [endpoint("n1", false, serving), endpoint("n2", true, true)];
        set_endpoints(&mut scene.view, "web", both);
    }

    #[test]
    fn the_last_pod_that_moves_is_told_of_where_it_was_until_the_new_node_has_told_it_for_half_a_second() {
        for both_ready_at_first in [false, true] {
            let mut scene = Scene::with_endpoints_on(&["n1"]);
            if both_ready_at_first {
                endpoints(&mut scene.view, "web", &["n1", "n2"]);
                assert!(scene.tells("n1", 100));
                assert!(!scene.tells("n2", 100));
            }
            terminates(&mut scene, true);
            assert!(scene.tells_as_the_least("n1", 100));
            assert!(!scene.tells("n2", 100));
            assert_eq!(scene.next("n1", 100), Some(2600));
            assert_eq!(scene.next("n2", 100), Some(2100));
            assert!(scene.tells_as_the_least("n1", 2599));
            assert!(!scene.tells("n2", 2099));
            assert!(scene.tells("n2", 2100));
            assert!(!scene.tells("n1", 2600));
            assert!(scene.tells("n2", 2600));
            assert_eq!((scene.next("n1", 2600), scene.next("n2", 2600)), (None, None));
        }
    }

    #[test]
    fn a_pod_that_is_gone_before_is_not_told_of_and_the_new_one_at_once() {
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        terminates(&mut scene, true);
        assert!(scene.tells_as_the_least("n1", 100));
        assert!(!scene.tells("n2", 100));
        terminates(&mut scene, false);
        assert!(!scene.tells("n1", 200));
        assert!(scene.tells("n2", 200));
    }

    #[test]
    fn beside_a_node_that_has_told_the_address_all_the_while_nothing_is_kept() {
        let mut scene = Scene::with_endpoints_on(&["n1", "n2"]);
        terminates(&mut scene, true);
        assert!(!scene.tells("n1", 100));
        assert!(scene.tells("n2", 100));
    }

    #[test]
    fn nobody_waits_for_a_node_without_a_session() {
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        scene.sessions.remove(&"n1".into());
        terminates(&mut scene, true);
        assert!(scene.tells("n2", 100));
    }

    #[test]
    fn a_pod_that_is_ready_again_is_told_of_as_before() {
        let mut scene = Scene::with_endpoints_on(&["n1"]);
        terminates(&mut scene, true);
        assert!(scene.tells_as_the_least("n1", 100));
        endpoints(&mut scene.view, "web", &["n1", "n2"]);
        assert!(scene.tells("n1", 200));
        assert!(!scene.tells_as_the_least("n1", 200));
    }
}
