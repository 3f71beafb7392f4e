//! The part of a pass that BGP is: from what is seen to what the sessions are to do.

mod arriving;
mod leaving;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::api::BGPSessionStateStatus;
use ferrolb_crds::domain::{BgpPeer, NodeName, Password, PeerName, Sessions};
use ferrolb_peering::bgp::{ExportTable, PeerSpec, Stop};
use ferrolb_runtime::events::Notice;
use ferrolb_runtime::newest::send_if_other;
use ferrolb_runtime::reflect::Problem;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::EventType;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::bfd::{self, Line, Reach};
use crate::may::View;
use crate::peers::{Happened, News, Orders, Passwords, PeerReport, Reports, WantedPeer, spec};
use crate::routes::{Policy, Routes, SessionsByNode, Table, given_up, routes};
use crate::see::passwords::PasswordReader;
use crate::tell::sessions;
use arriving::Arriving;
use leaving::Leaving;

/// The loop's end of the sessions.
pub(crate) struct Routing {
    orders: watch::Sender<Orders>,
    reports: watch::Receiver<Reports>,
    bfd_orders: watch::Sender<bfd::Orders>,
    bfd_reports: watch::Receiver<bfd::Reports>,
    passwords: PasswordReader,
    /// What was decided last, and from what.
    last: Option<Last>,
    arriving: Arriving,
    leaving: Leaving,
    /// When the next route is told or withdrawn.
    next: Option<Instant>,
    tables: BTreeMap<PeerName, (Table, ExportTable)>,
    refused: BTreeMap<PeerName, String>,
}

#[derive(Clone)]
struct Last {
    view: View,
    policy: Policy,
    routes: Arc<Routes>,
}

impl Routing {
    pub(crate) fn new(
        (orders, reports): (watch::Sender<Orders>, watch::Receiver<Reports>),
        (bfd_orders, bfd_reports): (watch::Sender<bfd::Orders>, watch::Receiver<bfd::Reports>),
        passwords: PasswordReader,
    ) -> Self {
        Self {
            orders,
            reports,
            bfd_orders,
            bfd_reports,
            passwords,
            last: None,
            arriving: Arriving::default(),
            leaving: Leaving::default(),
            next: None,
            tables: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// Returns when the sessions say something else.
    pub(crate) async fn changed(&mut self) {
        let ended = tokio::select! {
            changed = self.reports.changed() => changed.is_err(),
            changed = self.bfd_reports.changed() => changed.is_err(),
        };
        if ended {
            std::future::pending::<()>().await;
        }
    }

    /// The passwords as they were found.
    pub(crate) fn passwords(&self) -> Passwords {
        self.passwords.found()
    }

    /// The sessions of this node that are up.
    pub(crate) fn up(&mut self) -> Sessions {
        let reports = self.reports.borrow_and_update();
        let up = reports.iter().filter(|(_, report)| report.established);
        up.map(|(name, _)| name.clone()).collect()
    }

    /// What is wrong with the sessions of this node, and with those of BFD.
    pub(crate) fn doubts(&mut self) -> Vec<(PeerName, String)> {
        let of_bfd = self.bfd_reports.borrow_and_update();
        let doubt = |report: &bfd::Report| Some((report.name.clone(), report.doubt.clone()?));
        let of_bfd = of_bfd.values().filter_map(doubt);
        let reports = self.reports.borrow();
        let problem = |(name, report): (&PeerName, &PeerReport)| {
            Some((
                name.clone(),
                format!("spec.interface: {}", report.problem.as_ref()?),
            ))
        };
        of_bfd.chain(reports.iter().filter_map(problem)).collect()
    }

    /// Decides what this node tells. The same routes are the same memory as before, which costs sessions nothing.
    pub(crate) fn decide(&mut self, node: &NodeName, view: &View, policy: &Policy) -> Arc<Routes> {
        let routes = match &self.last {
            Some(last) if last.view.is(view) && last.policy.is(policy) => last.routes.clone(),
            _ => Arc::new(routes(view, policy, node)),
        };
        self.last = Some(Last {
            view: view.clone(),
            policy: policy.clone(),
            routes: routes.clone(),
        });
        routes
    }

    /// What the sessions of this node are at, also those that there cannot be.
    pub(crate) fn states(&self, node: &NodeName) -> BTreeMap<PeerName, BGPSessionStateStatus> {
        let Some(Last { policy, routes, .. }) = &self.last else {
            return BTreeMap::new();
        };
        let (orders, reports) = (self.orders.borrow(), self.reports.borrow());
        let of_bfd = self.bfd_reports.borrow();
        let state = |name: &PeerName| {
            let wanted = orders.peers.get(name);
            let watched = wanted.filter(|wanted| wanted.watched);
            let report = reports.get(name);
            let watch = |wanted: &Arc<WantedPeer>| of_bfd.get(&line_of(&wanted.spec, report)?);
            let known = sessions::Known {
                peer: policy.peers.get(name)?,
                refused: self.refused.get(name),
                report,
                bfd: watched.map(watch),
            };
            Some((name.clone(), sessions::status(node, &known)))
        };
        routes.tables.keys().filter_map(state).collect()
    }

    /// Lets the sessions know what was decided, but for what this node is to give up by now.
    pub(crate) fn tell(
        &mut self,
        node: &NodeName,
        sessions: &SessionsByNode,
        passwords: &Passwords,
        now: Instant,
    ) {
        let Some(Last {
            view, policy, routes, ..
        }) = self.last.clone()
        else {
            return;
        };
        self.passwords.want(secrets(&policy));
        self.leaving.follow(given_up(&routes, sessions, &view, node), now);
        self.arriving.follow(&routes, node, now);
        self.next = self
            .leaving
            .next(now)
            .into_iter()
            .chain(self.arriving.next(now))
            .min();
        self.order(node, (&view, &policy, &routes, sessions), passwords, now);
    }

    /// When there is something to tell although nothing changed.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    fn order(
        &mut self,
        name: &NodeName,
        (view, policy, routes, sessions): (&View, &Policy, &Routes, &SessionsByNode),
        passwords: &Passwords,
        now: Instant,
    ) {
        let Some(node) = view.nodes.get(name) else {
            return;
        };
        self.tables.retain(|peer, _| routes.tables.contains_key(peer));
        self.refused.clear();
        let before = self.orders.borrow().peers.clone();
        let mut peers = BTreeMap::new();
        let mut watches = bfd::Orders::new();
        for (peer, table) in &routes.tables {
            let Some(of_peer) = policy.peers.get(peer) else {
                continue;
            };
            let spec = match spec(of_peer, name, node, passwords) {
                Ok(spec) => spec,
                Err(why) => {
                    // One that was not read yet will be in a moment.
                    if passwords.contains_key(&why.secret) {
                        self.refused.insert(peer.clone(), why.to_string());
                    }
                    continue;
                }
            };
            let watch = watch_of(of_peer, policy);
            let watched = watch.is_some();
            let line = line_of(&spec, self.reports.borrow().get(peer));
            if let Some((line, wanted)) = line.zip(watch) {
                // The first of two peers at one address counts.
                watches.entry(line).or_insert(wanted);
            }
            let already = self.tables.get(peer).map(|(told, _)| told);
            let told = self.leaving.table(peer, table, now);
            let told = self
                .arriving
                .table(peer, told, already, (routes, sessions, view), now);
            let wanted = WantedPeer {
                spec,
                watched,
                routes: self.exported(peer, &told),
            };
            let known = before.get(peer).filter(|known| ***known == wanted);
            peers.insert(peer.clone(), known.cloned().unwrap_or_else(|| Arc::new(wanted)));
        }
        send_if_other(&self.bfd_orders, watches);
        self.orders.send_if_modified(|orders| {
            let differs = orders.peers != peers;
            orders.peers = peers;
            differs
        });
    }

    fn exported(&mut self, peer: &PeerName, table: &Table) -> ExportTable {
        match self.tables.get(peer) {
            Some((known, exported)) if known == table => exported.clone(),
            _ => {
                let shared = table
                    .iter()
                    .map(|(prefix, attributes)| (*prefix, Arc::new(attributes.clone())));
                let exported: ExportTable = Arc::new(shared.collect());
                self.tables
                    .insert(peer.clone(), (table.clone(), exported.clone()));
                exported
            }
        }
    }

    /// Peers that there can be no session with, or that nothing watches, and why.
    pub(crate) fn problems(
        &self,
        references: &BTreeMap<PeerName, ObjectReference>,
        doubts: &[(PeerName, String)],
    ) -> Vec<Problem> {
        let problem = |(peer, why): (&PeerName, &String)| {
            Some(Problem {
                object: references.get(peer)?.clone(),
                message: why.clone(),
            })
        };
        self.refused
            .iter()
            .chain(doubts.iter().map(|(peer, why)| (peer, why)))
            .filter_map(problem)
            .collect()
    }

    /// Ends all sessions. For good, if the node is on its way out: routers are to use others at once. Else this process will be
    /// back, and a router that can keeps the routes.
    pub(crate) fn leave(&self, node: &NodeName) {
        let of_node = self.last.as_ref().and_then(|last| last.view.nodes.get(node));
        let stop = match of_node.is_some_and(|node| node.soft.is_some()) {
            true => Stop::Final("node shutting down".to_owned()),
            false => Stop::Restart,
        };
        self.orders.send_modify(|orders| orders.stop = Some(stop));
    }
}

/// The BFD session that watches a peer, if it names a profile that there is.
fn watch_of(peer: &BgpPeer, policy: &Policy) -> Option<bfd::Wanted> {
    let profile = policy.profiles.get(peer.bfd.as_ref()?)?.clone();
    let reach = match (peer.remote_as.is_internal(peer.local_as), peer.multihop) {
        (true, _) => Reach::Either,
        (false, true) => Reach::Anywhere,
        (false, false) => Reach::Segment,
    };
    Some(bfd::Wanted {
        name: peer.name.clone(),
        profile,
        reach,
    })
}

/// The line to a peer, as far as is known where its router is.
fn line_of(spec: &PeerSpec, report: Option<&PeerReport>) -> Option<Line> {
    Line::of(&spec.endpoint, report.and_then(|report| report.router))
}

/// The Secrets that peers name.
fn secrets(policy: &Policy) -> BTreeSet<String> {
    let named = policy.peers.values().filter_map(|peer| match &peer.password {
        Password::Secret(name) => Some(name.clone()),
        Password::None | Password::Plain(_) => None,
    });
    named.collect()
}

/// What happened to a session, as an event of its peer.
pub(crate) fn notice(
    news: &News,
    node: &NodeName,
    references: &BTreeMap<PeerName, ObjectReference>,
) -> Option<Notice> {
    let (severity, reason, note) = match &news.what {
        Happened::Up(who) => (
            EventType::Normal,
            "SessionUp",
            format!("BGP session of node \"{node}\" is up: {who}"),
        ),
        Happened::Down(why) => (
            EventType::Warning,
            "SessionDown",
            format!("BGP session of node \"{node}\" is down: {why}"),
        ),
        Happened::BfdUp(asked) => (
            EventType::Normal,
            "BFDSessionUp",
            format!("BFD session of node \"{node}\" is up: {asked}"),
        ),
        Happened::BfdDown(why) => (
            EventType::Warning,
            "BFDSessionDown",
            format!("BFD session of node \"{node}\" is down: {why}"),
        ),
    };
    Some(Notice {
        regarding: references.get(&news.peer)?.clone(),
        severity,
        reason: reason.to_owned(),
        note,
    })
}
