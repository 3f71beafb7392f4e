//! A VLAN interface (IEEE 802.1Q) is a segment of its own on the same cable: the kernel takes the tag off and puts it on.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use ferrolb_speaker::wire::arp::Arp;
use ferrolb_speaker::wire::multicast::{group_mac, solicited_node};

use crate::Test;
use crate::bench::{Bench, NODE, until};
use crate::frames::{HELD4, HELD6, answer, asker, question, solicitation, solicited, tagged};

pub(crate) const TESTS: &[Test] = &[
    (
        "an_address_on_a_vlan_interface_is_answered_with_the_tag_and_not_without",
        an_address_on_a_vlan_interface_is_answered_with_the_tag_and_not_without,
    ),
    (
        "an_address_on_a_vlan_interface_is_announced_with_the_tag",
        an_address_on_a_vlan_interface_is_announced_with_the_tag,
    ),
    (
        "a_neighbour_in_the_vlan_resolves_the_address",
        a_neighbour_in_the_vlan_resolves_the_address,
    ),
];

const TAG: u16 = 5;
const ON_VLAN: [(&str, &str); 2] = [("192.0.2.200", "eth0.5"), ("2001:db8::200", "eth0.5")];

/// A bench whose ends have an interface each in VLAN 5.
fn bench() -> Bench {
    let bench = Bench::new();
    for (namespace, address) in [
        (&bench.node, "198.51.100.1/24"),
        (&bench.client, "198.51.100.100/24"),
    ] {
        namespace.ip(&format!("link add link eth0 name eth0.5 type vlan id {TAG}"));
        namespace.ip(&format!("addr add {address} dev eth0.5"));
        namespace.ip("link set eth0.5 up");
    }
    bench
}

fn announcement(frame: &[u8]) -> Option<Arp> {
    Arp::parse(frame).filter(|arp| arp.sender == HELD4 && arp.target == HELD4)
}

fn an_address_on_a_vlan_interface_is_answered_with_the_tag_and_not_without() {
    let bench = bench();
    let tap = bench.tap();
    bench.announcer.hold_on(&ON_VLAN);
    tap.next(announcement);
    tap.send(&question(asker(50)).emit());
    tap.send(&tagged(6, &question(asker(51)).emit()));
    tap.send(&tagged(TAG, &question(asker(52)).emit()));
    let (reply, vlan) = tap.next_tagged(|frame, vlan| Some((answer(frame)?, vlan)));
    assert_eq!(
        (reply.sender_mac, reply.target, vlan),
        (NODE, asker(52), Some(TAG))
    );

    let group = solicited_node(HELD6);
    let ask = |source: &str| solicitation(255, source, group, group_mac(group), &[]);
    tap.send(&ask("2001:db8::50"));
    tap.send(&tagged(TAG, &ask("2001:db8::51")));
    let (reply, vlan) = tap.next_tagged(|frame, vlan| Some((solicited(frame)?, vlan)));
    assert_eq!(
        (reply.destination.to_string().as_str(), vlan),
        ("2001:db8::51", Some(TAG))
    );
}

fn an_address_on_a_vlan_interface_is_announced_with_the_tag() {
    let bench = bench();
    let tap = bench.tap();
    bench.announcer.hold_on(&ON_VLAN);
    for _ in 0..4 {
        let vlan = tap.next_tagged(|frame, vlan| announcement(frame).map(|_| vlan));
        assert_eq!(vlan, Some(TAG));
    }
}

fn a_neighbour_in_the_vlan_resolves_the_address() {
    let bench = bench();
    let held = Ipv4Addr::new(198, 51, 100, 200);
    bench.announcer.hold_on(&[("198.51.100.200", "eth0.5")]);
    until("the address to be known", || {
        bench.client.inside(|| {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.send_to(b"?", SocketAddr::from((held, 9))).unwrap();
        });
        let entry = bench.client.ip(&format!("neigh show {held} dev eth0.5"));
        entry.contains(&format!("lladdr {NODE}"))
    });
}
