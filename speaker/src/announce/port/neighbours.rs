//! Stations of the segment that are no speakers: one that answers shows that this node is not cut off.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;

use ferrolb_crds::domain::InterfaceName;

use crate::wire::Mac;
use crate::wire::arp::{Arp, Operation};

/// Where the kernel shows its ARP table: proc_net(5).
const TABLE: &str = "/proc/net/arp";
/// The entry has a hardware address (`ATF_COM`).
const COMPLETE: &str = "0x2";
/// So many are asked at once.
const MOST: usize = 8;

/// Some stations that the kernel has talked to on the interface.
pub(super) fn known(interface: &InterfaceName) -> BTreeSet<Ipv4Addr> {
    let table = fs::read_to_string(TABLE).unwrap_or_default();
    read(&table, interface.as_str())
}

fn read(table: &str, interface: &str) -> BTreeSet<Ipv4Addr> {
    let station = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [address, _, COMPLETE, _, _, device] if device == interface => address.parse().ok(),
        _ => None,
    };
    table.lines().filter_map(station).take(MOST).collect()
}

/// A question to everybody who has the address. `sender` is an address of ours, if we have one.
pub(super) fn question(mac: Mac, sender: Option<Ipv4Addr>, target: Ipv4Addr) -> Arp {
    Arp {
        destination: Mac::BROADCAST,
        source: mac,
        operation: Operation::Request,
        sender_mac: mac,
        sender: sender.unwrap_or(Ipv4Addr::UNSPECIFIED),
        target_mac: Mac::default(),
        target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_entries_of_the_interface_are_asked() {
        let table = "IP address       HW type     Flags       HW address            Mask     Device\n\
                     192.0.2.1        0x1         0x2         02:00:00:00:00:01     *        eth0\n\
                     192.0.2.2        0x1         0x0         00:00:00:00:00:00     *        eth0\n\
                     192.0.2.3        0x1         0x2         02:00:00:00:00:03     *        eth1\n";
        assert_eq!(read(table, "eth0"), BTreeSet::from([Ipv4Addr::new(192, 0, 2, 1)]));
    }
}
