//! What rtnetlink says, as a table.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage};

use super::{Link, LinkTable};

/// An address of an interface that is not listed is left out: it was deleted or created while listing, and an event
/// says so.
pub(super) fn table(links: &[LinkMessage], addresses: &[AddressMessage]) -> LinkTable {
    let mut table: BTreeMap<u32, Link> = links
        .iter()
        .map(|message| (message.header.index, link(message)))
        .collect();
    for message in addresses {
        if let (Some(link), Some(address)) = (table.get_mut(&message.header.index), own(message)) {
            link.addresses.push((address, message.header.prefix_len));
        }
    }
    for link in table.values_mut() {
        link.addresses.sort_unstable();
        link.addresses.dedup();
    }
    table.into()
}

fn link(message: &LinkMessage) -> Link {
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        mac: None,
        mtu: 0,
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::Running),
        loopback: flags.contains(LinkFlags::Loopback),
        noarp: flags.contains(LinkFlags::Noarp),
        broadcast: flags.contains(LinkFlags::Broadcast),
        master: None,
        addresses: Vec::new(),
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Controller(index) => link.master = Some(*index),
            LinkAttribute::Address(bytes) if message.header.link_layer_type == LinkLayerType::Ether => {
                link.mac = bytes.as_slice().try_into().ok();
            }
            _ => {}
        }
    }
    link
}

/// On a point-to-point link the plain attribute has the address of the peer and the local one its own (if_addr.h);
/// IPv6 leaves the local one out otherwise.
fn own(message: &AddressMessage) -> Option<IpAddr> {
    let (mut local, mut address) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(one) => local = Some(*one),
            AddressAttribute::Address(one) => address = Some(*one),
            _ => {}
        }
    }
    local.or(address)
}
