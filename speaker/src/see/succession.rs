//! Services of policy Local whose pods move from node to node.
//!
//! A speaker knows at once of an endpoint that has become ready, and kube-proxy of its node has written its rules up to a second later (its
//! `minSyncPeriod`); until then that node drops what arrives. So a node whose endpoints have begun to terminate counts as before, as long as
//! they serve (kube-proxy sends to them if there are no others, KEP-1669), until an endpoint on another node has been ready for long enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferrolb_crds::domain::{Endpoints, NodeName, ServiceKey};
use tokio::time::Instant;

/// Twice as long as kube-proxy collects changes, which is a second unless it is told otherwise.
pub(crate) const PROGRAMMING: Duration = Duration::from_secs(2);
/// From when an endpoint is ready until those on other nodes may go: whoever waits for its rules has told the address for half a second.
const RELIEF: Duration = PROGRAMMING.saturating_add(Duration::from_millis(500));

/// The Services that nodes have come to serve lately.
#[derive(Debug, Default)]
pub(super) struct Successions(BTreeMap<ServiceKey, BTreeMap<NodeName, Instant>>);

impl Successions {
    /// What the endpoints of a Service of policy Local count as, which counted as `before` and are `found` now.
    pub(super) fn follow(
        &mut self,
        service: &ServiceKey,
        before: &Endpoints,
        found: Endpoints,
        now: Instant,
    ) -> Endpoints {
        let mut came = self.0.remove(service).unwrap_or_default();
        came.retain(|node, at| now < *at + RELIEF && found.ready_on(node) > 0);
        // Where nobody served, nobody is succeeded.
        if before.ready_nodes().next().is_some() {
            let is_new = |(node, _): &(&NodeName, usize)| before.ready_on(node) == 0;
            for (node, _) in found.ready_nodes().filter(is_new) {
                came.entry(node.clone()).or_insert(now);
            }
        }
        let is_relieved = found.ready_nodes().any(|(node, _)| !came.contains_key(node));
        if !came.is_empty() {
            self.0.insert(service.clone(), came);
        }
        if is_relieved {
            return found;
        }
        let ends = |node: &&NodeName| found.ready_on(node) == 0 && before.ready_on(node) > 0;
        let ending: BTreeSet<NodeName> = found.serving_nodes().filter(ends).cloned().collect();
        match ending.is_empty() {
            true => found,
            false => found.taken_for_ready_on(&ending),
        }
    }

    /// The Services whose endpoints are to be followed again by now although they did not change.
    pub(super) fn due(&self, now: Instant) -> Vec<ServiceKey> {
        let is_due = |came: &BTreeMap<NodeName, Instant>| came.values().any(|at| *at + RELIEF <= now);
        let due = self.0.iter().filter(|(_, came)| is_due(came));
        due.map(|(service, _)| service.clone()).collect()
    }

    /// The Service is gone, or not of policy Local any more.
    pub(super) fn forget(&mut self, service: &ServiceKey) {
        self.0.remove(service);
    }

    /// When the next ones are due.
    pub(super) fn next(&self) -> Option<Instant> {
        let all = self.0.values().flat_map(BTreeMap::values);
        all.min().map(|at| *at + RELIEF)
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_crds::domain::Endpoint;

    use super::*;

    /// What is seen of one Service from the beginning on.
    struct Scene {
        successions: Successions,
        counts: Endpoints,
        began: Instant,
    }

    /// Endpoints by node: `r` ready, `t` terminating and serving, `x` neither.
    fn endpoints(all: &[(&str, char)]) -> Endpoints {
        let endpoint = |(node, state): &(&str, char)| Endpoint {
            node: Some((*node).into()),
            ready: *state == 'r',
            serving: *state != 'x',
        };
        all.iter().map(endpoint).collect()
    }

    impl Scene {
        fn with(all: &[(&str, char)]) -> Self {
            let mut scene = Self {
                successions: Successions::default(),
                counts: Endpoints::default(),
                began: Instant::now(),
            };
            scene.ready_at(0, all);
            scene
        }

        /// The nodes that count as ones with a ready endpoint so many milliseconds after the beginning, if these are found.
        fn ready_at(&mut self, milliseconds: u64, found: &[(&str, char)]) -> String {
            let now = self.began + Duration::from_millis(milliseconds);
            let service = ServiceKey::new("shop", "web");
            self.counts = self
                .successions
                .follow(&service, &self.counts, endpoints(found), now);
            let nodes = self.counts.ready_nodes().map(|(node, _)| node.as_str());
            nodes.collect::<Vec<_>>().join(" ")
        }

        fn next(&self) -> Option<u128> {
            Some((self.successions.next()? - self.began).as_millis())
        }

        fn due_at(&self, milliseconds: u64) -> usize {
            let now = self.began + Duration::from_millis(milliseconds);
            self.successions.due(now).len()
        }
    }

    #[test]
    fn a_node_whose_pod_moves_counts_until_the_new_one_was_ready_for_two_and_a_half_seconds() {
        for both_ready_at_first in [false, true] {
            let mut scene = Scene::with(&[("n1", 'r')]);
            if both_ready_at_first {
                assert_eq!(scene.ready_at(100, &[("n1", 'r'), ("n2", 'r')]), "n1 n2");
            }
            let moved = [("n1", 't'), ("n2", 'r')];
            assert_eq!(scene.ready_at(100, &moved), "n1 n2");
            assert_eq!((scene.next(), scene.due_at(2599)), (Some(2600), 0));
            assert_eq!(scene.ready_at(2599, &moved), "n1 n2");
            assert_eq!(scene.due_at(2600), 1);
            assert_eq!(scene.ready_at(2600, &moved), "n2");
            assert_eq!((scene.next(), scene.due_at(9999)), (None, 0));
        }
    }

    #[test]
    fn a_pod_that_ends_before_the_next_is_ready_counts_as_long() {
        let mut scene = Scene::with(&[("n1", 'r')]);
        assert_eq!(scene.ready_at(100, &[("n1", 't')]), "n1");
        assert_eq!(scene.ready_at(200, &[("n1", 't'), ("n2", 'r')]), "n1 n2");
        assert_eq!(scene.ready_at(2700, &[("n1", 't'), ("n2", 'r')]), "n2");
    }

    #[test]
    fn what_does_not_serve_counts_no_more() {
        let mut scene = Scene::with(&[("n1", 'r')]);
        assert_eq!(scene.ready_at(100, &[("n1", 't'), ("n2", 'r')]), "n1 n2");
        assert_eq!(scene.ready_at(200, &[("n1", 'x'), ("n2", 'r')]), "n2");
        assert_eq!(scene.ready_at(300, &[("n2", 'r')]), "n2");
    }

    #[test]
    fn beside_a_node_that_was_ready_all_the_while_nothing_else_counts_longer() {
        let mut scene = Scene::with(&[("n1", 'r'), ("n2", 'r')]);
        assert_eq!(scene.ready_at(100, &[("n1", 't'), ("n2", 'r')]), "n2");
        assert_eq!(
            scene.ready_at(200, &[("n1", 't'), ("n2", 't'), ("n3", 'r')]),
            "n2 n3"
        );
    }

    #[test]
    fn what_is_found_at_first_counts_as_it_is() {
        let mut scene = Scene::with(&[("n1", 't'), ("n2", 'r')]);
        assert_eq!(scene.counts, endpoints(&[("n1", 't'), ("n2", 'r')]));
        assert_eq!(scene.next(), None);
        assert_eq!(scene.ready_at(100, &[("n1", 't'), ("n2", 'r')]), "n2");
    }

    #[test]
    fn a_pod_that_is_ready_again_is_no_news() {
        let mut scene = Scene::with(&[("n1", 'r')]);
        assert_eq!(scene.ready_at(100, &[("n1", 't'), ("n2", 'r')]), "n1 n2");
        assert_eq!(scene.ready_at(2000, &[("n1", 'r'), ("n2", 'r')]), "n1 n2");
        assert_eq!(scene.ready_at(2100, &[("n1", 'r'), ("n2", 't')]), "n1");
    }
}
