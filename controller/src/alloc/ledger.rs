//! Who uses which address. A checked entry is the only way in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{
    AddressSet, Addresses, Family, PoolName, Pools, Port, ServiceKey, ServiceView, Sharing,
};

use super::outcome::Unshared;

/// All addresses in use, and what is free in each pool.
pub(super) struct Ledger<'a> {
    pools: &'a Pools,
    users: BTreeMap<IpAddr, Users<'a>>,
    shared: BTreeMap<&'a str, BTreeSet<IpAddr>>,
    free: BTreeMap<&'a PoolName, AddressSet>,
}

/// The Services on one address; they agree on sharing, and no two serve the same port.
struct Users<'a> {
    sharing: Option<&'a Sharing>,
    ports: BTreeMap<&'a Port, &'a ServiceKey>,
    first: &'a ServiceKey,
}

/// An address that a Service cannot have, who has it, and why they cannot share.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Taken {
    pub(super) address: IpAddr,
    pub(super) by: ServiceKey,
    pub(super) why: Unshared,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(pools: &'a Pools) -> Self {
        let free = |pool: &'a ferrolb_crds::domain::Pool| {
            pools
                .addresses(&pool.name)
                .map(|addresses| (&pool.name, addresses.clone()))
        };
        Self {
            pools,
            users: BTreeMap::new(),
            shared: BTreeMap::new(),
            free: pools.iter().filter_map(free).collect(),
        }
    }

    /// Enters a Service under its addresses: under all of them or under none.
    pub(super) fn enter(&mut self, service: &'a ServiceView, addresses: Addresses) -> Result<(), Taken> {
        for address in addresses.iter() {
            self.check(service, address)?;
        }
        for address in addresses.iter() {
            self.write(service, address);
        }
        Ok(())
    }

    /// Whether a Service could be entered under this address.
    pub(super) fn check(&self, service: &ServiceView, address: IpAddr) -> Result<(), Taken> {
        let Some(users) = self.users.get(&address) else {
            return Ok(());
        };
        let taken = |by: &ServiceKey, why| {
            Err(Taken {
                address,
                by: by.clone(),
                why,
            })
        };
        match (&service.sharing, users.sharing) {
            (Some(own), Some(theirs)) if own.key != theirs.key => taken(users.first, Unshared::OtherKey),
            (Some(own), Some(theirs)) if own != theirs => taken(users.first, Unshared::OtherBackends),
            (Some(_), Some(_)) => {
                let clash = service
                    .ports
                    .iter()
                    .find_map(|port| users.ports.get_key_value(port));
                clash.map_or(Ok(()), |(port, by)| {
                    taken(by, Unshared::SamePort((*port).clone()))
                })
            }
            _ => taken(users.first, Unshared::NotShared),
        }
    }

    fn write(&mut self, service: &'a ServiceView, address: IpAddr) {
        if let Some(free) = self
            .pools
            .owner(address)
            .and_then(|pool| self.free.get_mut(&pool.name))
        {
            free.remove(address);
        }
        if let Some(sharing) = &service.sharing {
            self.shared.entry(&sharing.key).or_default().insert(address);
        }
        let users = self.users.entry(address).or_insert_with(|| Users {
            sharing: service.sharing.as_ref(),
            ports: BTreeMap::new(),
            first: &service.key,
        });
        users
            .ports
            .extend(service.ports.iter().map(|port| (port, &service.key)));
    }

    /// The free addresses of a pool.
    pub(super) fn free(&self, pool: &PoolName) -> Option<&AddressSet> {
        self.free.get(pool)
    }

    /// The lowest address of a pool and family that this Service may share.
    pub(super) fn shareable(&self, service: &ServiceView, pool: &PoolName, family: Family) -> Option<IpAddr> {
        let sharing = service.sharing.as_ref()?;
        let fits = |address: &&IpAddr| {
            Family::of(**address) == family
                && self
                    .pools
                    .owner(**address)
                    .is_some_and(|owner| &owner.name == pool)
                && self.check(service, **address).is_ok()
        };
        self.shared.get(sharing.key.as_str())?.iter().find(fits).copied()
    }

    /// Every address in use.
    pub(super) fn in_use(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.users.keys().copied()
    }
}
