//! Services of policy Local whose pods move from node to node.
//!
//! A speaker knows at once of an endpoint that has become ready, and kube-proxy of its node has written its rules up to a second later (its
//! `minSyncPeriod`); until then that node drops what arrives. So a node whose endpoints have begun to terminate counts as before, as long as
//! they serve (kube-proxy sends to them if there are no others, KEP-1669), until the nodes that come have taken over: their rules are
//! [written](super::rules), or they had time enough to write them, and they were told for half a second.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferrolb_crds::domain::{Endpoints, NodeName, ServiceKey};
use tokio::time::Instant;

use super::rules::{Answered, Question};

/// Twice as long as kube-proxy collects changes, which is a second unless it is told otherwise.
pub(crate) const PROGRAMMING: Duration = Duration::from_secs(2);
/// How long a kube-proxy is waited for that says that it is not that far.
const LONGEST: Duration = Duration::from_secs(30);
/// From when the rules of a node are written until other nodes may go: it is told to routers meanwhile.
const TELLING: Duration = Duration::from_millis(500);

/// The Services that nodes have come to serve, or ceased to, lately.
#[derive(Debug, Default)]
pub(super) struct Successions(BTreeMap<ServiceKey, Succession>);

#[derive(Debug)]
struct Succession {
    came: BTreeMap<NodeName, Coming>,
    /// The nodes that have lost their last ready endpoint, and when.
    went: BTreeMap<NodeName, Instant>,
    /// This node counts although it has none.
    is_ending: bool,
    /// When it was followed last.
    followed: Instant,
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
    fn hear(&mut self, answered: Answered) -> bool {
        if self.is_certain || !self.is_asked {
            return false;
        }
        let written = match answered.is_written {
            true => self.written.min(answered.at),
            false => self
                .written
                .max(answered.at + PROGRAMMING)
                .min(self.since + LONGEST),
        };
        self.is_certain = answered.is_written;
        std::mem::replace(&mut self.written, written) != written || self.is_certain
    }

    /// When it was told for long enough.
    fn is_told(&self) -> Instant {
        self.written + TELLING
    }
}

impl Successions {
    /// What the endpoints of a Service of policy Local count as on this node, which counted as `before` and are `found` now.
    pub(super) fn follow(
        &mut self,
        (service, here): (&ServiceKey, &NodeName),
        before: &Endpoints,
        found: Endpoints,
        now: Instant,
    ) -> Endpoints {
        let succession = self.0.remove(service);
        let mut succession = succession.unwrap_or_else(|| Succession::at(now));
        let more = succession.follow(here, before, &found, now);
        if succession.next().is_some() {
            self.0.insert(service.clone(), succession);
        }
        match more.is_empty() {
            true => found,
            false => found.taken_for_ready_on(&more),
        }
    }

    /// This was said. Returns whether that changes anything.
    pub(super) fn hear(&mut self, question: &Question, answered: Answered) -> bool {
        let succession = self.0.get_mut(&question.service);
        let coming = succession.and_then(|succession| succession.came.get_mut(&question.node));
        coming.is_some_and(|coming| coming.since == question.since && coming.hear(answered))
    }

    /// The Services and nodes of which this node has to know whether the rules are written, and since when they serve it: its own, and
    /// those that it waits for.
    pub(super) fn open(&self, here: &NodeName) -> impl Iterator<Item = (&ServiceKey, &NodeName, Instant)> {
        self.0.iter().flat_map(move |(service, succession)| {
            let waits = succession.is_ending;
            let came = succession.came.iter();
            let open = came.filter(move |(other, coming)| coming.is_asked && (waits || *other == here));
            open.map(move |(other, coming)| (service, other, coming.since))
        })
    }

    /// The Services that this node has come to serve lately, and when its rules are written as far as is known.
    pub(super) fn here(&self, here: &NodeName) -> impl Iterator<Item = (&ServiceKey, Instant)> {
        let all = self.0.iter();
        all.filter_map(|(service, succession)| Some((service, succession.came.get(here)?.written)))
    }

    /// The Services whose endpoints are to be followed again by now although they did not change.
    pub(super) fn due(&self, now: Instant) -> impl Iterator<Item = &ServiceKey> {
        let is_due = move |succession: &Succession| succession.next().is_some_and(|next| next <= now);
        let due = self.0.iter().filter(move |(_, succession)| is_due(succession));
        due.map(|(service, _)| service)
    }

    /// The Service is gone, or not of policy Local any more.
    pub(super) fn forget(&mut self, service: &ServiceKey) {
        self.0.remove(service);
    }

    /// When the next ones are due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(Succession::next).min()
    }
}

impl Succession {
    fn at(now: Instant) -> Self {
        Self {
            came: BTreeMap::new(),
            went: BTreeMap::new(),
            is_ending: false,
            followed: now,
        }
    }

    /// Returns the nodes that count although they have no ready endpoint.
    fn follow(
        &mut self,
        here: &NodeName,
        before: &Endpoints,
        found: &Endpoints,
        now: Instant,
    ) -> BTreeSet<NodeName> {
        self.followed = now;
        self.went.retain(|_, at| now < *at + PROGRAMMING);
        self.came.retain(|node, _| found.ready_on(node) > 0);
        // An address may go to any of those that come, so they are through together.
        if self.came.values().all(|coming| coming.is_told() <= now) {
            self.came.clear();
        }
        // Where nobody served, nobody is succeeded.
        if before.ready_nodes().next().is_some() {
            for (node, _) in found.ready_nodes().filter(|(node, _)| before.ready_on(node) == 0) {
                let coming = Coming {
                    since: now,
                    is_asked: !self.went.contains_key(node),
                    written: now + PROGRAMMING,
                    is_certain: false,
                };
                self.came.entry(node.clone()).or_insert(coming);
            }
        }
        let lost = before.ready_nodes().map(|(node, _)| node);
        let lost: BTreeSet<NodeName> = lost.filter(|node| found.ready_on(node) == 0).cloned().collect();
        let (serving, mut went) = lost
            .into_iter()
            .partition::<BTreeSet<_>, _>(|node| found.serving_on(node));
        let counting = match self.are_relieved(here, found, now) {
            true => BTreeSet::new(),
            false => serving.clone(),
        };
        went.extend(serving.difference(&counting).cloned());
        self.went.extend(went.into_iter().map(|node| (node, now)));
        self.is_ending = counting.contains(here);
        counting
    }

    /// Whether the nodes that are about to end need not be counted on this node any more. The ones that come hold that sooner than those that
    /// end: who is offered an address must see that it may have it.
    fn are_relieved(&self, here: &NodeName, found: &Endpoints, now: Instant) -> bool {
        let is_written = |coming: &Coming| coming.written <= now;
        let mut ready = found.ready_nodes();
        ready.any(|(node, _)| !self.came.contains_key(node)) || self.came.get(here).is_some_and(is_written)
    }

    /// When anything changes by itself.
    fn next(&self) -> Option<Instant> {
        let went = self.went.values().map(|at| *at + PROGRAMMING);
        let came = self
            .came
            .values()
            .flat_map(|coming| [coming.written, coming.is_told()]);
        went.chain(came).filter(|at| *at > self.followed).min()
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_crds::domain::Endpoint;

    use super::*;

    /// What a node sees of one Service from the beginning on.
    struct Scene {
        here: NodeName,
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
        fn on(here: &str, all: &[(&str, char)]) -> Self {
            let mut scene = Self {
                here: here.into(),
                successions: Successions::default(),
                counts: Endpoints::default(),
                began: Instant::now(),
            };
            scene.ready_at(0, all);
            scene
        }

        fn at(&self, milliseconds: u64) -> Instant {
            self.began + Duration::from_millis(milliseconds)
        }

        /// The nodes that count as ones with a ready endpoint so many milliseconds after the beginning, if these are found.
        fn ready_at(&mut self, milliseconds: u64, found: &[(&str, char)]) -> String {
            let now = self.at(milliseconds);
            let service = ServiceKey::new("shop", "web");
            let (found, key) = (endpoints(found), (&service, &self.here));
            self.counts = self.successions.follow(key, &self.counts, found, now);
            let nodes = self.counts.ready_nodes().map(|(node, _)| node.as_str());
            nodes.collect::<Vec<_>>().join(" ")
        }

        /// The nodes of which this one asks whether the rules are written.
        fn open(&self) -> String {
            let nodes = self
                .successions
                .open(&self.here)
                .map(|(_, node, _)| node.as_str());
            nodes.collect::<Vec<_>>().join(" ")
        }

        /// Whether it changes anything that kube-proxy of this node, which is asked, said this of its rules.
        fn hears_at(&mut self, milliseconds: u64, node: &str, is_written: bool) -> bool {
            let at = self.at(milliseconds);
            let mut open = self.successions.open(&self.here);
            let (service, node, since) = open.find(|(_, other, _)| other.as_str() == node).unwrap();
            let question = Question {
                service: service.clone(),
                node: node.clone(),
                since,
                at: Vec::new(),
            };
            drop(open);
            self.successions.hear(&question, Answered { is_written, at })
        }

        fn next(&self) -> Option<u128> {
            Some((self.successions.next()? - self.began).as_millis())
        }

        fn due_at(&self, milliseconds: u64) -> usize {
            self.successions.due(self.at(milliseconds)).count()
        }
    }

    #[test]
    fn a_node_whose_pod_moves_counts_until_the_new_one_was_ready_for_two_and_a_half_seconds() {
        for both_ready_at_first in [false, true] {
            let mut scene = Scene::on("n1", &[("n1", 'r')]);
            if both_ready_at_first {
                assert_eq!(scene.ready_at(100, &[("n1", 'r'), ("n2", 'r')]), "n1 n2");
            }
            let moved = [("n1", 't'), ("n2", 'r')];
            assert_eq!(scene.ready_at(100, &moved), "n1 n2");
            assert_eq!((scene.next(), scene.due_at(2099)), (Some(2100), 0));
            assert_eq!(scene.ready_at(2100, &moved), "n1 n2");
            assert_eq!((scene.next(), scene.due_at(2599)), (Some(2600), 0));
            assert_eq!(scene.ready_at(2599, &moved), "n1 n2");
            assert_eq!(scene.due_at(2600), 1);
            assert_eq!(scene.ready_at(2600, &moved), "n2");
            assert_eq!(scene.ready_at(4600, &moved), "n2");
            assert_eq!((scene.next(), scene.due_at(9999)), (None, 0));
        }
    }

    #[test]
    fn on_the_node_that_comes_it_counts_until_the_rules_there_are_written() {
        let moved = [("n1", 't'), ("n2", 'r')];
        let mut scene = Scene::on("n2", &[("n1", 'r')]);
        assert_eq!(scene.ready_at(100, &moved), "n1 n2");
        assert_eq!((scene.next(), scene.due_at(2099)), (Some(2100), 0));
        assert_eq!(scene.ready_at(2100, &moved), "n2");
        let mut scene = Scene::on("n2", &[("n1", 'r')]);
        assert_eq!(scene.ready_at(100, &moved), "n1 n2");
        assert!(scene.hears_at(300, "n2", true));
        assert_eq!(scene.ready_at(300, &moved), "n2");
    }

    #[test]
    fn it_counts_for_half_a_second_from_when_the_rules_of_another_are_known_to_be_written() {
        let moved = [("n1", 't'), ("n2", 'r')];
        let mut scene = Scene::on("n1", &[("n1", 'r')]);
        assert_eq!(scene.ready_at(100, &[("n1", 'r'), ("n2", 'r')]), "n1 n2");
        assert_eq!(scene.open(), "");
        assert_eq!(scene.ready_at(200, &moved), "n1 n2");
        assert_eq!(scene.open(), "n2");
        assert!(scene.hears_at(400, "n2", true));
        assert!(!scene.hears_at(500, "n2", true));
        assert!(!scene.hears_at(500, "n2", false));
        assert_eq!(scene.ready_at(400, &moved), "n1 n2");
        assert_eq!((scene.due_at(899), scene.due_at(900)), (0, 1));
        assert_eq!(scene.ready_at(899, &moved), "n1 n2");
        assert_eq!(scene.ready_at(900, &moved), "n2");
        assert_eq!(scene.open(), "");
    }

    #[test]
    fn it_asks_of_itself_as_soon_as_it_comes_and_others_ask_nothing() {
        for (here, asked) in [("n1", ""), ("n2", "n2"), ("n3", "")] {
            let mut scene = Scene::on(here, &[("n1", 'r')]);
            assert_eq!(scene.ready_at(100, &[("n1", 'r'), ("n2", 'r')]), "n1 n2");
            assert_eq!(scene.open(), asked, "{here}");
        }
    }

    #[test]
    fn it_counts_until_the_rules_of_all_are_written_that_have_come() {
        let moved = [("n1", 't'), ("n2", 'r'), ("n3", 'r')];
        let mut scene = Scene::on("n1", &[("n1", 'r')]);
        assert_eq!(scene.ready_at(0, &moved), "n1 n2 n3");
        assert!(scene.hears_at(100, "n2", true));
        assert_eq!(scene.ready_at(1000, &moved), "n1 n2 n3");
        assert!(scene.hears_at(1200, "n3", true));
        assert_eq!(scene.ready_at(1699, &moved), "n1 n2 n3");
        assert_eq!(scene.ready_at(1700, &moved), "n2 n3");
    }

    #[test]
    fn a_kube_proxy_that_is_not_that_far_is_waited_for_as_long_as_the_old_pod_serves_half_a_minute_at_most() {
        let moved = [("n1", 't'), ("n2", 'r')];
        let mut scene = Scene::on("n1", &[("n1", 'r')]);
        assert_eq!(scene.ready_at(0, &moved), "n1 n2");
        for at in (1..=30).map(|second| second * 1000) {
            scene.hears_at(at, "n2", false);
            assert_eq!(scene.ready_at(at, &moved), "n1 n2", "{at} ms");
        }
        assert_eq!(scene.ready_at(30_499, &moved), "n1 n2");
        assert_eq!(scene.ready_at(30_500, &moved), "n2");
        let mut scene = Scene::on("n1", &[("n1", 'r')]);
        scene.ready_at(0, &moved);
        assert!(scene.hears_at(2000, "n2", false));
        assert_eq!(scene.ready_at(3000, &moved), "n1 n2");
        assert_eq!(scene.ready_at(3100, &[("n1", 'x'), ("n2", 'r')]), "n2");
    }

    #[test]
    fn nobody_asks_of_a_node_that_had_endpoints_until_just_now() {
        for (back_at, asked) in [(1000, ""), (2100, "n2")] {
            let mut scene = Scene::on("n1", &[("n1", 'r'), ("n2", 'r')]);
            assert_eq!(scene.ready_at(100, &[("n1", 'r')]), "n1");
            assert_eq!(scene.ready_at(back_at, &[("n1", 't'), ("n2", 'r')]), "n1 n2");
            assert_eq!(scene.open(), asked);
        }
    }

    #[test]
    fn what_was_said_of_an_earlier_time_counts_for_nothing() {
        let mut scene = Scene::on("n2", &[("n1", 'r')]);
        scene.ready_at(100, &[("n1", 'r'), ("n2", 'r')]);
        let before = scene.successions.open(&scene.here).next();
        let question = before.map(|(service, node, since)| Question {
            service: service.clone(),
            node: node.clone(),
            since,
            at: Vec::new(),
        });
        scene.ready_at(200, &[("n1", 'r')]);
        scene.ready_at(300, &[("n1", 'r'), ("n2", 'r')]);
        let (is_written, at) = (true, scene.at(200));
        let answered = Answered { is_written, at };
        assert!(!scene.successions.hear(&question.unwrap(), answered));
    }

    #[test]
    fn a_pod_that_ends_before_the_next_is_ready_counts_as_long() {
        let mut scene = Scene::on("n1", &[("n1", 'r')]);
        assert_eq!(scene.ready_at(100, &[("n1", 't')]), "n1");
        assert_eq!(scene.ready_at(200, &[("n1", 't'), ("n2", 'r')]), "n1 n2");
        assert_eq!(scene.ready_at(2700, &[("n1", 't'), ("n2", 'r')]), "n2");
    }

    #[test]
    fn what_does_not_serve_counts_no_more() {
        let mut scene = Scene::on("n1", &[("n1", 'r')]);
        assert_eq!(scene.ready_at(100, &[("n1", 't'), ("n2", 'r')]), "n1 n2");
        assert_eq!(scene.ready_at(200, &[("n1", 'x'), ("n2", 'r')]), "n2");
        assert_eq!(scene.ready_at(300, &[("n2", 'r')]), "n2");
    }

    #[test]
    fn beside_a_node_that_was_ready_all_the_while_nothing_counts_longer() {
        for here in ["n1", "n2", "n3", "n4"] {
            let mut scene = Scene::on(here, &[("n1", 'r'), ("n2", 'r')]);
            assert_eq!(scene.ready_at(100, &[("n1", 't'), ("n2", 'r')]), "n2");
            let mut scene = Scene::on(here, &[("n1", 'r'), ("n2", 'r')]);
            let moved = [("n1", 't'), ("n2", 'r'), ("n3", 'r')];
            assert_eq!(scene.ready_at(200, &moved), "n2 n3", "{here}");
        }
    }

    #[test]
    fn what_is_found_at_first_counts_as_it_is() {
        let mut scene = Scene::on("n1", &[("n1", 't'), ("n2", 'r')]);
        assert_eq!(scene.counts, endpoints(&[("n1", 't'), ("n2", 'r')]));
        assert_eq!(scene.next(), None);
        assert_eq!(scene.ready_at(100, &[("n1", 't'), ("n2", 'r')]), "n2");
    }

    #[test]
    fn a_pod_that_is_ready_again_is_no_news() {
        let mut scene = Scene::on("n1", &[("n1", 'r')]);
        assert_eq!(scene.ready_at(100, &[("n1", 't'), ("n2", 'r')]), "n1 n2");
        assert_eq!(scene.ready_at(2000, &[("n1", 'r'), ("n2", 'r')]), "n1 n2");
        assert_eq!(scene.ready_at(2100, &[("n1", 'r'), ("n2", 't')]), "n1");
    }
}
