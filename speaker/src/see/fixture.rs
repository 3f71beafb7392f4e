//! Links as the kernel has them.

use ferrolb_rawlink::links::Link;

/// An interface that can announce, with these addresses of /24.
pub(crate) fn link(index: u32, name: &str, addresses: &[&str]) -> Link {
    Link {
        index,
        name: name.to_owned(),
        mac: Some([2, 0, 0, 0, 0, 1]),
        mtu: 1500,
        up: true,
        carrier: true,
        loopback: false,
        noarp: false,
        broadcast: true,
        master: None,
        addresses: addresses.iter().map(|one| (one.parse().unwrap(), 24)).collect(),
    }
}
