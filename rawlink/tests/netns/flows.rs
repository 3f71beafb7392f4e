//! UDP flows that the kernel tracks.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};

use ferrolb_rawlink::conntrack::forget_udp;
use libtest_mimic::Trial;

use crate::space::{Namespace, run};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "udp_flows_to_a_destination_are_forgotten_and_others_are_not",
        flows_to_a_destination,
    )]
}

/// The rules track what they look at.
const RULES: &str = "add table inet t; add chain inet t c { type filter hook output priority 0; }; \
                     add rule inet t c ct state new counter";

fn flows_to_a_destination() {
    let space = Namespace::new();
    space.ip("link set lo up");
    space.ip("address add 192.0.2.1/32 dev lo");
    space.ip("address add 2001:db8::1/128 dev lo nodad");
    space.run(async || {
        run("nft", &[RULES]);
        let ask = |to: &str| {
            let from = if to.starts_with('[') {
                "[::]:0"
            } else {
                "0.0.0.0:0"
            };
            UdpSocket::bind(from).unwrap().send_to(b"x", to).unwrap();
        };
        let forget = |all: &[&str]| {
            let all: BTreeSet<SocketAddr> = all.iter().map(|one| one.parse().unwrap()).collect();
            forget_udp(&all).unwrap()
        };
        let server = [
            UdpSocket::bind("192.0.2.1:53").unwrap(),
            UdpSocket::bind("192.0.2.1:54").unwrap(),
            UdpSocket::bind("[2001:db8::1]:53").unwrap(),
        ];
        for to in ["192.0.2.1:53", "192.0.2.1:53", "192.0.2.1:54", "[2001:db8::1]:53"] {
            ask(to);
        }
        assert_eq!(forget(&["192.0.2.1:55"]), 0);
        assert_eq!(forget(&["192.0.2.1:53"]), 2);
        assert_eq!(forget(&["192.0.2.1:53"]), 0);
        assert_eq!(forget(&["192.0.2.1:54", "[2001:db8::1]:53"]), 2);
        drop(server);
    });
}
