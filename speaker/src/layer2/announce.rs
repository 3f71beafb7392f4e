//! Announces what is held: one task per interface takes part in the speakers' protocol, answers for what it holds there,
//! and tells everybody unasked.
//!
//! ```text
//! links ──┐                ┌─▶ port eth0: socket, filter, groups, bursts, station ─▶ wire
//!         ├─▶ supervisor ──┤
//! views ──┘                └─▶ port eth1: …                                       ─▶ Reports, News
//! ```
//! The supervisor only decides which interfaces need a port: each port follows the view of its segment by itself, and what
//! it holds is its own. A port that fails is opened again, and then holds nothing until it claims it.

mod groups;
mod holders;
mod metrics;
mod port;
mod protocol;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_crds::domain::InterfaceName;
use ferrolb_rawlink::SocketError;
use ferrolb_rawlink::links::{Link, LinkTable};
use ferrolb_runtime::alive::Liveness;
use ferrolb_runtime::idle::at;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

pub use holders::Holders;
pub use metrics::LayerTwoMetrics;
pub use protocol::{Departure, Look, Protocol, ProtocolMetrics, Reports, SegmentReport, Survey, Views};

use crate::layer2::burst::Pace;
use crate::layer2::respond;
use crate::layer2::wire::Mac;
use crate::thread::on_own_thread;
use port::PortTask;

/// How long after a failure an interface is tried again if nothing else happens.
const RETRY: Duration = Duration::from_secs(1);

/// Something that the wire tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    /// Another station says that it has an address that we hold.
    ForeignClaim {
        /// The address.
        address: IpAddr,
        /// The other station.
        mac: Mac,
        /// Where it was heard.
        interface: InterfaceName,
    },
    /// Announcing on an interface does not work, or not fully; the text says why.
    Trouble {
        /// The interface.
        interface: InterfaceName,
        /// What does not work.
        message: String,
    },
}

/// What an announcer is made of.
#[derive(Clone)]
pub struct Announcer {
    /// The interfaces of this machine.
    pub links: watch::Receiver<LinkTable>,
    /// How often to tell unasked.
    pub pace: Pace,
    /// What is counted.
    pub metrics: LayerTwoMetrics,
    /// What the wire tells; when nobody listens fast enough, news is dropped and counted.
    pub news: mpsc::Sender<News>,
    /// Where each port shows that its loop goes on.
    pub liveness: Liveness,
    /// How the ports agree with those of other nodes on what each holds.
    pub protocol: Protocol,
}

/// An interface as a port needs it: any difference means another port.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Wanted {
    index: u32,
    mac: Mac,
}

impl Announcer {
    /// Runs on a thread of its own, whose only work is the wire: what the API server costs delays no answer. What is
    /// returned closes when the thread ends, however it does.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(self) -> std::io::Result<oneshot::Receiver<()>> {
        on_own_thread("wire", move || self.run())
    }

    /// Runs until the sender of the views is dropped.
    pub async fn run(mut self) {
        let mut ports = Ports::default();
        loop {
            ports.adjust(&self, Instant::now());
            let retry = ports.next_retry();
            tokio::select! {
                changed = self.protocol.views.changed() => if changed.is_err() { return },
                changed = self.links.changed() => if changed.is_err() { return },
                () = ports.any_ended() => {}
                () = at(retry) => {}
            }
        }
    }

    /// The interfaces on which something may be held, as far as they can send.
    fn wanted(&self) -> BTreeMap<InterfaceName, Wanted> {
        let views = self.protocol.views.borrow();
        let links = self.links.borrow();
        let port = |link: &Link| {
            let name = InterfaceName::from(link.name.as_str());
            let mac = Mac(link.mac.filter(|_| link.up)?);
            let wanted = Wanted {
                index: link.index,
                mac,
            };
            views.contains_key(&name).then_some((name, wanted))
        };
        links.values().filter_map(port).collect()
    }

    fn tell(&self, news: News) {
        if self.news.try_send(news).is_err() {
            self.metrics.news_dropped();
        }
    }

    fn tell_trouble(&self, interface: &InterfaceName, message: String) {
        self.tell(News::Trouble {
            interface: interface.clone(),
            message,
        });
    }
}

/// The ports that are open.
#[derive(Default)]
struct Ports {
    tasks: JoinSet<()>,
    open: BTreeMap<InterfaceName, (Wanted, tokio::task::AbortHandle)>,
    /// Interfaces that failed, and until when they are left alone unless they change.
    resting: BTreeMap<InterfaceName, (Wanted, Instant)>,
}

impl Ports {
    /// Opens and closes ports so that exactly the wanted ones are open, but for those that just failed.
    fn adjust(&mut self, announcer: &Announcer, now: Instant) {
        let wanted = announcer.wanted();
        self.resting
            .retain(|name, (is, until)| wanted.get(name) == Some(is) && *until > now);
        self.open.retain(|name, (is, task)| {
            let stays = wanted.get(name) == Some(is);
            if !stays {
                task.abort();
            }
            stays
        });
        for (name, wanted) in wanted {
            if !self.open.contains_key(&name) && !self.resting.contains_key(&name) {
                let task = self
                    .tasks
                    .spawn(open(announcer.clone(), name.clone(), wanted.clone()));
                self.open.insert(name, (wanted, task));
            }
        }
    }

    /// Returns when a port that should be open has ended.
    async fn any_ended(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            let id = match &ended {
                Ok((id, ())) => *id,
                Err(error) => error.id(),
            };
            if self.rest(id, Instant::now() + RETRY) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// Whether this task was that of an open port, and no longer is.
    fn rest(&mut self, id: Id, until: Instant) -> bool {
        let ended = self.open.extract_if(.., |_, (_, task)| task.id() == id).next();
        let Some((name, (wanted, _))) = ended else {
            return false;
        };
        self.resting.insert(name, (wanted, until));
        true
    }

    fn next_retry(&self) -> Option<Instant> {
        self.resting.values().map(|(_, until)| *until).min()
    }
}

/// Opens a port and serves it until it fails.
async fn open(announcer: Announcer, interface: InterfaceName, wanted: Wanted) {
    let port = respond::Port {
        interface: interface.clone(),
        mac: wanted.mac,
        siblings: BTreeSet::new(),
    };
    let failure = match PortTask::open(announcer.clone(), port, wanted.index) {
        Ok(task) => task.serve().await,
        Err(error) => error,
    };
    announcer.tell_trouble(&interface, why(&failure));
}

/// What failed, and what the kernel said.
fn why(error: &SocketError) -> String {
    format!("{error}: {}", error.source)
}
