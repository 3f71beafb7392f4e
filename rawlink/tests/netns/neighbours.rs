//! Stations that the kernel has talked to.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_rawlink::neighbours::known;
use libtest_mimic::Trial;
use nix::net::if_::if_nametoindex;

use crate::space::Cable;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "stations_of_the_interface_whose_hardware_address_is_known_are_neighbours",
        stations_whose_hardware_address_is_known,
    )]
}

fn stations_whose_hardware_address_is_known() {
    let cable = Cable::new();
    let entries = [
        "192.0.2.1 lladdr 02:00:00:00:00:01 dev right nud reachable",
        "192.0.2.2 lladdr 02:00:00:00:00:02 dev right nud stale",
        "192.0.2.3 dev right nud failed",
        "2001:db8::1 lladdr 02:00:00:00:00:01 dev right nud stale",
        "2001:db8::3 dev right nud failed",
        "192.0.2.4 lladdr 02:00:00:00:00:04 dev other nud stale",
    ];
    cable.right.ip("link add other type veth peer name another");
    cable.right.ip("link set other up");
    for entry in entries {
        cable.right.ip(&format!("neigh replace {entry}"));
    }
    let found = cable
        .right
        .run(async || known(if_nametoindex("right").unwrap()).unwrap());
    let expected = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];
    let expected: BTreeSet<IpAddr> = expected.iter().map(|address| address.parse().unwrap()).collect();
    assert_eq!(found, expected);
}
