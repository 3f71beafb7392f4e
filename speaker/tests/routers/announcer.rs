//! The speaker's threads of BGP and BFD in the node's namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ferrolb_crds::domain::{BfdProfile, PeerName};
use ferrolb_peering::bgp::{Asn, Attributes, Endpoint, ExportTable, Password, PeerAsn, PeerSpec, Stop};
use ferrolb_peering::{Family, Liveness, Prefix};
use ferrolb_rawlink::links::{Link, LinkTable};
use ferrolb_routers::until;
use ferrolb_speaker::bfd::{self, Bfd, BfdMetrics, Line, Reach};
use ferrolb_speaker::peers::{News, Orders, PeerMetrics, PeerReport, Reports, Sessions, WantedPeer};
use prometheus::Registry;
use tokio::sync::{mpsc, oneshot, watch};

use crate::logged;
use crate::netns::Namespace;
use crate::site::NODE;

/// The AS of the node.
pub(crate) const OURS: u32 = 64512;
/// The AS of an external router.
pub(crate) const THEIRS: u32 = 64500;

/// A node that announces.
pub(crate) struct Announcer {
    peer: PeerName,
    orders: watch::Sender<Orders>,
    reports: watch::Receiver<Reports>,
    news: mpsc::Receiver<News>,
    ended: oneshot::Receiver<()>,
    watches: Option<watch::Sender<bfd::Orders>>,
    bfd: watch::Receiver<bfd::Reports>,
    links: watch::Sender<LinkTable>,
}

/// A profile of so many milliseconds each way, and three packets.
pub(crate) fn every(milliseconds: i64) -> BfdProfile {
    let object = serde_json::json!({"metadata": {"name": "p"},
        "spec": {"transmitInterval": milliseconds, "receiveInterval": milliseconds}});
    BfdProfile::parse(&serde_json::from_value(object).unwrap()).unwrap()
}

/// An external peer at this address of the router, with the family of the address.
pub(crate) fn external(address: &str) -> PeerSpec {
    let address: IpAddr = address.parse().unwrap();
    let id = "192.0.2.2".parse().unwrap();
    PeerSpec {
        families: BTreeSet::from([Family::of(address)]),
        host_name: Some("n1".to_owned()),
        ..PeerSpec::new(Asn(OURS), PeerAsn::Is(Asn(THEIRS)), id, Endpoint::new(address))
    }
}

/// An external peer behind `eth0`, with both families.
pub(crate) fn unnumbered() -> PeerSpec {
    PeerSpec {
        families: BTreeSet::from([Family::V4, Family::V6]),
        endpoint: Endpoint::behind("eth0"),
        ..external("2001:db8::1")
    }
}

/// An internal peer at this address of the router.
pub(crate) fn internal(address: &str) -> PeerSpec {
    PeerSpec {
        asn: Asn(THEIRS),
        ..external(address)
    }
}

/// A peer with a password.
pub(crate) fn signed(mut spec: PeerSpec, password: &str) -> PeerSpec {
    spec.endpoint.password = Some(Password(password.to_owned()));
    spec
}

/// Routes to these prefixes with the same attributes.
pub(crate) fn table(prefixes: impl IntoIterator<Item = String>, attributes: &Attributes) -> ExportTable {
    let attributes = Arc::new(attributes.clone());
    let route = |prefix: String| (prefix.parse::<Prefix>().unwrap(), attributes.clone());
    Arc::new(prefixes.into_iter().map(route).collect())
}

impl Announcer {
    pub(crate) fn start(node: &Namespace) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1000);
        let peer = format!("tor-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let (orders, of_orders) = watch::channel(Orders::default());
        let (to_reports, reports) = watch::channel(Reports::default());
        let (to_news, news) = mpsc::channel(64);
        let (to_links, links) = watch::channel(interfaces(node));
        let (watches, of_watches) = watch::channel(bfd::Orders::default());
        let (to_bfd, bfd) = watch::channel(bfd::Reports::default());
        let watching = Bfd {
            orders: of_watches,
            links: links.clone(),
            reports: to_bfd,
            news: to_news.clone(),
            metrics: BfdMetrics::register(&Registry::new()).unwrap(),
        };
        let _ended_with_its_orders = node.inside(|| watching.start().unwrap());
        let sessions = Sessions {
            orders: of_orders,
            links,
            bfd: bfd.clone(),
            reports: to_reports,
            news: to_news,
            metrics: PeerMetrics::register(&Registry::new()).unwrap(),
        };
        let ended = node.inside(|| sessions.start().unwrap());
        Self {
            peer: peer.as_str().into(),
            orders,
            reports,
            news,
            ended,
            watches: Some(watches),
            bfd,
            links: to_links,
        }
    }

    /// Watches the peer at this address.
    pub(crate) fn watch(&self, address: &str, profile: BfdProfile, reach: Reach) {
        let line = Line {
            peer: address.parse().unwrap(),
            interface: None,
            source: None,
            vrf: None,
        };
        self.watch_over(line, profile, reach);
    }

    /// Watches the router behind the interface, once it is found.
    pub(crate) fn watch_unnumbered(&self, profile: BfdProfile) {
        let endpoint = unnumbered().endpoint;
        until("the router to be found", || {
            Line::of(&endpoint, self.report(&self.peer).router).is_some()
        });
        let line = Line::of(&endpoint, self.report(&self.peer).router).unwrap();
        self.watch_over(line, profile, Reach::Segment);
    }

    fn watch_over(&self, line: Line, profile: BfdProfile, reach: Reach) {
        let wanted = bfd::Wanted {
            name: self.peer.clone(),
            profile,
            reach,
        };
        if let Some(watches) = &self.watches {
            watches.send_replace(BTreeMap::from([(line, wanted)]));
        }
    }

    /// Says and hears nothing of BFD any more, as if the process were gone; its connections stay.
    pub(crate) fn go_deaf(&mut self) {
        self.watches = None;
    }

    /// What BFD says of the peer.
    pub(crate) fn liveness(&self) -> Option<Liveness> {
        let reports = self.bfd.borrow();
        reports.values().next().map(|report| report.liveness)
    }

    /// What is wrong with BFD.
    pub(crate) fn doubt(&self) -> String {
        let reports = self.bfd.borrow();
        let doubts = reports.values().filter_map(|report| report.doubt.clone());
        doubts.collect()
    }

    /// Holds a session with the peer and tells it these routes.
    pub(crate) fn tell(&self, spec: &PeerSpec, routes: &ExportTable) {
        let wanted = WantedPeer {
            spec: spec.clone(),
            watched: self
                .watches
                .as_ref()
                .is_some_and(|watches| !watches.borrow().is_empty()),
            routes: routes.clone(),
        };
        self.tell_all([(self.peer.clone(), wanted)]);
    }

    /// Holds sessions with these peers, and with no others.
    pub(crate) fn tell_all(&self, peers: impl IntoIterator<Item = (PeerName, WantedPeer)>) {
        let peers = peers.into_iter().map(|(name, wanted)| (name, Arc::new(wanted)));
        let peers = peers.collect();
        self.orders.send_modify(|orders| orders.peers = peers);
    }

    pub(crate) fn is_up(&self) -> bool {
        self.report(&self.peer).established
    }

    /// Why the last attempt or session ended.
    pub(crate) fn last(&self) -> String {
        self.report(&self.peer).last.unwrap_or_default()
    }

    /// What the session with a peer is at.
    pub(crate) fn report(&self, peer: &PeerName) -> PeerReport {
        let reports = self.reports.borrow();
        reports.get(peer).cloned().unwrap_or_default()
    }

    /// What somebody has to change before there can be a session.
    pub(crate) fn problem(&self) -> String {
        let reports = self.reports.borrow();
        let report = reports.get(&self.peer).cloned().unwrap_or_default();
        report.problem.unwrap_or_default()
    }

    /// The node has these interfaces from now on.
    pub(crate) fn has(&self, links: LinkTable) {
        self.links.send_replace(links);
    }

    /// What it logged that speaks of something wrong.
    pub(crate) fn troubles(&self) -> Vec<String> {
        logged::troubles(&self.peer)
    }

    /// What happened so far.
    pub(crate) fn news(&mut self) -> Vec<News> {
        std::iter::from_fn(|| self.news.try_recv().ok()).collect()
    }

    /// Ends all sessions, and returns when they have.
    pub(crate) fn stop(self, stop: Stop) {
        self.orders.send_modify(|orders| orders.stop = Some(stop));
        drop(self.orders);
        self.ended.blocking_recv().unwrap_err();
    }
}

/// The interfaces of a node.
pub(crate) fn interfaces(node: &Namespace) -> LinkTable {
    let link = link(node);
    Arc::new(BTreeMap::from([(link.index, link)]))
}

fn link(node: &Namespace) -> Link {
    let said: serde_json::Value = serde_json::from_str(&node.ip("-json link show eth0")).unwrap();
    let mac = said[0]["address"].as_str().unwrap().split(':');
    let mac: Vec<u8> = mac.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    let lengths = [24, 64];
    let addresses = NODE
        .iter()
        .zip(lengths)
        .map(|(address, length)| (address.parse().unwrap(), length));
    Link {
        index: said[0]["ifindex"].as_u64().unwrap() as u32,
        name: "eth0".to_owned(),
        mac: mac.try_into().ok(),
        mtu: 1500,
        up: true,
        carrier: true,
        loopback: false,
        noarp: false,
        broadcast: true,
        master: None,
        addresses: addresses.collect(),
    }
}
