//! Connections to routers.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use ferrolb_rawlink::stream::{Dial, Reach};
use libtest_mimic::Trial;
use tokio::time::timeout;

use crate::space::Namespace;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_peer_that_does_not_show_that_it_is_near_is_not_heard",
        a_peer_that_does_not_show_that_it_is_near_is_not_heard,
    )]
}

/// How many hops the kernel gives to what it answers for a listening socket; and a socket.
const SETTINGS: [(&str, &str); 2] = [
    ("ipv4/ip_default_ttl", "192.0.2.1:179"),
    ("ipv6/conf/lo/hop_limit", "[2001:db8::1]:179"),
];

fn a_peer_that_does_not_show_that_it_is_near_is_not_heard() {
    let space = Namespace::new();
    space.ip("link set lo up");
    space.ip("address add 192.0.2.1/32 dev lo");
    space.ip("address add 2001:db8::1/128 dev lo nodad");
    space.run(async || {
        for (setting, address) in SETTINGS {
            let to: SocketAddr = address.parse().unwrap();
            let _listening = TcpListener::bind(to).unwrap();
            for (hops, reach, is_heard) in [
                ("254", Reach::ProvenSegment, false),
                ("254", Reach::Segment, true),
                ("255", Reach::ProvenSegment, true),
            ] {
                std::fs::write(format!("/proc/sys/net/{setting}"), hops).unwrap();
                let dial = Dial {
                    to,
                    source: None,
                    device: None,
                    reach,
                    password: None,
                    user_timeout: Duration::from_secs(10),
                };
                let connected = timeout(Duration::from_millis(500), dial.connect()).await;
                assert_eq!(
                    connected.is_ok_and(|one| one.is_ok()),
                    is_heard,
                    "{to} {hops} {reach:?}"
                );
            }
        }
    });
}
