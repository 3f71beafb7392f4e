//! BGP sessions with routers: one task per peer dials it, and tells it the routes that this node wants to tell.
//!
//! ```text
//! Orders ──▶ supervisor ──┬──▶ task tor-a: session of `ferrolb_peering`, TCP ─▶ router
//! (newest                 └──▶ task tor-b: …                                  ─▶ router
//!  wins)        Reports, News ◀── from each
//! ```
//! All run on a thread of their own, so that nothing that the API server costs delays a keepalive or a withdrawal. Nothing
//! listens: the speaker dials.

mod connection;
mod metrics;
mod spec;
mod task;
mod unnumbered;

use std::collections::BTreeMap;
use std::net::SocketAddrV6;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::PeerName;
pub use ferrolb_peering::bgp::PeerSpec;
use ferrolb_peering::bgp::{ExportTable, Negotiated, State, Stop};
use ferrolb_rawlink::links::LinkTable;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::bfd;
use crate::thread::on_own_thread;
pub use metrics::PeerMetrics;
pub use spec::{NoPassword, Passwords, Turn, spec, turn};
use task::PeerTask;

/// How long a session may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// What the sessions are to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Orders {
    /// The peers to hold sessions with; sessions with others end.
    pub peers: BTreeMap<PeerName, Arc<WantedPeer>>,
    /// Set once: all sessions end in this way.
    pub stop: Option<Stop>,
}

/// A peer and what it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedPeer {
    /// Who it is.
    pub spec: PeerSpec,
    /// BFD watches it.
    pub watched: bool,
    /// The routes.
    pub routes: ExportTable,
}

/// What each session is at.
pub type Reports = BTreeMap<PeerName, PeerReport>;

/// What a session is at, as far as the rest of the speaker asks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PeerReport {
    /// The session is up.
    pub established: bool,
    /// The state.
    pub state: State,
    /// Since when the session is up, or since when it is not.
    pub since: Timestamp,
    /// Why the last session or attempt ended, in words.
    pub last: Option<String>,
    /// What both ends agreed on, while the session is up.
    pub agreed: Option<Box<Negotiated>>,
    /// Prefixes that the peer has, by [`Family`](ferrolb_peering::Family) in its order.
    pub sent: [usize; 2],
    /// Prefixes that the peer has told since the session's object was made.
    pub received: u64,
    /// Where the router behind the peer's interface was found.
    pub router: Option<SocketAddrV6>,
    /// What somebody has to change before there can be a session, in words.
    pub problem: Option<String>,
}

/// Something that happened to a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct News {
    /// The peer.
    pub peer: PeerName,
    /// What happened.
    pub what: Happened,
}

/// What happened to a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Happened {
    /// It is up; with these words about the peer.
    Up(String),
    /// It is not up any more, and why.
    Down(String),
    /// The BFD session that watches the peer is up; with these words about its times.
    BfdUp(String),
    /// It is not up any more, and why.
    BfdDown(String),
}

/// What the thread needs.
pub struct Sessions {
    /// What is to be done.
    pub orders: watch::Receiver<Orders>,
    /// The interfaces of this node, for next hops.
    pub links: watch::Receiver<LinkTable>,
    /// What BFD says of peers.
    pub bfd: watch::Receiver<bfd::Reports>,
    /// What the sessions are at.
    pub reports: watch::Sender<Reports>,
    /// What happened to them; dropped while nobody listens fast enough.
    pub news: mpsc::Sender<News>,
    /// What is counted.
    pub metrics: PeerMetrics,
}

impl Sessions {
    /// Runs on a thread of its own until the sender of the orders is dropped; sessions that were told to stop end first. What
    /// is returned closes when the thread ends, however it does.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(self) -> std::io::Result<oneshot::Receiver<()>> {
        on_own_thread("bgp", move || self.run())
    }

    /// As [`Self::start`], on this thread.
    pub async fn run(mut self) {
        let mut tasks = Tasks::default();
        loop {
            let orders = self.orders.borrow_and_update().clone();
            tasks.adjust(&self, &orders);
            if orders.stop.is_some() {
                // Whoever says nothing back is not waited for.
                let _late = timeout(GOODBYE, tasks.all_ended()).await;
                while self.orders.changed().await.is_ok() {}
                return;
            }
            tokio::select! {
                changed = self.orders.changed() => if changed.is_err() { return },
                () = tasks.any_ended() => {}
            }
        }
    }
}

/// What one session is to do.
#[derive(Clone, Debug)]
enum Order {
    /// Hold it.
    Hold(Arc<WantedPeer>),
    /// End it.
    End(Stop),
}

/// The tasks that are under way.
#[derive(Default)]
struct Tasks {
    running: JoinSet<()>,
    by_peer: BTreeMap<PeerName, watch::Sender<Order>>,
}

impl Tasks {
    fn adjust(&mut self, sessions: &Sessions, orders: &Orders) {
        let stop = |name: &PeerName| match (&orders.stop, orders.peers.contains_key(name)) {
            (Some(stop), _) => Some(stop.clone()),
            (None, false) => Some(Stop::Final("peer removed from the configuration".to_owned())),
            (None, true) => None,
        };
        let gone = self.by_peer.extract_if(.., |name, _| stop(name).is_some());
        let gone: Vec<(PeerName, watch::Sender<Order>)> = gone.collect();
        for (name, task) in gone {
            if let Some(stop) = stop(&name) {
                let _ended = task.send(Order::End(stop));
            }
            sessions
                .reports
                .send_if_modified(|reports| reports.remove(&name).is_some());
        }
        if orders.stop.is_some() {
            return;
        }
        for (name, wanted) in &orders.peers {
            match self.by_peer.get(name) {
                Some(task) if !task.is_closed() => {
                    task.send_if_modified(|order| match order {
                        Order::Hold(known) if Arc::ptr_eq(known, wanted) => false,
                        order => {
                            *order = Order::Hold(wanted.clone());
                            true
                        }
                    });
                }
                _ => {
                    let task = self.open(sessions, name, wanted);
                    self.by_peer.insert(name.clone(), task);
                }
            }
        }
    }

    fn open(
        &mut self,
        sessions: &Sessions,
        name: &PeerName,
        wanted: &Arc<WantedPeer>,
    ) -> watch::Sender<Order> {
        let (order, orders) = watch::channel(Order::Hold(wanted.clone()));
        let task = PeerTask::new(sessions, name.clone(), wanted, orders, Instant::now());
        self.running.spawn(task.run());
        order
    }

    /// Returns when a task has ended that should not have.
    async fn any_ended(&mut self) {
        while self.running.join_next().await.is_some() {
            if self.by_peer.values().any(watch::Sender::is_closed) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    async fn all_ended(&mut self) {
        while self.running.join_next().await.is_some() {}
    }
}
