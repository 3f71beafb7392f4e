//! What routers say.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use ferrolb_rawlink::discovery::{ALL_ROUTERS, RouterDiscovery};
use libtest_mimic::Trial;
use nix::net::if_::if_nametoindex;
use tokio::time::{sleep, timeout};

use crate::space::Namespace;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "what_a_router_says_is_heard_at_the_other_end_with_its_hop_limit_and_nothing_else",
        what_a_router_says_is_heard_at_the_other_end_with_its_hop_limit_and_nothing_else,
    )]
}

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ECHO: [u8; 8] = [128, 0, 0, 0, 0, 1, 0, 1];
const SOLICITATION: [u8; 8] = [133, 0, 0, 0, 0, 0, 0, 0];
const ADVERTISEMENT: [u8; 16] = [134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn what_a_router_says_is_heard_at_the_other_end_with_its_hop_limit_and_nothing_else() {
    let space = Namespace::new();
    space.ip("link add near type veth peer name far");
    space.run(async || {
        for name in ["near", "far"] {
            // The kernel looks for routers too.
            std::fs::write(
                format!("/proc/sys/net/ipv6/conf/{name}/router_solicitations"),
                "0",
            )
            .unwrap();
            space.ip(&format!("link set {name} up"));
        }
        let open = |name| RouterDiscovery::open(if_nametoindex(name).unwrap(), name).unwrap();
        let (near, far) = (open("near"), open("far"));
        // Until it has a link-local address.
        while near.try_send(&ECHO, ALL_NODES).is_err() {
            sleep(Duration::from_millis(20)).await;
        }
        near.try_send(&SOLICITATION, ALL_ROUTERS).unwrap();
        near.try_send(&ADVERTISEMENT, ALL_NODES).unwrap();
        let mut buffer = [0; 64];
        for expected in [&SOLICITATION[..], &ADVERTISEMENT] {
            let datagram = far.recv(&mut buffer).await.unwrap();
            let message = &buffer[..datagram.length];
            assert_eq!((message[0], message.len()), (expected[0], expected.len()));
            assert_ne!(message[2..4], [0, 0], "the kernel's checksum");
            assert_eq!(datagram.hop_limit, 255);
            assert!(matches!(datagram.from.ip(), IpAddr::V6(from) if from.is_unicast_link_local()));
        }
        let own = timeout(Duration::from_millis(100), near.recv(&mut buffer)).await;
        assert!(own.is_err(), "{own:?}");
    });
}
