//! On which of this node's interfaces an address is announced.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_crds::domain::InterfaceName;
use ferrolb_rawlink::links::{Link, LinkTable};
use ipnetwork::IpNetwork;

use crate::election::Interfaces;
use crate::exclude::ExcludeList;

/// An interface of this node, as the kernel shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Interface {
    /// Its name.
    pub(crate) name: InterfaceName,
    /// Switched on.
    pub(crate) up: bool,
    /// The loopback interface.
    pub(crate) loopback: bool,
    /// Part of a bond, a bridge or a VRF, which announces in its place.
    pub(crate) has_master: bool,
    /// Without ARP or without an Ethernet address, as tunnels are.
    pub(crate) noarp: bool,
    /// The subnets it is on.
    pub(crate) subnets: Vec<IpNetwork>,
}

/// The interfaces of this node.
pub(crate) fn read(links: &LinkTable) -> Vec<Interface> {
    links.values().map(Interface::read).collect()
}

/// The interfaces to announce this address on: those that the advertisements name; else those with the address on a
/// subnet; if there is none, all (an address may be routed to the segment). Empty where none is left.
pub(crate) fn choose(
    own: &[Interface],
    exclude: &ExcludeList,
    allowed: &Interfaces,
    address: IpAddr,
) -> BTreeSet<InterfaceName> {
    let usable = own
        .iter()
        .filter(|one| one.usable() && !exclude.excludes(&one.name) && allowed.include(&one.name));
    let on_link = |one: &&Interface| one.subnets.iter().any(|subnet| subnet.contains(address));
    let names = |chosen: &mut dyn Iterator<Item = &Interface>| -> BTreeSet<InterfaceName> {
        chosen.map(|one| one.name.clone()).collect()
    };
    let near = names(&mut usable.clone().filter(on_link));
    match allowed {
        Interfaces::Any if !near.is_empty() => near,
        Interfaces::Any | Interfaces::Only(_) => names(&mut usable.clone()),
    }
}

impl Interface {
    fn read(link: &Link) -> Self {
        let subnet = |(address, prefix): &(IpAddr, u8)| IpNetwork::new(*address, *prefix).ok();
        Self {
            name: link.name.as_str().into(),
            up: link.up,
            loopback: link.loopback,
            has_master: link.master.is_some(),
            noarp: link.noarp || link.mac.is_none(),
            subnets: link.addresses.iter().filter_map(subnet).collect(),
        }
    }

    fn usable(&self) -> bool {
        self.up && !self.loopback && !self.has_master && !self.noarp
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn interface(name: &str, subnets: &[&str]) -> Interface {
        Interface {
            name: name.into(),
            up: true,
            loopback: false,
            has_master: false,
            noarp: false,
            subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
        }
    }

    fn only(names: &[&str]) -> Interfaces {
        Interfaces::Only(names.iter().map(|name| InterfaceName::from(*name)).collect())
    }

    fn chosen(own: &[Interface], allowed: &Interfaces, address: &str) -> Vec<String> {
        let names = choose(own, &ExcludeList::default(), allowed, address.parse().unwrap());
        names.iter().map(ToString::to_string).collect()
    }

    #[rstest]
    #[case::on_a_subnet_of_one(Interfaces::Any, "192.0.2.9", &["eth0"])]
    #[case::on_a_subnet_of_both(Interfaces::Any, "2001:db8::9", &["eth0", "eth1"])]
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
            interface("eth0", &["192.0.2.1/24", "2001:db8::1/64"]),
            interface("eth1", &["198.51.100.1/24", "2001:db8::2/64"]),
        ];
        assert_eq!(chosen(&own, &allowed, address), expected);
    }

    #[test]
    fn a_link_of_the_kernel_is_read_as_it_is() {
        let link = Link {
            index: 2,
            name: "eth0".to_owned(),
            mac: Some([2, 0, 0, 0, 0, 1]),
            up: true,
            carrier: false,
            loopback: false,
            noarp: false,
            broadcast: true,
            master: None,
            addresses: vec![("192.0.2.1".parse().unwrap(), 24)],
        };
        assert_eq!(Interface::read(&link), interface("eth0", &["192.0.2.1/24"]));
        let port = Link {
            master: Some(3),
            ..link.clone()
        };
        assert!(Interface::read(&port).has_master);
        assert!(Interface::read(&Link { mac: None, ..link }).noarp);
    }

    #[rstest]
    #[case::down(Interface { up: false, ..interface("eth0", &["192.0.2.1/24"]) })]
    #[case::loopback(Interface { loopback: true, ..interface("eth0", &["192.0.2.1/24"]) })]
    #[case::port_of_a_bridge(Interface { has_master: true, ..interface("eth0", &["192.0.2.1/24"]) })]
    #[case::without_arp(Interface { noarp: true, ..interface("eth0", &["192.0.2.1/24"]) })]
    #[case::excluded_by_name(interface("docker0", &["192.0.2.1/24"]))]
    fn an_interface_is_skipped_even_if_it_is_named(#[case] skipped: Interface) {
        let name = skipped.name.to_string();
        let own = [skipped, interface("eth7", &[])];
        assert_eq!(chosen(&own, &Interfaces::Any, "192.0.2.9"), ["eth7"]);
        assert!(chosen(&own, &only(&[&name]), "192.0.2.9").is_empty());
    }
}
