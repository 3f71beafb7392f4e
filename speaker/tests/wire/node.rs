//! A node: the announcer as the speaker ships it, in a namespace, and a cluster that says which nodes may hold what.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ferrolb_crds::domain::{InterfaceName, NodeName};
use ferrolb_rawlink::links;
use ferrolb_runtime::alive::Liveness;
use ferrolb_segment::message::NodeId;
use ferrolb_segment::seal::{KeyRing, SegmentKey};
use ferrolb_segment::ways::Transport;
use ferrolb_segment::{Conduct, Fitness, GroupView, Profile, SegmentView};
use ferrolb_speaker::history::History;
use ferrolb_speaker::layer2::announce::{
    Announcer, Departure, LayerTwoMetrics, News, Protocol, ProtocolMetrics, Reports, SegmentReport, Views,
};
use ferrolb_speaker::layer2::burst::Pace;
use ferrolb_speaker::layer2::wire::Mac;
use prometheus::{Registry, TextEncoder};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::bench::{PATIENCE, runtime};
use crate::netns::{self, Namespace};

/// Joins within half a second, and takes a machine that is busy for none that was held up.
const PROFILE: Profile = Profile {
    interval: Duration::from_millis(20),
    multiplier: 25,
};

/// An announcer that runs in a namespace.
pub(crate) struct Node {
    /// All nodes of its cluster.
    cluster: BTreeSet<String>,
    views: watch::Sender<Views>,
    reports: watch::Receiver<Reports>,
    news: mpsc::Receiver<News>,
    registry: Registry,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _others: (watch::Sender<Option<KeyRing>>, watch::Sender<Departure>),
}

impl Node {
    /// The only node of its cluster.
    pub(crate) fn alone(namespace: &Namespace) -> Self {
        Self::start(namespace, "n1", &["n1"])
    }

    /// The node `name` of these.
    pub(crate) fn start(namespace: &Namespace, name: &str, cluster: &[&str]) -> Self {
        let (views, of_views) = watch::channel(Views::default());
        let key = SegmentKey::derive(b"a key of enough bytes for a test", "uid");
        let (ring, of_ring) = watch::channel(Some(KeyRing::new(key, None)));
        let (departure, of_departure) = watch::channel(Departure::None);
        let (to_reports, reports) = watch::channel(Reports::default());
        let (to_news, news) = mpsc::channel(1000);
        let (stop, stopped) = oneshot::channel();
        let registry = Registry::new();
        let metrics = LayerTwoMetrics::register(&registry).unwrap();
        let protocol = Protocol {
            me: id(name),
            conduct: Conduct {
                profile: PROFILE,
                ..Conduct::default()
            },
            transport: Transport::Raw,
            views: of_views,
            keys: of_ring,
            departure: of_departure,
            reports: to_reports,
            surveys: broadcast::channel(1).0,
            metrics: ProtocolMetrics::register(&registry).unwrap(),
            history: History::default(),
        };
        let inside = namespace.name().to_owned();
        let thread = thread::spawn(move || {
            netns::enter(&inside);
            runtime().block_on(async {
                let announcer = Announcer {
                    links: links::watch().await.unwrap(),
                    pace: Pace::default(),
                    metrics,
                    news: to_news,
                    liveness: Liveness::default(),
                    protocol,
                };
                tokio::select! {
                    () = announcer.run() => {}
                    _ = stopped => {}
                }
            });
        });
        let node = Self {
            cluster: cluster.iter().map(ToString::to_string).collect(),
            views,
            reports,
            news,
            registry,
            stop: Some(stop),
            thread: Some(thread),
            _others: (ring, departure),
        };
        node.may_hold(&[], &[name]);
        node
    }

    /// This node may hold these addresses on `eth0`, and no others.
    pub(crate) fn hold(&self, addresses: &[&str]) {
        let on_eth0: Vec<_> = addresses.iter().map(|address| (*address, "eth0")).collect();
        self.hold_on(&on_eth0);
    }

    /// This node may hold these addresses, each on an interface.
    pub(crate) fn hold_on(&self, holdings: &[(&str, &str)]) {
        let all: Vec<&str> = self.cluster.iter().map(String::as_str).collect();
        self.may_hold(holdings, &all);
    }

    /// The cluster says that these nodes may hold these addresses, each on an interface of this node. As in the speaker,
    /// an interface on which nothing may be held has its view.
    pub(crate) fn may_hold(&self, holdings: &[(&str, &str)], nodes: &[&str]) {
        self.may(holdings, nodes, BTreeSet::new());
    }

    /// As [`Self::may_hold`], and no node announced any of these yet.
    pub(crate) fn may_hold_new(&self, holdings: &[(&str, &str)], nodes: &[&str]) {
        let fresh = holdings.iter().map(|(one, _)| one.parse().unwrap());
        self.may(holdings, nodes, fresh.collect());
    }

    /// In one step: an address that is not new yet is claimed at once.
    fn may(&self, holdings: &[(&str, &str)], nodes: &[&str], fresh: BTreeSet<IpAddr>) {
        let names = self
            .cluster
            .iter()
            .map(|name| (id(name), NodeName::from(name.as_str())));
        let empty = SegmentView {
            nodes: Arc::new(names.collect()),
            electors: Arc::new(self.cluster.iter().map(|name| id(name)).collect()),
            fresh: Arc::new(fresh),
            ..SegmentView::default()
        };
        let mut views: BTreeMap<InterfaceName, SegmentView> =
            BTreeMap::from([("eth0".into(), empty.clone())]);
        let fit: Arc<BTreeMap<NodeId, Fitness>> =
            Arc::new(nodes.iter().map(|name| (id(name), Fitness::default())).collect());
        for (address, interface) in holdings {
            let address: IpAddr = address.parse().unwrap();
            let group = GroupView {
                first: address,
                addresses: [address].into(),
                fit: fit.clone(),
                near: Box::default(),
            };
            let view = views.entry((*interface).into()).or_insert_with(|| empty.clone());
            view.groups.insert(address, Arc::new(group));
        }
        let views = views.into_iter().map(|(name, view)| (name, Arc::new(view)));
        self.views.send_replace(Arc::new(views.collect()));
    }

    /// What the port of `eth0` says.
    pub(crate) fn report(&self) -> SegmentReport {
        let reports = self.reports.borrow();
        reports.get(&"eth0".into()).cloned().unwrap_or_default()
    }

    pub(crate) fn news(&mut self) -> News {
        runtime()
            .block_on(async { tokio::time::timeout(PATIENCE, self.news.recv()).await })
            .expect("news")
            .expect("the announcer runs")
    }

    /// Waits for another station's claim.
    pub(crate) fn foreign_claim(&mut self) -> (IpAddr, Mac) {
        loop {
            if let News::ForeignClaim { address, mac, .. } = self.news() {
                return (address, mac);
            }
        }
    }

    /// The lines of a metric, as Prometheus would read them.
    pub(crate) fn metric(&self, line_start: &str) -> Vec<String> {
        let text = TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap();
        text.lines()
            .filter(|line| line.starts_with(line_start))
            .map(ToOwned::to_owned)
            .collect()
    }

    /// The value of one series; none if there is no such series.
    pub(crate) fn count(&self, series: &str) -> Option<u64> {
        let line = self.metric(series).pop()?;
        line.rsplit(' ').next()?.parse().ok()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _stopped = self.stop.take().map(|stop| stop.send(()));
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

pub(crate) fn id(name: &str) -> NodeId {
    NodeId::of(&NodeName::from(name))
}
