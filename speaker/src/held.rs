//! The addresses we answer for, and on which interfaces: one immutable table that replies, gratuitous
//! frames, filters and metrics all read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::InterfaceName;

/// Built whole, published whole; cheap to clone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HeldTable(Arc<HashMap<IpAddr, BTreeSet<InterfaceName>>>);

/// Whether an address is held on an interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Holding {
    /// Here.
    Here,
    /// On other interfaces of this node only.
    Elsewhere,
    /// Not by this node.
    No,
}

impl HeldTable {
    /// Whether the address is held on this interface. One hash look-up.
    pub fn on(&self, interface: &InterfaceName, address: IpAddr) -> Holding {
        match self.0.get(&address) {
            Some(interfaces) if interfaces.contains(interface) => Holding::Here,
            Some(_) => Holding::Elsewhere,
            None => Holding::No,
        }
    }

    /// The addresses held on this interface.
    pub fn addresses_on(&self, interface: &InterfaceName) -> BTreeSet<IpAddr> {
        let here = |(_, interfaces): &(&IpAddr, &BTreeSet<InterfaceName>)| interfaces.contains(interface);
        self.0.iter().filter(here).map(|(address, _)| *address).collect()
    }

    /// All addresses that are held.
    pub fn addresses(&self) -> BTreeSet<IpAddr> {
        self.0.keys().copied().collect()
    }

    /// All interfaces on which something is held.
    pub fn interfaces(&self) -> BTreeSet<InterfaceName> {
        self.0.values().flatten().cloned().collect()
    }
}

impl From<BTreeMap<IpAddr, BTreeSet<InterfaceName>>> for HeldTable {
    fn from(table: BTreeMap<IpAddr, BTreeSet<InterfaceName>>) -> Self {
        Self(Arc::new(table.into_iter().collect()))
    }
}
