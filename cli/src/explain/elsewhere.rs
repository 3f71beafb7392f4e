//! Which Service has an address; or who else, if none of ours does.

use std::net::IpAddr;

use ferrolb_controller::alloc::{addresses_of, api_server_of};
use ferrolb_crds::domain::{Occupant, Pool, Pools, ServiceKey, ServiceView};

use super::case::Evidence;
use super::trouble::Trouble;

/// The owner of an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    /// A Service of ours, or one that cannot be read.
    Service(ServiceKey),
    /// Something else, or nothing.
    Other(Trouble),
}

impl Evidence {
    /// The owner of the address. Of several Services that share it, the first by name.
    pub(super) fn owner(&self, address: IpAddr) -> Owner {
        let views: Vec<ServiceView> = self.objects.services.iter().map(ServiceView::read).collect();
        let has_it = |view: &&ServiceView| view.in_status().any(|one| one == address);
        let is_ours = |view: &&ServiceView| view.class.is_ours(self.options.class.as_deref());
        let having: Vec<&ServiceView> = views.iter().filter(has_it).collect();
        if let Some(view) = having
            .iter()
            .copied()
            .filter(is_ours)
            .min_by_key(|view| &view.key)
        {
            return Owner::Service(view.key.clone());
        }
        if let Some(odd) = self.objects.held_by_odd.get(&address) {
            return Owner::Service(odd.clone());
        }
        let of_another = having.first().map(|view| Occupant::Status(view.key.clone()));
        let external = views.iter().find(|view| view.external_ips.contains(&address));
        let external = external.map(|view| Occupant::ExternalIp(view.key.clone()));
        let machine = self.machine(address);
        if let Some(occupant) = machine.or(of_another).or(external) {
            return Owner::Other(Trouble::Elsewhere(occupant.to_string()));
        }
        let (pools, _) = Pools::new(self.objects.pools.iter().map(Pool::read));
        Owner::Other(match pools.owner(address) {
            Some(pool) => Trouble::Free(pool.name.clone()),
            None => Trouble::InNoPool(address),
        })
    }

    fn machine(&self, address: IpAddr) -> Option<Occupant> {
        let mut nodes = self.objects.addresses_of_odd.clone();
        nodes.extend(addresses_of(&self.objects.nodes()));
        let node = nodes.remove(&address).map(Occupant::Node);
        let is_api_server = || api_server_of(&self.objects.slices).contains(&address);
        node.or_else(|| is_api_server().then_some(Occupant::ApiServer))
    }
}
