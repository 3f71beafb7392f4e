//! Which Service uses which address. A checked entry is the only way in.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{
    AddressSet, Addresses, Family, PoolName, Pools, Port, Reason, ServiceKey, ServiceView, Sharing, Unshared,
};

/// All addresses in use, and what is free in each pool.
pub(super) struct Ledger<'a> {
    pools: &'a Pools,
    users_v4: BTreeMap<u32, Users<'a>>,
    users_v6: BTreeMap<u128, Users<'a>>,
    shared: BTreeMap<&'a str, BTreeSet<IpAddr>>,
    /// Addresses that nobody may be entered under any more, and because of whom.
    closed: BTreeMap<IpAddr, &'a ServiceKey>,
    /// By position of the pool.
    free: Vec<AddressSet>,
    /// By position of the pool: addresses in use of each family.
    used: Vec<Used>,
}

/// How many addresses of a pool are in use.
#[derive(Clone, Copy, Default)]
pub(super) struct Used {
    pub(super) ipv4: i64,
    pub(super) ipv6: i64,
}

/// The Services on one address; they agree on sharing, and no two serve the same port.
struct Users<'a> {
    sharing: Option<&'a Sharing>,
    /// The key of those that share; a Service without one is alone.
    ports: BTreeMap<&'a Port, &'a ServiceKey>,
    first: &'a ServiceKey,
}

/// An address that a Service cannot have, the Service that has it, and why they cannot share.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Taken {
    pub(super) address: IpAddr,
    pub(super) by: ServiceKey,
    pub(super) why: Unshared,
}

impl From<Taken> for Reason {
    fn from(Taken { address, by, why }: Taken) -> Self {
        Self::InUse { address, by, why }
    }
}

/// Whether an address had users before.
#[derive(Eq, PartialEq)]
enum Before {
    Free,
    Used,
}

impl<'a> Users<'a> {
    fn admit<N: Ord>(users: Entry<'_, N, Self>, service: &'a ServiceView) -> Before {
        let ports = service.ports.iter().map(|port| (port, &service.key));
        let ports = ports.take_while(|_| service.sharing.is_some());
        match users {
            Entry::Occupied(mut users) => {
                users.get_mut().ports.extend(ports);
                Before::Used
            }
            Entry::Vacant(nobody) => {
                nobody.insert(Self {
                    sharing: service.sharing.as_ref(),
                    ports: ports.collect(),
                    first: &service.key,
                });
                Before::Free
            }
        }
    }
}

impl<'a> Ledger<'a> {
    pub(super) fn new(pools: &'a Pools) -> Self {
        Self {
            pools,
            users_v4: BTreeMap::new(),
            users_v6: BTreeMap::new(),
            shared: BTreeMap::new(),
            closed: BTreeMap::new(),
            free: pools.all_addresses().to_vec(),
            used: vec![Used::default(); pools.all_addresses().len()],
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

    /// Lets nobody else be entered under the address of a Service that cannot be read. Whom it shares the address with
    /// is not known, so those who are entered stay.
    pub(super) fn close(&mut self, address: IpAddr, owner: &'a ServiceKey) {
        if self.users(address).is_none() && !self.closed.contains_key(&address) {
            self.take(address);
        }
        self.closed.insert(address, owner);
    }

    /// Whether a Service could be entered under this address.
    pub(super) fn check(&self, service: &ServiceView, address: IpAddr) -> Result<(), Taken> {
        if let Some(owner) = self.closed.get(&address) {
            return Err(Taken {
                address,
                by: (*owner).clone(),
                why: Unshared::Unreadable,
            });
        }
        let Some(users) = self.users(address) else {
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

    fn users(&self, address: IpAddr) -> Option<&Users<'a>> {
        match address {
            IpAddr::V4(v4) => self.users_v4.get(&v4.to_bits()),
            IpAddr::V6(v6) => self.users_v6.get(&v6.to_bits()),
        }
    }

    fn write(&mut self, service: &'a ServiceView, address: IpAddr) {
        let before = match address {
            IpAddr::V4(v4) => Users::admit(self.users_v4.entry(v4.to_bits()), service),
            IpAddr::V6(v6) => Users::admit(self.users_v6.entry(v6.to_bits()), service),
        };
        if before == Before::Free {
            self.take(address);
        }
        if let Some(sharing) = &service.sharing {
            self.shared.entry(&sharing.key).or_default().insert(address);
        }
    }

    fn take(&mut self, address: IpAddr) {
        let Some(position) = self.pools.owner_position(address) else {
            return;
        };
        self.free[position].remove(address);
        match Family::of(address) {
            Family::V4 => self.used[position].ipv4 += 1,
            Family::V6 => self.used[position].ipv6 += 1,
        }
    }

    /// The free addresses of a pool.
    pub(super) fn free(&self, pool: &PoolName) -> Option<&AddressSet> {
        self.pools.position(pool).map(|position| &self.free[position])
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

    /// The addresses in use of each pool, in the order of [`Pools::iter`].
    pub(super) fn used(&self) -> &[Used] {
        &self.used
    }
}
