//! What the tests stand on: a node that announces and a client, joined by a cable.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use ferrolb_rawlink::PacketSocket;
use ferrolb_rawlink::filter::{Interest, program};
use ferrolb_speaker::layer2::wire::Mac;
use tokio::runtime::{Builder, Runtime};

use crate::netns::Namespace;
use crate::node::Node;

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
        let announcer = Node::alone(&node);
        until("the node to take part", || announcer.report().joined);
        Self {
            announcer,
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
        Tap::open(&self.client, "eth0")
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

/// A packet socket on an interface of a namespace.
pub(crate) struct Tap {
    runtime: Runtime,
    socket: PacketSocket,
}

impl Tap {
    pub(crate) fn open(namespace: &Namespace, interface: &str) -> Self {
        let everything = program(&Interest {
            ether_types: BTreeSet::from([0x0806, 0x86dd]),
            ..Interest::default()
        });
        namespace.inside(|| {
            let index = nix::net::if_::if_nametoindex(interface).unwrap();
            let runtime = runtime();
            let socket =
                runtime.block_on(async { PacketSocket::open(index, interface, &everything).unwrap() });
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
