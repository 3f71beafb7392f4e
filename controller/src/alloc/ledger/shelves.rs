//! Which addresses a Service may share, found without asking each of them.
//!
//! A shelf holds the addresses on which Services with the same terms of sharing are. For each port it knows up to where
//! all its addresses serve that port: that far, nobody with this port need look. Within a pass ports are only added.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Bound;

use ferrolb_crds::domain::{Family, Port, ServiceView, Sharing};

/// All addresses that are shared, by terms and pool.
#[derive(Default)]
pub(super) struct Shelves<'a> {
    shelves: BTreeMap<Terms<'a>, Shelf<'a>>,
    /// The first address of each key, position of the pool, and family.
    firsts: BTreeMap<(&'a str, usize, Family), IpAddr>,
}

/// What Services must have in common: the namespace (none where any will do), key and backends, position of the pool,
/// and family.
type Terms<'a> = (Option<&'a str>, &'a Sharing, usize, Family);

#[derive(Default)]
struct Shelf<'a> {
    addresses: BTreeSet<IpAddr>,
    /// All addresses up to this one serve the port.
    served_to: BTreeMap<&'a Port, IpAddr>,
}

fn terms(service: &ServiceView, position: usize, across: bool, family: Family) -> Option<Terms<'_>> {
    let sharing = service.sharing.as_ref()?;
    let any = across && !sharing.backends.are_local();
    let namespace = (!any).then_some(&*service.key.namespace);
    Some((namespace, sharing, position, family))
}

impl<'a> Shelves<'a> {
    /// Notes that a Service is on an address; `serves` says of every address which ports are served there.
    pub(super) fn put(
        &mut self,
        service: &'a ServiceView,
        position: usize,
        across: bool,
        address: IpAddr,
        serves: impl Fn(&Port, IpAddr) -> bool,
    ) {
        let family = Family::of(address);
        let Some(terms) = terms(service, position, across, family) else {
            return;
        };
        let first = self
            .firsts
            .entry((&terms.1.key, position, family))
            .or_insert(address);
        *first = address.min(*first);
        self.shelves
            .entry(terms)
            .or_default()
            .put(&service.ports, address, serves);
    }

    /// The addresses that may have room for a Service, lowest first.
    pub(super) fn may_have_room<'b>(
        &'b self,
        service: &'b ServiceView,
        position: usize,
        across: bool,
        family: Family,
    ) -> impl Iterator<Item = IpAddr> + 'b {
        let shelf = terms(service, position, across, family).and_then(|terms| self.shelves.get(&terms));
        shelf.into_iter().flat_map(|shelf| shelf.beyond(&service.ports))
    }

    /// The first address under the key of a Service, whoever may join there.
    pub(super) fn first_of_key(
        &self,
        service: &ServiceView,
        position: usize,
        family: Family,
    ) -> Option<IpAddr> {
        let sharing = service.sharing.as_ref()?;
        self.firsts
            .get(&(sharing.key.as_str(), position, family))
            .copied()
    }
}

impl<'a> Shelf<'a> {
    fn put(&mut self, ports: &'a BTreeSet<Port>, address: IpAddr, serves: impl Fn(&Port, IpAddr) -> bool) {
        if self.addresses.insert(address) {
            let before = self.addresses.range(..address).next_back().copied();
            self.served_to.retain(|port, to| {
                if *to < address || serves(port, address) {
                    return true;
                }
                before.is_some_and(|before| {
                    *to = before;
                    true
                })
            });
        }
        for port in ports {
            let served = self.after(self.served_to.get(port).copied());
            if let Some(to) = served.take_while(|address| serves(port, *address)).last() {
                self.served_to.insert(port, to);
            }
        }
    }

    fn beyond(&self, ports: &BTreeSet<Port>) -> impl Iterator<Item = IpAddr> + '_ {
        let served_to = ports.iter().filter_map(|port| self.served_to.get(port)).max();
        self.after(served_to.copied())
    }

    fn after(&self, address: Option<IpAddr>) -> impl Iterator<Item = IpAddr> + '_ {
        let from = address.map_or(Bound::Unbounded, Bound::Excluded);
        self.addresses.range((from, Bound::Unbounded)).copied()
    }
}
