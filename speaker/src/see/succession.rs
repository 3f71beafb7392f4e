//! Services of policy Local whose pods move from node to node.
//!
//! A speaker knows at once of an endpoint that has become ready, and kube-proxy of its node has written its rules up to a second later (its
//! `minSyncPeriod`); until then that node drops what arrives. So a node whose endpoints have begun to terminate counts as before, as long as
//! they serve (kube-proxy sends to them if there are no others, KEP-1669), until another node has taken over: its rules are
//! [written](super::rules), or it had time enough to write them, and it was told for half a second.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferrolb_crds::domain::{Endpoints, NodeName, ServiceKey};
use tokio::time::Instant;

/// Twice as long as kube-proxy collects changes, which is a second unless it is told otherwise.
pub(crate) const PROGRAMMING: Duration = Duration::from_secs(2);
/// How long a kube-proxy is waited for that says that it is not that far.
const LONGEST: Duration = Duration::from_secs(30);
/// From when the rules of a node are written until other nodes may go: it is told to routers meanwhile.
const TELLING: Duration = Duration::from_millis(500);

/// The Services that nodes have come to serve, or ceased to, lately.
#[derive(Debug, Default)]
pub(super) struct Successions(BTreeMap<ServiceKey, Succession>);

#[derive(Debug, Default)]
struct Succession {
    came: BTreeMap<NodeName, Coming>,
    /// The nodes that have lost their last ready endpoint, and when.
    went: BTreeMap<NodeName, Instant>,
    /// The nodes that count although they have none.
    ending: BTreeSet<NodeName>,
}

/// A node that has come to serve a Service.
#[derive(Debug)]
struct Coming {
    since: Instant,
    /// Its kube-proxy cannot mean endpoints that it had before.
    is_asked: bool,
    /// When its rules are written, as far as is known.
    written: Instant,
    /// Its kube-proxy said that they are.
    is_certain: bool,
}

impl Coming {
    /// Its kube-proxy says whether the rules are written. Returns whether that is news.
    fn hear(&mut self, is_written: bool, now: Instant) -> bool {
        if is_written && !self.is_certain {
            self.written = self.written.min(now);
            self.is_certain = true;
            return true;
        }
        let is_late = !is_written && self.written < now + PROGRAMMING / 2;
        if is_late {
            self.written = (now + PROGRAMMING).min(self.since + LONGEST);
        }
        is_late
    }

    /// Until then others do not go.
    fn ends(&self) -> Instant {
        self.written + TELLING
    }
}

impl Successions {
    /// What the endpoints of a Service of policy Local count as, which counted as `before` and are `found` now.
    pub(super) fn follow(
        &mut self,
        service: &ServiceKey,
        before: &Endpoints,
        found: Endpoints,
        now: Instant,
    ) -> Endpoints {
        let mut succession = self.0.remove(service).unwrap_or_default();
        succession.follow(before, &found, now);
        let counts = match succession.ending.is_empty() {
            true => found,
            false => found.taken_for_ready_on(&succession.ending),
        };
        if !(succession.came.is_empty() && succession.went.is_empty()) {
            self.0.insert(service.clone(), succession);
        }
        counts
    }

    /// kube-proxy of a node says whether its rules for a Service are written. Returns whether that changes anything.
    pub(super) fn hear(
        &mut self,
        (service, node): (&ServiceKey, &NodeName),
        is_written: bool,
        now: Instant,
    ) -> bool {
        let succession = self.0.get_mut(service);
        let coming = succession.and_then(|succession| succession.came.get_mut(node));
        coming.is_some_and(|coming| coming.hear(is_written, now))
    }

    /// The Services and nodes of which this node has to know whether the rules are written: its own, and those that it waits for.
    pub(super) fn open(&self, node: &NodeName) -> impl Iterator<Item = (&ServiceKey, &NodeName)> {
        self.0.iter().flat_map(move |(service, succession)| {
            let waits = succession.ending.contains(node);
            let came = succession.came.iter();
            let open = came.filter(move |(other, coming)| coming.is_asked && (waits || *other == node));
            open.map(move |(other, _)| (service, other))
        })
    }

    /// The Services that this node has come to serve lately, and when its rules are written as far as is known.
    pub(super) fn here(&self, node: &NodeName) -> impl Iterator<Item = (&ServiceKey, Instant)> {
        let all = self.0.iter();
        all.filter_map(|(service, succession)| Some((service, succession.came.get(node)?.written)))
    }

    /// The Services whose endpoints are to be followed again by now although they did not change.
    pub(super) fn due(&self, now: Instant) -> impl Iterator<Item = &ServiceKey> {
        let is_due = move |succession: &Succession| succession.ends().any(|ends| ends <= now);
        let due = self.0.iter().filter(move |(_, succession)| is_due(succession));
        due.map(|(service, _)| service)
    }

    /// The Service is gone, or not of policy Local any more.
    pub(super) fn forget(&mut self, service: &ServiceKey) {
        self.0.remove(service);
    }

    /// When the next ones are due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().flat_map(Succession::ends).min()
    }
}

impl Succession {
    fn follow(&mut self, before: &Endpoints, found: &Endpoints, now: Instant) {
        let had = |node: &NodeName| before.ready_on(node) > 0;
        self.went.retain(|_, at| now < *at + PROGRAMMING);
        self.came
            .retain(|node, coming| now < coming.ends() && found.ready_on(node) > 0);
        // Where nobody served, nobody is succeeded.
        if before.ready_nodes().next().is_some() {
            for (node, _) in found.ready_nodes().filter(|(node, _)| !had(node)) {
                let coming = Coming {
                    since: now,
                    is_asked: !self.went.contains_key(node),
                    written: now + PROGRAMMING,
                    is_certain: false,
                };
                self.came.entry(node.clone()).or_insert(coming);
            }
        }
        let is_relieved = found.ready_nodes().any(|(node, _)| !self.came.contains_key(node));
        let lost = before.ready_nodes().map(|(node, _)| node);
        let lost = lost.filter(|node| found.ready_on(node) == 0).cloned();
        let (ending, went): (BTreeSet<_>, BTreeSet<_>) =
            lost.partition(|node| !is_relieved && found.serving_on(node));
        self.ending = ending;
        self.went.extend(went.into_iter().map(|node| (node, now)));
    }

    /// When anything of it is over.
    fn ends(&self) -> impl Iterator<Item = Instant> {
        let went = self.went.values().map(|at| *at + PROGRAMMING);
        self.came.values().map(Coming::ends).chain(went)
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

        /// The nodes of which this one asks whether the rules are written.
        fn open(&self, node: &str) -> String {
            let node = NodeName::from(node);
            let nodes = self.successions.open(&node).map(|(_, node)| node.as_str());
            nodes.collect::<Vec<_>>().join(" ")
        }

        /// Whether it changes anything that kube-proxy of this node says this of its rules.
        fn hears_at(&mut self, milliseconds: u64, node: &str, is_written: bool) -> bool {
            let now = self.began + Duration::from_millis(milliseconds);
            let service = ServiceKey::new("shop", "web");
            self.successions.hear((&service, &node.into()), is_written, now)
        }

        fn next(&self) -> Option<u128> {
            Some((self.successions.next()? - self.began).as_millis())
        }

        fn due_at(&self, milliseconds: u64) -> usize {
            let now = self.began + Duration::from_millis(milliseconds);
            self.successions.due(now).count()
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
            assert_eq!(scene.ready_at(4600, &moved), "n2");
            assert_eq!((scene.next(), scene.due_at(9999)), (None, 0));
        }
    }

    #[test]
    fn it_counts_for_half_a_second_from_when_the_rules_of_another_are_known_to_be_written() {
        let mut scene = Scene::with(&[("n1", 'r')]);
        let moved = [("n1", 't'), ("n2", 'r')];
        assert_eq!(scene.ready_at(100, &[("n1", 'r'), ("n2", 'r')]), "n1 n2");
        assert_eq!(
            (scene.open("n1"), scene.open("n2"), scene.open("n3")),
            ("".into(), "n2".into(), "".into())
        );
        assert_eq!(scene.ready_at(200, &moved), "n1 n2");
        assert_eq!(
            (scene.open("n1"), scene.open("n2"), scene.open("n3")),
            ("n2".into(), "n2".into(), "".into())
        );
        assert!(!scene.hears_at(300, "n2", false));
        assert!(scene.hears_at(400, "n2", true));
        assert!(!scene.hears_at(500, "n2", true));
        assert_eq!((scene.due_at(899), scene.due_at(900)), (0, 1));
        assert_eq!(scene.ready_at(899, &moved), "n1 n2");
        assert_eq!(scene.ready_at(900, &moved), "n2");
        assert_eq!((scene.open("n1"), scene.open("n2")), ("".into(), "".into()));
    }

    #[test]
    fn a_kube_proxy_that_is_not_that_far_is_waited_for_as_long_as_the_old_pod_serves_half_a_minute_at_most() {
        let mut scene = Scene::with(&[("n1", 'r')]);
        let moved = [("n1", 't'), ("n2", 'r')];
        assert_eq!(scene.ready_at(0, &moved), "n1 n2");
        for at in (1..=30).map(|second| second * 1000) {
            scene.hears_at(at, "n2", false);
            assert_eq!(scene.ready_at(at, &moved), "n1 n2", "{at} ms");
        }
        assert_eq!(scene.ready_at(30_499, &moved), "n1 n2");
        assert_eq!(scene.ready_at(30_500, &moved), "n2");
        let mut scene = Scene::with(&[("n1", 'r')]);
        scene.ready_at(0, &moved);
        assert!(scene.hears_at(2000, "n2", false));
        assert_eq!(scene.ready_at(3000, &moved), "n1 n2");
        assert_eq!(scene.ready_at(3100, &[("n1", 'x'), ("n2", 'r')]), "n2");
    }

    #[test]
    fn nobody_asks_of_a_node_that_had_endpoints_until_just_now() {
        let mut scene = Scene::with(&[("n1", 'r'), ("n2", 'r')]);
        assert_eq!(scene.ready_at(100, &[("n1", 'r')]), "n1");
        assert_eq!(scene.ready_at(1000, &[("n1", 't'), ("n2", 'r')]), "n1 n2");
        assert_eq!((scene.open("n1"), scene.open("n2")), ("".into(), "".into()));
        assert_eq!(scene.ready_at(3499, &[("n1", 't'), ("n2", 'r')]), "n1 n2");
        assert_eq!(scene.ready_at(3500, &[("n1", 't'), ("n2", 'r')]), "n2");
        let mut scene = Scene::with(&[("n1", 'r'), ("n2", 'r')]);
        assert_eq!(scene.ready_at(100, &[("n1", 'r')]), "n1");
        assert_eq!(scene.ready_at(2100, &[("n1", 't'), ("n2", 'r')]), "n1 n2");
        assert_eq!(scene.open("n1"), "n2");
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
