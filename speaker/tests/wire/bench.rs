//! What the tests stand on: a node that announces and a client, joined by a cable.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ferrolb_rawlink::PacketSocket;
use ferrolb_rawlink::filter::{Interest, program};
use ferrolb_rawlink::links;
use ferrolb_speaker::announce::{Announcer, LayerTwoMetrics, News};
use ferrolb_speaker::burst::Pace;
use ferrolb_speaker::held::HeldTable;
use ferrolb_speaker::wire::Mac;
use prometheus::{Registry, TextEncoder};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, watch};

use crate::netns::{self, Namespace};

/// When a test gives up. Nothing here takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const NODE: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const CLIENT: Mac = Mac([2, 0, 0, 0, 0, 9]);
pub(crate) const STRANGER: Mac = Mac([2, 0, 0, 0, 0, 0x77]);

/// A node and a client whose `eth0` are the ends of one cable.
pub(crate) struct Bench {
    pub(crate) announcer: Node,
    pub(crate) node: Namespace,
    pub(crate) client: Namespace,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let (node, client) = (Namespace::add("node"), Namespace::add("client"));
        cable(&node, &client);
        client.each(
            "addr add 192.0.2.100/24 dev eth0
             addr add 2001:db8::100/64 dev eth0 nodad
             link set eth0 up",
        );
        for family in ["ipv4", "ipv6"] {
            client.set(&format!("net/{family}/neigh/eth0/retrans_time_ms"), "100");
        }
        connected(&node);
        Self {
            announcer: Node::start(&node),
            node,
            client,
        }
    }

    /// Waits until the client's kernel has this hardware address for an address.
    pub(crate) fn client_learns(&self, address: &str, mac: Mac) {
        until(&format!("{address} at {mac}"), || {
            let entry = self.client.ip(&format!("neigh show {address} dev eth0"));
            entry.contains(&format!("lladdr {mac}"))
        });
    }

    /// Has the client's kernel resolve an address.
    pub(crate) fn client_sends_to(&self, address: &str) {
        let to = SocketAddr::new(address.parse().unwrap(), 9);
        self.client.inside(|| {
            let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            UdpSocket::bind(from).unwrap().send_to(b"?", to).unwrap();
        });
    }

    /// Has the client's kernel ask for an address anew until it gets this answer.
    pub(crate) fn client_resolves(&self, address: &str, mac: Mac) {
        until(&format!("{address} to be answered with {mac}"), || {
            self.client_forgets(address);
            self.client_sends_to(address);
            let asked = Instant::now();
            let mut entry = String::new();
            while !entry.contains("lladdr") && asked.elapsed() < Duration::from_millis(500) {
                entry = self.client.ip(&format!("neigh show {address} dev eth0"));
            }
            entry.contains(&format!("lladdr {mac}"))
        });
    }

    pub(crate) fn client_forgets(&self, address: &str) {
        self.client.ip(&format!("neigh flush to {address} dev eth0"));
    }

    /// The client's end of the cable, for frames made by hand.
    pub(crate) fn tap(&self) -> Tap {
        Tap::open(&self.client)
    }
}

/// Waits until the node's end of the cable is ready to use.
pub(crate) fn connected(node: &Namespace) {
    until("a carrier", || node.ip("link show eth0").contains("state UP"));
}

/// Connects two namespaces. Both ends are called `eth0`; the node's is up.
pub(crate) fn cable(node: &Namespace, client: &Namespace) {
    node.ip(&format!(
        "link add eth0 address {NODE} type veth peer name eth0 address {CLIENT} netns {}",
        client.name()
    ));
    node.each(
        "addr add 192.0.2.1/24 dev eth0
         addr add 2001:db8::1/64 dev eth0 nodad
         link set eth0 up",
    );
}

/// An announcer that runs in a namespace.
pub(crate) struct Node {
    held: watch::Sender<HeldTable>,
    news: mpsc::Receiver<News>,
    registry: Registry,
    metrics: LayerTwoMetrics,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    pub(crate) fn start(namespace: &Namespace) -> Self {
        let (held, held_reader) = watch::channel(HeldTable::default());
        let (news_sender, news) = mpsc::channel(1000);
        let (stop, stopped) = oneshot::channel();
        let registry = Registry::new();
        let metrics = LayerTwoMetrics::register(&registry).unwrap();
        let (name, counted) = (namespace.name().to_owned(), metrics.clone());
        let thread = thread::spawn(move || {
            netns::enter(&name);
            runtime().block_on(async {
                let announcer = Announcer {
                    links: links::watch().await.unwrap(),
                    held: held_reader,
                    pace: Pace::default(),
                    metrics: counted,
                    news: news_sender,
                    protocol: None,
                };
                tokio::select! {
                    () = announcer.run() => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            held,
            news,
            registry,
            metrics,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Holds these addresses on `eth0`, and no others.
    pub(crate) fn hold(&self, addresses: &[&str]) {
        self.hold_on(
            &addresses
                .iter()
                .map(|address| (*address, "eth0"))
                .collect::<Vec<_>>(),
        );
    }

    /// Holds these addresses, each on an interface.
    pub(crate) fn hold_on(&self, holdings: &[(&str, &str)]) {
        let mut table: BTreeMap<IpAddr, BTreeSet<_>> = BTreeMap::new();
        for (address, interface) in holdings {
            let address = address.parse().unwrap();
            table.entry(address).or_default().insert((*interface).into());
        }
        self.held.send_replace(table.into());
    }

    /// Removes the series of an address, as is done when it is given up.
    pub(crate) fn forget(&self, address: &str) {
        self.metrics.forget(address.parse().unwrap());
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

/// A packet socket in a client's namespace.
pub(crate) struct Tap {
    runtime: Runtime,
    socket: PacketSocket,
}

impl Tap {
    fn open(client: &Namespace) -> Self {
        let everything = program(&Interest {
            ether_types: BTreeSet::from([0x0806, 0x86dd]),
            ..Interest::default()
        });
        client.inside(|| {
            let index = nix::net::if_::if_nametoindex("eth0").unwrap();
            let runtime = runtime();
            let socket = runtime.block_on(async { PacketSocket::open(index, "eth0", &everything).unwrap() });
            Self { runtime, socket }
        })
    }

    pub(crate) fn send(&self, frame: &[u8]) {
        self.socket.try_send(frame).unwrap();
    }

    /// Waits for the first frame that means something to `read`.
    pub(crate) fn next<T>(&self, mut read: impl FnMut(&[u8]) -> Option<T>) -> T {
        let found = async {
            let mut buffer = [0; 2048];
            loop {
                let received = match self.socket.recv(&mut buffer).await {
                    Err(error) if error.is_link_gone() => continue,
                    other => other.unwrap(),
                };
                if let Some(found) = read(&buffer[..received.length]) {
                    return found;
                }
            }
        };
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, found).await })
            .expect("a frame in time")
    }
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "gave up waiting for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
