//! What the client's kernel learns.

use crate::Test;
use crate::bench::{Bench, NODE, STRANGER, until};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_neighbour_resolves_a_held_ipv4_address",
        a_neighbour_resolves_a_held_ipv4_address,
    ),
    (
        "a_neighbour_resolves_a_held_ipv6_address",
        a_neighbour_resolves_a_held_ipv6_address,
    ),
    (
        "an_address_that_was_given_up_is_not_answered",
        an_address_that_was_given_up_is_not_answered,
    ),
    (
        "an_address_held_on_another_interface_only_is_not_answered",
        an_address_held_on_another_interface_only_is_not_answered,
    ),
    (
        "a_takeover_corrects_what_neighbours_had_learned",
        a_takeover_corrects_what_neighbours_had_learned,
    ),
    (
        "a_neighbour_that_takes_a_held_ipv6_address_finds_it_in_use",
        a_neighbour_that_takes_a_held_ipv6_address_finds_it_in_use,
    ),
];

fn a_neighbour_resolves_a_held_ipv4_address() {
    let bench = Bench::new();
    bench.announcer.hold(&["192.0.2.200"]);
    bench.client_sends_to("192.0.2.200");
    bench.client_learns("192.0.2.200", NODE);
}

fn a_neighbour_resolves_a_held_ipv6_address() {
    let bench = Bench::new();
    bench.announcer.hold(&["2001:db8::200"]);
    bench.client_sends_to("2001:db8::200");
    bench.client_learns("2001:db8::200", NODE);
}

fn an_address_that_was_given_up_is_not_answered() {
    let bench = Bench::new();
    for (number, address) in ["192.0.2.200", "2001:db8::200"].into_iter().enumerate() {
        bench.announcer.hold(&[address]);
        bench.client_sends_to(address);
        bench.client_learns(address, NODE);

        // Once another address is answered, the new table is in force.
        let other = format!("192.0.2.{}", 210 + number);
        bench.announcer.hold(&[&other]);
        bench.client_sends_to(&other);
        bench.client_learns(&other, NODE);
        bench.client_forgets(address);
        bench.client_sends_to(address);
        until("the question to be given up", || is_unresolved(&bench, address));
    }
}

fn an_address_held_on_another_interface_only_is_not_answered() {
    let bench = Bench::new();
    bench
        .announcer
        .hold_on(&[("192.0.2.200", "eth1"), ("192.0.2.201", "eth0")]);
    bench.client_sends_to("192.0.2.200");
    bench.client_sends_to("192.0.2.201");
    bench.client_learns("192.0.2.201", NODE);
    until("the question to be given up", || {
        is_unresolved(&bench, "192.0.2.200")
    });
}

fn a_takeover_corrects_what_neighbours_had_learned() {
    let bench = Bench::new();
    for address in ["192.0.2.200", "2001:db8::200"] {
        bench.client.ip(&format!(
            "neigh replace {address} lladdr {STRANGER} dev eth0 nud reachable"
        ));
    }
    bench.announcer.hold(&["192.0.2.200", "2001:db8::200"]);
    bench.client_learns("192.0.2.200", NODE);
    bench.client_learns("2001:db8::200", NODE);
}

fn a_neighbour_that_takes_a_held_ipv6_address_finds_it_in_use() {
    let bench = Bench::new();
    bench.announcer.hold(&["2001:db8::200"]);
    // The burst would show that the address is in use, too; it is the answer that matters.
    until("the end of the burst", || {
        let sent = "metallb_layer2_gratuitous_sent{ip=\"2001:db8::200\"}";
        bench.announcer.count(sent) == Some(6)
    });
    bench.client.ip("addr add 2001:db8::200/64 dev eth0");
    until("duplicate address detection", || {
        let addresses = bench.client.ip("-6 addr show dev eth0");
        addresses
            .lines()
            .any(|line| line.contains("2001:db8::200") && line.contains("dadfailed"))
    });
}

fn is_unresolved(bench: &Bench, address: &str) -> bool {
    bench
        .client
        .ip(&format!("neigh show {address} dev eth0"))
        .contains("FAILED")
}
