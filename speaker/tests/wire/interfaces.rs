//! Interfaces that go, come back and change.

use std::net::Ipv4Addr;

use ferrolb_speaker::layer2::announce::News;
use ferrolb_speaker::layer2::wire::Mac;
use ferrolb_speaker::layer2::wire::arp::Arp;

use crate::Test;
use crate::bench::{Bench, NODE, cable, until};

pub(crate) const TESTS: &[Test] = &[
    (
        "an_interface_that_was_down_is_announced_on_at_once",
        an_interface_that_was_down_is_announced_on_at_once,
    ),
    (
        "a_cable_that_was_pulled_is_announced_on_again",
        a_cable_that_was_pulled_is_announced_on_again,
    ),
    (
        "an_interface_that_was_recreated_under_its_name_is_served_again",
        an_interface_that_was_recreated_under_its_name_is_served_again,
    ),
    (
        "a_new_hardware_address_is_announced_and_answered_with",
        a_new_hardware_address_is_announced_and_answered_with,
    ),
    (
        "the_groups_of_held_addresses_are_joined_and_left",
        the_groups_of_held_addresses_are_joined_and_left,
    ),
    (
        "an_interface_without_addresses_is_served",
        an_interface_without_addresses_is_served,
    ),
    (
        "an_interface_that_cannot_be_served_is_news_and_tried_again",
        an_interface_that_cannot_be_served_is_news_and_tried_again,
    ),
    (
        "where_ipv6_is_off_it_is_said_so_and_solicitations_are_answered",
        where_ipv6_is_off_it_is_said_so_and_solicitations_are_answered,
    ),
];

const HELD: &str = "192.0.2.200";
const HELD6: &str = "2001:db8::200";
const GROUP: &str = "ff02::1:ff00:200";

fn announcement(frame: &[u8]) -> Option<Mac> {
    let held: Ipv4Addr = HELD.parse().unwrap();
    Arp::parse(frame)
        .filter(|arp| arp.sender == held && arp.target == held)
        .map(|arp| arp.sender_mac)
}

/// Waits for the last round of the first burst, so that what is heard later is another one.
fn burst_ends(bench: &Bench) {
    let sent = format!("metallb_layer2_gratuitous_sent{{ip=\"{HELD}\"}}");
    until("the end of the burst", || {
        bench.announcer.count(&sent) == Some(12)
    });
}

fn resolves_both(bench: &Bench, mac: Mac) {
    bench.client_resolves(HELD, mac);
    bench.client_resolves(HELD6, mac);
}

fn an_interface_that_was_down_is_announced_on_at_once() {
    let bench = Bench::new();
    bench.announcer.hold(&[HELD, HELD6]);
    burst_ends(&bench);
    let tap = bench.tap();
    bench.node.each(
        "link set eth0 down
         link set eth0 up",
    );
    assert_eq!(tap.next(announcement), NODE);
    resolves_both(&bench, NODE);
}

fn a_cable_that_was_pulled_is_announced_on_again() {
    let bench = Bench::new();
    bench.announcer.hold(&[HELD, HELD6]);
    burst_ends(&bench);
    bench.client.ip("link set eth0 down");
    until("the carrier to go", || {
        bench.node.ip("link show eth0").contains("state LOWERLAYERDOWN")
            || bench.node.ip("link show eth0").contains("state DOWN")
    });
    let tap = bench.tap();
    bench.client.ip("link set eth0 up");
    assert_eq!(tap.next(announcement), NODE);
}

fn an_interface_that_was_recreated_under_its_name_is_served_again() {
    let bench = Bench::new();
    bench.announcer.hold(&[HELD, HELD6]);
    bench.client_sends_to(HELD);
    bench.client_learns(HELD, NODE);
    bench.node.ip("link del eth0");
    cable(&bench.node, &bench.client);
    bench.client.each(
        "addr add 192.0.2.100/24 dev eth0
         addr add 2001:db8::100/64 dev eth0 nodad
         link set eth0 up",
    );
    resolves_both(&bench, NODE);
    assert!(bench.node.ip("maddr show dev eth0").contains(GROUP));
}

fn a_new_hardware_address_is_announced_and_answered_with() {
    let bench = Bench::new();
    let tap = bench.tap();
    bench.announcer.hold(&[HELD, HELD6]);
    tap.next(announcement);
    let new = Mac([2, 0, 0, 0, 0, 0x21]);
    bench.node.ip(&format!("link set eth0 address {new}"));
    tap.next(|frame| announcement(frame).filter(|mac| *mac == new));
    resolves_both(&bench, new);
}

fn the_groups_of_held_addresses_are_joined_and_left() {
    let bench = Bench::new();
    let joined = || bench.node.ip("maddr show dev eth0").contains(GROUP);
    bench.announcer.hold(&[HELD6]);
    until("the group to be joined", joined);
    bench.announcer.hold(&[HELD]);
    until("the group to be left", || !joined());
}

fn an_interface_without_addresses_is_served() {
    let bench = Bench::new();
    bench.node.each(
        "addr flush dev eth0 scope global
         link set eth0 up",
    );
    bench.announcer.hold(&[HELD, HELD6]);
    resolves_both(&bench, NODE);
}

fn an_interface_that_cannot_be_served_is_news_and_tried_again() {
    let mut bench = Bench::new();
    bench.node.set("net/core/optmem_max", "64");
    bench.announcer.hold(&[HELD]);
    let News::Trouble { interface, message } = bench.announcer.news() else {
        panic!("no trouble");
    };
    assert_eq!(interface.as_str(), "eth0");
    let expected = "cannot attach a packet filter on interface eth0: Cannot allocate memory";
    assert!(message.starts_with(expected), "{message}");
    bench.node.set("net/core/optmem_max", "131072");
    bench.client_resolves(HELD, NODE);
}

fn where_ipv6_is_off_it_is_said_so_and_solicitations_are_answered() {
    let mut bench = Bench::new();
    bench.node.set("net/ipv6/conf/eth0/disable_ipv6", "1");
    bench.announcer.hold(&[HELD6]);
    let News::Trouble { interface, message } = bench.announcer.news() else {
        panic!("no trouble");
    };
    assert_eq!(interface.as_str(), "eth0");
    assert!(message.contains("IPv6 seems to be off"), "{message}");
    bench.client_resolves(HELD6, NODE);
}
