//! Follows the cluster while somebody looks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ferrolb_crds::api::core::{Node, Service};
use ferrolb_crds::api::{
    BGPSessionState, ConfigurationState, IPAddressPool, ServiceBGPStatus, ServiceL2Status,
};
use ferrolb_crds::domain::{Component, NodeName, ServiceClass, ServiceKey};
use ferrolb_crds::names::{MOVE_CAUSE, MOVE_TOOK_MS};
use ferrolb_runtime::dirty;
use ferrolb_runtime::ready::Readiness;
use ferrolb_runtime::reflect::{Entry, Reflection, Reports, Watch, WatchMetrics};
use kube::{Client, ResourceExt};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, timeout};

use super::bgp::{self, Tellers};
use super::board::{Board, Elements, Place, Section};
use super::moves::{self, Holding, Holdings};
use super::rows::{self, Row, Shown};

/// How long the watches outlive the last viewer.
const AFTERWARDS: Duration = Duration::from_secs(60);
/// The shortest time between two versions.
const BETWEEN: Duration = Duration::from_millis(500);
/// The longest wait for the first one, for the viewer who comes first.
const FIRST: Duration = Duration::from_secs(5);

/// What the page is made of.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) client: Client,
    /// Our own.
    pub(crate) namespace: String,
    /// Whose Services are shown.
    pub(crate) class: Option<String>,
    /// Counts what the watches of the page see.
    pub(crate) metrics: WatchMetrics,
    pub(crate) services: Reflection<Service>,
    pub(crate) pools: Reflection<IPAddressPool>,
    pub(crate) nodes: Reflection<Node>,
}

/// The board of now; none before there is one.
pub(super) type Boards = watch::Receiver<Option<Arc<Board>>>;

/// Those who look now.
#[derive(Clone, Default)]
pub(super) struct Audience(Arc<Mutex<Option<Boards>>>);

impl Audience {
    /// The board, which is followed while a receiver is there and for a while after; none if there was nothing to see in time.
    pub(super) async fn look(&self, sources: &Sources) -> Option<Boards> {
        let mut boards = {
            let mut running = self.0.lock().await;
            match running.as_ref().filter(|boards| boards.has_changed().is_ok()) {
                Some(boards) => boards.clone(),
                None => {
                    let (shown, boards) = watch::channel(None);
                    tokio::spawn(Follower::new(sources).run(shown));
                    running.insert(boards).clone()
                }
            }
        };
        let first = timeout(FIRST, boards.wait_for(Option::is_some)).await;
        let seen = first.is_ok_and(|seen| seen.is_ok());
        seen.then_some(boards)
    }
}

/// What it follows, and the rows that it made.
struct Follower {
    services: Reflection<Service>,
    pools: Reflection<IPAddressPool>,
    nodes: Reflection<Node>,
    statuses: Reflection<ServiceL2Status>,
    bgp_statuses: Reflection<ServiceBGPStatus>,
    sessions: Reflection<BGPSessionState>,
    states: Reflection<ConfigurationState>,
    /// Ready once all watches of its own are listed.
    listed: Readiness,
    wakes: dirty::Wakes,
    class: Option<String>,
    made: BTreeMap<ServiceKey, Made>,
}

/// A row, and what it was made of.
struct Made {
    object: Arc<Service>,
    holdings: Vec<Holding>,
    /// How many nodes tell of it by BGP.
    tellers: usize,
    shown: Shown,
}

impl Follower {
    fn new(sources: &Sources) -> Self {
        let (marks, wakes) = dirty::channel();
        let listed = Readiness::default();
        let reports = Reports {
            dirty: marks,
            readiness: listed.clone(),
            metrics: sources.metrics.clone(),
        };
        let client = || sources.client.clone();
        Self {
            services: sources.services.clone(),
            pools: sources.pools.clone(),
            nodes: sources.nodes.clone(),
            statuses: Watch::namespace(client(), &sources.namespace).start(&reports),
            bgp_statuses: Watch::namespace(client(), &sources.namespace).start(&reports),
            sessions: Watch::namespace(client(), &sources.namespace).start(&reports),
            states: Watch::namespace(client(), &sources.namespace).start(&reports),
            listed,
            wakes,
            class: sources.class.clone(),
            made: BTreeMap::new(),
        }
    }

    /// Until nobody has looked for a while.
    async fn run(mut self, shown: watch::Sender<Option<Arc<Board>>>) {
        // Without them the page shows the rest; the watches say themselves what is wrong.
        let _listed = timeout(FIRST / 2, self.listed.all_ready()).await;
        let mut board = Arc::new(Board::new(boot(), self.elements()));
        shown.send_replace(Some(board.clone()));
        let mut looked = Instant::now();
        loop {
            tokio::select! {
                () = self.wakes.wait() => {}
                () = self.services.changed() => {}
                () = self.pools.changed() => {}
                () = self.nodes.changed() => {}
                () = sleep(AFTERWARDS / 4) => {}
            }
            // One is the audience's own.
            if shown.receiver_count() > 1 {
                looked = Instant::now();
            } else if looked.elapsed() > AFTERWARDS {
                return;
            }
            if let Some(next) = board.with(self.elements()) {
                board = Arc::new(next);
                shown.send_replace(Some(board.clone()));
            }
            sleep(BETWEEN).await;
        }
    }

    fn elements(&mut self) -> Elements {
        let (holdings, tellers) = (self.holdings(), self.tellers());
        self.make(&holdings, &tellers);
        // There are many and few of them change, so they are put into the map at once.
        let services = self.made.values().map(|made| made.shown.row.clone());
        let mut elements: Elements = services.map(|row| element(Section::Services, row)).collect();
        let mut add = |section, row| elements.extend([element(section, row)]);
        for problem in self.made.values().filter_map(|made| made.shown.problem.clone()) {
            add(Section::Problems, problem);
        }
        for (service, holding) in moves::last(&holdings) {
            add(Section::Moves, rows::holding(service, holding));
        }
        for pool in self.pools.snapshot().values().filter_map(Entry::object) {
            add(Section::Pools, rows::pool(pool));
        }
        let states = self.states.snapshot();
        let states: BTreeMap<&str, &ConfigurationState> = states
            .iter()
            .filter_map(|(key, entry)| Some((&*key.name, &**entry.object()?)))
            .collect();
        if let Some(problem) = states.get("controller").and_then(|state| rows::controller(state)) {
            add(Section::Problems, problem);
        }
        let mut counts: BTreeMap<&NodeName, usize> = BTreeMap::new();
        let holding = holdings.values().flatten().map(|holding| &holding.node);
        for node in holding.chain(tellers.values().flatten()) {
            *counts.entry(node).or_default() += 1;
        }
        for key in self.nodes.snapshot().keys() {
            let name = NodeName::from(&*key.name);
            let speaker = states
                .get(&*Component::Speaker(name.clone()).object_name())
                .copied();
            let services = counts.get(&name).copied().unwrap_or_default();
            let shown = rows::node(&name, speaker, services);
            add(Section::Nodes, shown.row);
            if let Some(problem) = shown.problem {
                add(Section::Problems, problem);
            }
        }
        let sessions = self.sessions.snapshot();
        let sessions = sessions
            .values()
            .filter_map(|entry| entry.object()?.status.as_ref());
        for status in sessions.filter(|status| status.is_of_a_speaker()) {
            let shown = bgp::session(status);
            add(Section::Sessions, shown.row);
            if let Some(problem) = shown.problem {
                add(Section::Problems, problem);
            }
        }
        elements
    }

    fn tellers(&self) -> Tellers {
        let mut tellers = Tellers::new();
        for object in self.bgp_statuses.snapshot().values().filter_map(Entry::object) {
            bgp::add(&mut tellers, object);
        }
        tellers
    }

    fn holdings(&self) -> Holdings {
        let mut holdings = Holdings::new();
        for object in self.statuses.snapshot().values().filter_map(Entry::object) {
            let (Some(status), Some(since)) = (&object.status, object.creation_timestamp()) else {
                continue;
            };
            let service = ServiceKey::new(&*status.service_namespace, &*status.service_name);
            let annotation = |name: &str| object.annotations().get(name);
            holdings.entry(service).or_default().push(Holding {
                since: since.0,
                node: status.node.as_str().into(),
                cause: annotation(MOVE_CAUSE).cloned(),
                took_ms: annotation(MOVE_TOOK_MS).and_then(|text| text.parse().ok()),
            });
        }
        holdings
    }

    /// Rows of Services, made anew where something changed.
    fn make(&mut self, holdings: &Holdings, tellers: &Tellers) {
        let mut before = std::mem::take(&mut self.made);
        for (key, entry) in self.services.snapshot().iter() {
            let Some(object) = entry
                .object()
                .filter(|object| ServiceClass::of(object).is_ours(self.class.as_deref()))
            else {
                continue;
            };
            let key = ServiceKey::new(&*key.namespace, &*key.name);
            let holdings = holdings.get(&key).map(Vec::as_slice).unwrap_or_default();
            let tellers = tellers.get(&key).map_or(0, Vec::len);
            let is_same = |made: &Made| {
                Arc::ptr_eq(&made.object, object) && made.holdings == holdings && made.tellers == tellers
            };
            let made = before.remove(&key).filter(is_same).unwrap_or_else(|| Made {
                object: object.clone(),
                holdings: holdings.to_vec(),
                tellers,
                shown: rows::service(&key, object, holdings, tellers),
            });
            self.made.insert(key, made);
        }
    }
}

fn element(section: Section, row: Row) -> (Place, Arc<str>) {
    let Row { key, html } = row;
    (Place { section, key }, html)
}

/// Greater than that of an earlier process, and small enough for a number in a script.
fn boot() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or_default()
}
