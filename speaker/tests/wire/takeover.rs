//! Two nodes on one segment, and a port that is closed and opened while the other node takes over.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_speaker::layer2::wire::Mac;
use ferrolb_speaker::layer2::wire::arp::Arp;
use ferrolb_speaker::layer2::wire::ndp::{Advertisement, Ndp};

use crate::Test;
use crate::bench::{Tap, until};
use crate::pair::{HELD, MACS, Pair};

pub(crate) const TESTS: &[Test] = &[(
    "a_port_that_reopens_announces_nothing_that_another_node_took_over",
    a_port_that_reopens_announces_nothing_that_another_node_took_over,
)];

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
