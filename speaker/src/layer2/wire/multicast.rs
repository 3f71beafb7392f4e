//! Groups of IPv6 stations and their Ethernet addresses.

use std::net::Ipv6Addr;

use super::Mac;

/// All nodes of the link (RFC 4291 §2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// The group that is asked for an address: `ff02::1:ff` and its last three bytes (RFC 4291 §2.7.1).
pub fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    const PREFIX: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;
    Ipv6Addr::from_bits(PREFIX | (address.to_bits() & 0x00ff_ffff))
}

/// The Ethernet address of a group: `33:33` and its last four bytes (RFC 2464 §7).
pub fn group_mac(group: Ipv6Addr) -> Mac {
    let [.., a, b, c, d] = group.octets();
    Mac([0x33, 0x33, a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_an_address_ends_in_its_last_three_bytes() {
        let group = solicited_node("2001:db8::4:5678:9abc".parse().unwrap());
        assert_eq!(group, "ff02::1:ff78:9abc".parse::<Ipv6Addr>().unwrap());
        assert_eq!(group_mac(group), Mac([0x33, 0x33, 0xff, 0x78, 0x9a, 0xbc]));
    }

    #[test]
    fn all_nodes_have_a_group_address_too() {
        assert_eq!(group_mac(ALL_NODES), Mac([0x33, 0x33, 0, 0, 0, 1]));
    }
}
