//! On which of this node's interfaces an address is announced.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{InterfaceName, Mac, NodeLink, NodeLinks, is_link_local};
use ferrolb_rawlink::links::{Link, LinkTable};
use ipnetwork::IpNetwork;

use super::exclude::ExcludeList;
use crate::may::Interfaces;

/// An interface of this node that can announce.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Interface {
    /// Its name.
    pub(crate) name: InterfaceName,
    /// Connected.
    pub(crate) carrier: bool,
    /// The subnets it is on.
    pub(crate) subnets: Vec<IpNetwork>,
}

/// The interfaces of this node that can announce: switched on and not excluded by name; not the loopback interface, nor
/// part of a bond, a bridge or a VRF, which announces in its place, nor without ARP or without an Ethernet address, as
/// tunnels are.
pub(crate) fn read(links: &LinkTable, exclude: &ExcludeList) -> Vec<Interface> {
    let usable = |link: &&Link| {
        link.up && !link.loopback && link.master.is_none() && !link.noarp && link.mac.is_some()
    };
    let all = links.values().filter(usable).map(Interface::read);
    all.filter(|one| !exclude.excludes(&one.name)).collect()
}

/// The interfaces to announce this address on: those that the advertisements name; else those with the address on a
/// subnet; if there is none, all (an address may be routed to the segment). Of several on one segment only one. Empty
/// where none is left.
pub(crate) fn choose(own: &[Interface], allowed: &Interfaces, address: IpAddr) -> BTreeSet<InterfaceName> {
    let usable = own.iter().filter(|one| allowed.include(&one.name));
    let on_link = |one: &&Interface| one.subnets.iter().any(|subnet| subnet.contains(address));
    let near: Vec<&Interface> = usable.clone().filter(on_link).collect();
    match allowed {
        Interfaces::Any if !near.is_empty() => one_per_segment(near),
        Interfaces::Any | Interfaces::Only(_) => one_per_segment(usable.collect()),
    }
}

/// One interface for each segment.
pub(crate) fn segments(own: &[Interface]) -> BTreeSet<InterfaceName> {
    one_per_segment(own.iter().collect())
}

/// What the other speakers, and all who ask, are told of this node.
pub(crate) fn told(own: &[Interface], links: &LinkTable) -> NodeLinks {
    let macs: BTreeMap<&str, Mac> = links
        .values()
        .filter_map(|link| Some((link.name.as_str(), Mac(link.mac?))))
        .collect();
    let mut told = NodeLinks::default();
    for one in own {
        let link = NodeLink {
            mac: macs.get(one.name.as_str()).copied(),
            carrier: one.carrier,
            ..NodeLink::on(one.subnets.iter().copied())
        };
        told.add(one.name.clone(), link);
    }
    told
}

/// Where the node that told this of itself announces the address, if advertisements allow these interfaces.
pub(crate) fn choose_of(told: &NodeLinks, allowed: &Interfaces, address: IpAddr) -> BTreeSet<InterfaceName> {
    let interface = |(name, link): (&InterfaceName, &NodeLink)| Interface {
        name: name.clone(),
        carrier: link.carrier,
        subnets: link.subnets.iter().copied().collect(),
    };
    let own: Vec<Interface> = told.iter().map(interface).collect();
    choose(&own, allowed, address)
}

/// A station that hears two MACs for one address believes the last, and packets take turns between them. A subnet in common is a
/// segment in common; what is connected comes first, then the order of names.
fn one_per_segment(mut chosen: Vec<&Interface>) -> BTreeSet<InterfaceName> {
    chosen.sort_by_key(|one| (!one.carrier, &one.name));
    let mut kept: Vec<&Interface> = Vec::new();
    for one in chosen {
        if !kept.iter().any(|other| other.shares_a_segment_with(one)) {
            kept.push(one);
        }
    }
    kept.into_iter().map(|one| one.name.clone()).collect()
}

impl Interface {
    fn read(link: &Link) -> Self {
        let subnet = |(address, prefix): &(IpAddr, u8)| IpNetwork::new(*address, *prefix).ok();
        Self {
            name: link.name.as_str().into(),
            carrier: link.carrier,
            subnets: link.addresses.iter().filter_map(subnet).collect(),
        }
    }

    fn shares_a_segment_with(&self, other: &Self) -> bool {
        let segments = other.segments();
        self.segments().intersection(&segments).next().is_some()
    }

    /// The subnets that no other segment has: not the link-local ones, and not a single address, which routers
    /// give to several interfaces.
    fn segments(&self) -> BTreeSet<(IpAddr, u8)> {
        let single = |subnet: &&IpNetwork| subnet.prefix() == if subnet.is_ipv4() { 32 } else { 128 };
        let tells = |subnet: &&IpNetwork| !is_link_local(subnet.ip()) && !single(subnet);
        let telling = self.subnets.iter().filter(tells);
        telling
            .map(|subnet| (subnet.network(), subnet.prefix()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::see::fixture;

    fn interface(name: &str, subnets: &[&str]) -> Interface {
        Interface {
            name: name.into(),
            carrier: true,
            subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
        }
    }

    fn only(names: &[&str]) -> Interfaces {
        Interfaces::Only(names.iter().map(|name| InterfaceName::from(*name)).collect())
    }

    fn chosen(own: &[Interface], allowed: &Interfaces, address: &str) -> Vec<String> {
        let names = choose(own, allowed, address.parse().unwrap());
        names.iter().map(ToString::to_string).collect()
    }

    #[rstest]
    #[case::on_a_subnet_of_one(Interfaces::Any, "192.0.2.9", &["eth0"])]
    #[case::on_a_subnet_of_both(Interfaces::Any, "2001:db8:0:2::9", &["eth0", "eth1"])]
    #[case::on_no_subnet(Interfaces::Any, "203.0.113.9", &["eth0", "eth1"])]
    #[case::named(only(&["eth1"]), "192.0.2.9", &["eth1"])]
    #[case::named_and_not_there(only(&["eth9"]), "192.0.2.9", &[])]
    #[case::one_of_two_names_there(only(&["eth0", "eth9"]), "192.0.2.9", &["eth0"])]
    fn interfaces_of_an_address(
        #[case] allowed: Interfaces,
        #[case] address: &str,
        #[case] expected: &[&str],
    ) {
        let own = [
            interface("eth0", &["192.0.2.1/24", "2001:db8:0:1::1/48", "fe80::1/64"]),
            interface("eth1", &["198.51.100.1/24", "2001:db8:0:2::1/64", "fe80::2/64"]),
        ];
        assert_eq!(chosen(&own, &allowed, address), expected);
    }

    #[rstest]
    #[case::first_by_name(true, Interfaces::Any, "eth0")]
    #[case::connected_before_name(false, Interfaces::Any, "eth1")]
    #[case::named(true, only(&["eth0", "eth1"]), "eth0")]
    fn of_two_interfaces_on_one_segment_one_is_chosen(
        #[case] first_has_carrier: bool,
        #[case] allowed: Interfaces,
        #[case] expected: &str,
    ) {
        let first = Interface {
            carrier: first_has_carrier,
            ..interface("eth0", &["192.0.2.1/24", "2001:db8::1/64"])
        };
        let own = [
            interface("eth1", &["192.0.2.2/24"]),
            first,
            interface("eth2", &["2001:db8::2/64"]),
        ];
        for on_link_or_not in ["192.0.2.9", "203.0.113.9"] {
            assert_eq!(chosen(&own[..2], &allowed, on_link_or_not), [expected]);
        }
        assert_eq!(chosen(&own[1..], &Interfaces::Any, "2001:db8::9").len(), 1);
    }

    #[rstest]
    #[case::link_local("fe80::1/64", "fe80::2/64")]
    #[case::single_address("192.0.2.1/32", "192.0.2.1/32")]
    #[case::wider("192.0.2.1/24", "192.0.2.2/25")]
    fn a_segment_is_not_known_by_every_subnet(#[case] first: &str, #[case] second: &str) {
        let own = [interface("eth0", &[first]), interface("eth1", &[second])];
        assert_eq!(chosen(&own, &Interfaces::Any, "203.0.113.9"), ["eth0", "eth1"]);
    }

    /// It is not connected.
    fn link(name: &str) -> Link {
        Link {
            carrier: false,
            ..fixture::link(2, name, &["192.0.2.1"])
        }
    }

    fn usable(link: Link) -> Vec<Interface> {
        read(&LinkTable::new([(2, link)].into()), &ExcludeList::default())
    }

    #[test]
    fn a_link_of_the_kernel_is_read_as_it_is() {
        let expected = Interface {
            carrier: false,
            ..interface("eth0", &["192.0.2.1/24"])
        };
        assert_eq!(usable(link("eth0")), [expected]);
    }

    #[test]
    fn what_is_told_of_a_node_says_where_it_announces_and_with_which_mac() {
        let table = LinkTable::new([(2, link("eth0"))].into());
        let own = [interface("eth0", &["192.0.2.1/24", "fe80::1/64"])];
        let told = told(&own, &table);
        let mac = told.named(&"eth0".into()).and_then(|link| link.mac);
        assert_eq!(mac, Some(Mac([2, 0, 0, 0, 0, 1])));
        let both = [own[0].clone(), interface("eth1", &["198.51.100.1/24"])];
        for allowed in [Interfaces::Any, only(&["eth1"])] {
            for address in ["192.0.2.9", "198.51.100.9", "203.0.113.9"] {
                let address = address.parse().unwrap();
                assert_eq!(
                    choose_of(&super::told(&both, &table), &allowed, address),
                    choose(&both, &allowed, address)
                );
            }
        }
    }

    #[rstest]
    #[case::down(Link { up: false, ..link("eth0") })]
    #[case::loopback(Link { loopback: true, ..link("eth0") })]
    #[case::port_of_a_bridge(Link { master: Some(3), ..link("eth0") })]
    #[case::without_arp(Link { noarp: true, ..link("eth0") })]
    #[case::without_an_ethernet_address(Link { mac: None, ..link("eth0") })]
    #[case::excluded_by_name(link("docker0"))]
    fn an_interface_that_cannot_announce_is_skipped(#[case] skipped: Link) {
        assert!(usable(skipped).is_empty());
    }
}
