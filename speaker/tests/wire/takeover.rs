//! Two nodes on one segment, and a port that is closed and opened while the other node takes over.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_speaker::layer2::wire::Mac;
use ferrolb_speaker::layer2::wire::arp::Arp;
use ferrolb_speaker::layer2::wire::ndp::{Advertisement, Ndp};

use crate::Test;
use crate::bench::{Tap, until};
use crate::netns::Namespace;
use crate::node::Node;

pub(crate) const TESTS: &[Test] = &[(
    "a_port_that_reopens_announces_nothing_that_another_node_took_over",
    a_port_that_reopens_announces_nothing_that_another_node_took_over,
)];

/// n2 comes first for each of these where nobody holds it.
const HELD: [&str; 2] = ["192.0.2.203", "2001:db8::203"];
const MACS: [Mac; 2] = [Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2])];

/// n1 and n2, whose `eth0` lead into one bridge.
struct Pair {
    nodes: [Node; 2],
    namespaces: [Namespace; 2],
    bridge: Namespace,
}

impl Pair {
    fn new() -> Self {
        let bridge = Namespace::add("bridge");
        bridge.each(
            "link add br0 type bridge
             link set br0 up",
        );
        let names = ["n1", "n2"];
        let namespaces = names.map(Namespace::add);
        for ((namespace, name), mac) in namespaces.iter().zip(names).zip(MACS) {
            let inside = bridge.name();
            namespace.ip(&format!(
                "link add eth0 address {mac} type veth peer name {name} netns {inside}"
            ));
            bridge.ip(&format!("link set {name} master br0 up"));
            namespace.each(
                "addr add fe80::1/64 dev eth0 nodad
                 link set eth0 up",
            );
        }
        let [first, second] = &namespaces;
        Self {
            nodes: [
                Node::start(first, "n1", &names),
                Node::start(second, "n2", &names),
            ],
            namespaces,
            bridge,
        }
    }

    /// Waits until both take part and know it of each other.
    fn meet(&self) {
        for node in &self.nodes {
            until("two nodes to take part", || {
                let report = node.report();
                report.joined && report.up.len() == 2
            });
        }
    }

    /// The cluster says that these nodes may hold the addresses.
    fn may_hold(&self, nodes: &[&str]) {
        let holdings = HELD.map(|address| (address, "eth0"));
        self.nodes.iter().for_each(|node| node.may_hold(&holdings, nodes));
    }

    fn until_holds(&self, which: usize) {
        let all = BTreeSet::from(HELD.map(|address| address.parse().unwrap()));
        until("a node to hold everything", || {
            *self.nodes[which].report().held == all
        });
    }
}

/// Which of the addresses a gratuitous frame is about, and who sent it.
fn announced(frame: &[u8]) -> Option<(IpAddr, Mac)> {
    let about: Option<(IpAddr, Mac)> = match (Arp::parse(frame), Ndp::parse(frame)) {
        (Some(arp), _) if arp.sender == arp.target => Some((arp.sender.into(), arp.source)),
        (
            _,
            Some(Ndp::Advertisement(Advertisement {
                solicited: false,
                target,
                source_mac,
                ..
            })),
        ) => Some((target.into(), source_mac)),
        _ => None,
    };
    about.filter(|(address, _)| HELD.contains(&address.to_string().as_str()))
}

fn a_port_that_reopens_announces_nothing_that_another_node_took_over() {
    let pair = Pair::new();
    pair.meet();
    pair.may_hold(&["n1"]);
    pair.until_holds(0);
    pair.may_hold(&["n1", "n2"]);
    let tap = Tap::open(&pair.bridge, "br0");
    let [first, second] = &pair.nodes;
    let closed = first.report().instance;
    pair.namespaces[0].ip("link set eth0 address 02:00:00:00:00:21");
    until("the port to be opened again", || {
        let report = first.report();
        report.instance.is_some() && report.instance != closed
    });
    pair.until_holds(1);
    pair.meet();

    // Rounds of the second node, while the first takes part again and may send.
    let series = |address| format!("metallb_layer2_gratuitous_sent{{ip=\"{address}\"}}");
    let sent = |address| second.count(&series(address)).unwrap_or_default();
    let before = HELD.map(sent);
    until("two more rounds of each address", || {
        HELD.map(sent)
            .into_iter()
            .zip(before)
            .all(|(now, before)| now >= before + 2)
    });
    let sent_by_second = HELD.map(sent).iter().sum::<u64>();
    let mut senders: BTreeMap<IpAddr, Vec<Mac>> = BTreeMap::new();
    let mut heard = 0;
    while heard < sent_by_second {
        let (address, mac) = tap.next(announced);
        heard += u64::from(mac == MACS[1]);
        senders.entry(address).or_default().push(mac);
    }
    for (address, senders) in senders {
        let after = senders.iter().skip_while(|mac| **mac != MACS[1]);
        let others: Vec<&Mac> = after.filter(|mac| **mac != MACS[1]).collect();
        assert!(others.is_empty(), "{others:?} announced {address} too");
    }
    assert!(first.report().held.is_empty());
    until("the series of the first node to go", || {
        HELD.iter().all(|address| first.count(&series(address)).is_none())
    });
}
