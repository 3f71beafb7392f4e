//! One pass: see, may, tell the ports, and say what is done.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Component, ConfigurationReport, NodeLinks, PeerName, Sessions};
use ferrolb_crds::names::EXCLUDE_NODE;
use ferrolb_rawlink::links::LinkTable;
use ferrolb_runtime::backoff::Jitter;
use ferrolb_runtime::newest::send_if_other;
use ferrolb_runtime::reflect::Problem;
use ferrolb_segment::message::NodeId;
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::routing::notice;
use super::{PUT_OFF_AT_MOST, SHARE, Speaker};
use crate::flows;
use crate::layer2::announce::Reports;
use crate::layer2::{Here, Odd};
use crate::may::May;
use crate::peers::{self, Passwords};
use crate::routes::{Routes, SessionsByNode};
use crate::see::dataplane::Dataplane;
use crate::see::interfaces;
use crate::see::snapshot::{Reader, Snapshot};
use crate::tell::bgp_status;
use crate::tell::condition::{self, Known};
use crate::tell::events::{self, Told};
use crate::tell::l2_status::{self, Change, Seen};
use crate::tell::write::{Done, Target};
use crate::verdict::{Evidence, Verdicts};

/// All that a pass depends on.
pub(crate) struct Input {
    snapshot: Snapshot,
    links: LinkTable,
    dataplane: Dataplane,
    /// What the ports say.
    reports: Reports,
    /// The `ServiceL2Status` objects are listed.
    listed: bool,
    /// This speaker can talk to others.
    has_key: bool,
    /// The objects of BGP are listed.
    routed: bool,
    /// The BGP sessions that are up.
    up: Sessions,
    /// What is wrong with the sessions, and with those of BFD.
    doubts: Vec<(PeerName, String)>,
    passwords: Passwords,
}

impl Input {
    /// Whether a pass over the other would come to the same.
    fn is(&self, other: &Self) -> bool {
        self.snapshot.is(&other.snapshot)
            && self.links == other.links
            && self.dataplane == other.dataplane
            && self.reports == other.reports
            && self.listed == other.listed
            && self.has_key == other.has_key
            && self.routed == other.routed
            && self.up == other.up
            && self.doubts == other.doubts
            && self.passwords == other.passwords
    }
}

impl Speaker {
    /// Once over everything that changed; nothing waits for the API server. Returns when the next pass may begin.
    pub(crate) fn pass(&mut self) -> Instant {
        let began = Instant::now();
        let mut input = Input {
            snapshot: self.reader.read(&self.stores, began),
            links: self.links.borrow_and_update().clone(),
            dataplane: self.dataplane.borrow_and_update().clone(),
            reports: self.membership.reports().clone(),
            listed: self.reported.missing().is_empty(),
            has_key: false,
            routed: self.routed.missing().is_empty(),
            up: self.routing.up(),
            doubts: self.routing.doubts(),
            passwords: self.routing.passwords(),
        };
        self.membership.learn(input.snapshot.secret.as_deref());
        input.has_key = self.membership.has_key();
        let next = self.said.next(began).into_iter().chain(self.routing.next());
        let is_due = next.min().is_some_and(|next| next <= began);
        if is_due || self.input.as_ref().is_none_or(|before| !before.is(&input)) {
            self.act(&input);
            self.input = Some(input);
        }
        self.tell_of_sessions(began);
        if let Some(flows) = &mut self.flows {
            flows.forget_due(began);
        }
        let ended = Instant::now();
        ended + ((ended - began) * SHARE).min(PUT_OFF_AT_MOST)
    }

    fn act(&mut self, input: &Input) {
        let snapshot = &input.snapshot;
        if let Some(flows) = &mut self.flows {
            flows.follow(flows::owners(&snapshot.view.services), Instant::now());
        }
        let may = self.memory.judge(&snapshot.view);
        self.history.know(&may);
        let odd = Odd {
            moves: self.moves(snapshot, &may),
            fresh: self.fresh.follow(&may, &snapshot.shown, &input.reports),
        };
        let interfaces = interfaces::read(&input.links, &snapshot.exclude);
        let here = Here {
            node: &self.node,
            interfaces: &interfaces,
        };
        let told = self.membership.tell(&snapshot.view, &may, &odd, here);
        let sessions = self.sessions(input);
        let routes = self.route(input, &sessions);
        let verdicts = Verdicts::of(&Evidence {
            node: &self.node,
            view: &snapshot.view,
            may: &may,
            told: &told,
            reports: &input.reports,
            dataplane: &input.dataplane,
            statuses: &snapshot.statuses,
            has_key: input.has_key,
            routes: &routes,
            sessions: &sessions,
        });
        let problems = self.problems(input, &routes);
        events::log(&mut self.said.logged, &verdicts, &self.history);
        self.metrics.show(&verdicts, problems.len());
        if may.all_excluded && !self.said.all_excluded {
            tracing::warn!("every node carries the label {EXCLUDE_NODE}, so it is ignored");
        }
        self.said.all_excluded = may.all_excluded;
        for notice in self.said.problems.notices(&problems, &verdicts, Instant::now()) {
            self.actor.tell(notice);
        }
        let links = interfaces::told(&interfaces, &input.links);
        self.show_configuration(&problems, links, input.routed.then(|| input.up.clone()));
        if input.listed {
            self.report(snapshot, &verdicts);
        }
        if let Some(statuses) = self.keeping.bgp_statuses.as_ref().filter(|_| input.routed) {
            send_if_other(statuses, Some(bgp_status::wanted(&verdicts, self.pod.as_ref())));
        }
        self.state(snapshot, &verdicts);
    }

    /// Nothing is told before all is listed: a router drops what is not told again.
    fn route(&mut self, input: &Input, sessions: &SessionsByNode) -> Arc<Routes> {
        if !input.routed {
            return Arc::default();
        }
        let Snapshot { view, policy, .. } = &input.snapshot;
        let routes = self.routing.decide(&self.node, view, policy);
        self.routing
            .tell(&self.node, sessions, &input.passwords, Instant::now());
        routes
    }

    /// What others say of their sessions, and what is known of our own.
    fn sessions(&self, input: &Input) -> SessionsByNode {
        let mut sessions = (*input.snapshot.sessions).clone();
        if input.routed {
            sessions.insert(self.node.clone(), input.up.clone());
        }
        sessions
    }

    fn problems(&self, input: &Input, routes: &Routes) -> Vec<Problem> {
        let snapshot = &input.snapshot;
        let mut problems = snapshot.problems.clone();
        problems.extend(Reader::conflicts(&self.stores, &routes.conflicts));
        problems.extend(self.routing.problems(&snapshot.peers, &input.doubts));
        problems
    }

    /// `BGPSessionState`, which changes more often than there is anything to decide.
    fn tell_of_sessions(&mut self, now: Instant) {
        let (Some(sessions), true) = (&self.keeping.sessions, self.routed.missing().is_empty()) else {
            return;
        };
        let states = self.routing.states(&self.node);
        let nodes = self
            .input
            .as_ref()
            .map_or(1, |input| input.snapshot.view.nodes.len());
        let in_cluster = nodes * states.len();
        self.said.sessions.follow(states, in_cluster, now);
        let wanted = self.said.sessions.objects(&self.node, self.pod.as_ref());
        send_if_other(sessions, Some(wanted));
    }

    /// An event of something that happened to a session.
    pub(super) fn tell_of_peer(&self, news: &peers::News) {
        let peers = self.input.as_ref().map(|input| &input.snapshot.peers);
        if let Some(notice) = peers.and_then(|peers| notice(news, &self.node, peers)) {
            self.actor.tell(notice);
        }
    }

    /// What `ferrolb rebalance` asks of this node. A group goes as a whole.
    fn moves(&self, snapshot: &Snapshot, may: &May) -> Arc<BTreeMap<IpAddr, NodeId>> {
        let own = |status: &&Arc<Seen>| status.rest.node.as_ref() == Some(&self.node);
        let asked = snapshot.statuses.iter().filter(own).filter_map(|status| {
            let node = NodeId::of(status.rest.move_to.as_ref()?);
            let service = snapshot.view.services.get(status.service.as_ref()?)?;
            Some((service.view.ingress, node))
        });
        let mut moves = BTreeMap::new();
        for (addresses, node) in asked {
            let judged = addresses
                .iter()
                .filter_map(|address| may.by_address.get(&address));
            let groups = judged.filter_map(|judged| Some(&judged.eligible.as_ref().ok()?.group.addresses));
            moves.extend(groups.flat_map(|group| group.iter().map(|address| (*address, node))));
        }
        Arc::new(moves)
    }

    /// `ConfigurationState`.
    fn show_configuration(&mut self, problems: &[Problem], links: NodeLinks, sessions: Option<Sessions>) {
        let report = ConfigurationReport {
            component: Component::Speaker(self.node.clone()),
            pod: self.pod.clone().map(|pod| (pod.name, pod.uid)),
            faults: problems.iter().map(ToString::to_string).collect(),
            links: Some(links),
            sessions,
        };
        send_if_other(&self.keeping.configuration, Some(report.by_name()));
    }

    /// Events and `ServiceL2Status`.
    fn report(&mut self, snapshot: &Snapshot, verdicts: &Verdicts) {
        let told = self
            .said
            .told
            .get_or_insert_with(|| Told::before(l2_status::services_of(&snapshot.statuses, &self.node)));
        for notice in told.notices(verdicts, &snapshot.shown, &self.history, Instant::now()) {
            self.actor.tell(notice);
        }
        let wanted = l2_status::wanted(verdicts, &self.node, self.pod.as_ref());
        let service = |key: &_| snapshot.view.services.get(key);
        let announces =
            |key: &_, node: &_| service(key).is_some_and(|one| verdicts.announces(key, &one.view, node));
        let succeeded =
            |key: &_, node: &_| service(key).is_none_or(|one| verdicts.have_moved_from(&one.view, node));
        let changes = l2_status::changes(&wanted, &snapshot.statuses, &self.node, announces);
        let changes = self
            .said
            .due
            .allowed(changes, &wanted, &snapshot.statuses, succeeded);
        let due = self.said.due.take(changes, Instant::now());
        let moves = LazyCell::new(|| self.history.moves_here());
        for (name, change) in due {
            let moved = match &change {
                Change::Apply(wanted) => moves.get(&wanted.service.to_string()).cloned(),
                Change::Delete { .. } | Change::Retire { .. } => None,
            };
            self.actor.change(name, change, moved);
        }
    }

    /// Conditions of Services.
    fn state(&mut self, snapshot: &Snapshot, verdicts: &Verdicts) {
        let now = Instant::now();
        self.said.settling.follow(&verdicts.rivals, now);
        let settling = &self.said.settling;
        let known = Known {
            verdicts,
            is_settled: &|service| settling.is_settled(service, now),
        };
        let contested = &mut self.said.contested;
        for notice in contested.notices(verdicts, &snapshot.shown, known.is_settled) {
            self.actor.tell(notice);
        }
        let writes = condition::writes(&known, &snapshot.shown, Timestamp::now());
        let asked_for: BTreeSet<String> = writes.iter().map(|one| one.service.to_string()).collect();
        self.said.stated.prune(|service| asked_for.contains(service));
        for write in writes {
            let service = write.service.to_string();
            if self.said.stated.send(&service, &write.statement, now) {
                self.actor.state(write);
            }
        }
    }

    pub(super) fn ended(&mut self, done: &Done) {
        let (landed, now, jitter) = (done.landed, Instant::now(), Jitter::random());
        match &done.target {
            Target::Status(name) => self.said.due.ended(name, landed, now, jitter),
            Target::Condition(service) => self.said.stated.ended(service, landed, now, jitter),
        }
    }
}
