//! Which Service uses which address. A checked entry is the only way in.

mod shelves;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{
    AddressSet, Addresses, ByFamily, Family, Pool, Pools, Port, Reason, ServiceKey, ServiceView, Sharing,
    Unshared,
};

use shelves::Shelves;

/// A pool with its position among all by name.
pub(super) type Numbered<'a> = (usize, &'a Pool);

/// All addresses in use, and what is free in each pool.
pub(super) struct Ledger<'a> {
    pools: &'a Pools,
    users: AllUsers<'a>,
    shelves: Shelves<'a>,
    /// Addresses that nobody may be entered under any more, and because of whom.
    closed: BTreeMap<IpAddr, &'a ServiceKey>,
    /// By position of the pool.
    free: Vec<AddressSet>,
    /// By position of the pool: addresses in use of each family.
    used: Vec<ByFamily<i64>>,
}

/// The users of each address, by family: a number is found faster than an [`IpAddr`].
#[derive(Default)]
struct AllUsers<'a> {
    v4: BTreeMap<u32, Users<'a>>,
    v6: BTreeMap<u128, Users<'a>>,
}

/// The Services on one address; they agree on sharing, and no two serve the same port.
struct Users<'a> {
    sharing: Option<&'a Sharing>,
    /// The key of those that share; a Service without one is alone.
    ports: BTreeMap<&'a Port, &'a ServiceKey>,
    /// The namespaces of those that share.
    namespaces: BTreeSet<&'a str>,
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

/// Whether the Service has the address already. Who shared it before a rule was made goes on sharing it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Claim {
    Held,
    New,
}

/// Whether an address had users before.
#[derive(Eq, PartialEq)]
enum Before {
    Free,
    Used,
}

impl<'a> Users<'a> {
    fn admit<N: Ord>(users: Entry<'_, N, Self>, service: &'a ServiceView) -> Before {
        let shares = service.sharing.is_some();
        let ports = service.ports.iter().map(|port| (port, &service.key));
        let ports = ports.take_while(|_| shares);
        let namespace = shares.then_some(&*service.key.namespace);
        match users {
            Entry::Occupied(mut users) => {
                let users = users.get_mut();
                users.ports.extend(ports);
                users.namespaces.extend(namespace);
                Before::Used
            }
            Entry::Vacant(nobody) => {
                nobody.insert(Self {
                    sharing: service.sharing.as_ref(),
                    ports: ports.collect(),
                    namespaces: namespace.into_iter().collect(),
                    first: &service.key,
                });
                Before::Free
            }
        }
    }
}

impl<'a> AllUsers<'a> {
    fn of(&self, address: IpAddr) -> Option<&Users<'a>> {
        match address {
            IpAddr::V4(v4) => self.v4.get(&v4.to_bits()),
            IpAddr::V6(v6) => self.v6.get(&v6.to_bits()),
        }
    }

    fn admit(&mut self, service: &'a ServiceView, address: IpAddr) -> Before {
        match address {
            IpAddr::V4(v4) => Users::admit(self.v4.entry(v4.to_bits()), service),
            IpAddr::V6(v6) => Users::admit(self.v6.entry(v6.to_bits()), service),
        }
    }

    fn serve(&self, port: &Port, address: IpAddr) -> bool {
        self.of(address)
            .is_some_and(|users| users.ports.contains_key(port))
    }
}

impl<'a> Ledger<'a> {
    pub(super) fn new(pools: &'a Pools) -> Self {
        Self {
            pools,
            users: AllUsers::default(),
            shelves: Shelves::default(),
            closed: BTreeMap::new(),
            free: pools.all_addresses().to_vec(),
            used: vec![ByFamily::default(); pools.all_addresses().len()],
        }
    }

    /// Enters a Service under its addresses: under all of them or under none.
    pub(super) fn enter(
        &mut self,
        service: &'a ServiceView,
        addresses: Addresses,
        claim: Claim,
    ) -> Result<(), Taken> {
        for address in addresses.iter() {
            self.check(service, address, claim)?;
        }
        for address in addresses.iter() {
            self.write(service, address);
        }
        Ok(())
    }

    /// Lets nobody else be entered under the address of a Service that cannot be read. Whom it shares the address with
    /// is not known, so those who are entered stay.
    pub(super) fn close(&mut self, address: IpAddr, owner: &'a ServiceKey) {
        let is_new = !self.is_used(address);
        if let Some(position) = self.pools.owner_position(address).filter(|_| is_new) {
            self.take(address, position);
        }
        self.closed.insert(address, owner);
    }

    fn take(&mut self, address: IpAddr, position: usize) {
        self.free[position].remove(address);
        self.used[position][Family::of(address)] += 1;
    }

    /// Whether a Service could be entered under this address.
    pub(super) fn check(&self, service: &ServiceView, address: IpAddr, claim: Claim) -> Result<(), Taken> {
        let taken = |by: &ServiceKey, why| {
            let by = by.clone();
            Err(Taken { address, by, why })
        };
        if let Some(owner) = self.closed.get(&address) {
            return taken(owner, Unshared::Unreadable);
        }
        let Some(users) = self.users.of(address) else {
            return Ok(());
        };
        let (Some(own), Some(theirs)) = (&service.sharing, users.sharing) else {
            return taken(users.first, Unshared::NotShared);
        };
        let is_newcomer = claim == Claim::New && !users.namespaces.contains(&*service.key.namespace);
        // A selector selects pods of its own namespace only.
        let other_pods = own.backends != theirs.backends || is_newcomer && own.backends.are_local();
        if own.key != theirs.key {
            taken(users.first, Unshared::OtherKey)
        } else if other_pods {
            taken(users.first, Unshared::OtherBackends)
        } else if is_newcomer && !self.shares_across_namespaces(address) {
            taken(users.first, Unshared::OtherNamespace)
        } else {
            let mut ports = service.ports.iter();
            let clash = ports.find_map(|port| users.ports.get_key_value(port));
            clash.map_or(Ok(()), |(port, by)| {
                taken(by, Unshared::SamePort((*port).clone()))
            })
        }
    }

    fn shares_across_namespaces(&self, address: IpAddr) -> bool {
        self.pools
            .owner(address)
            .is_some_and(|pool| pool.shares_across_namespaces)
    }

    fn write(&mut self, service: &'a ServiceView, address: IpAddr) {
        let before = self.users.admit(service, address);
        let Some(position) = self.pools.owner_position(address) else {
            return;
        };
        if before == Before::Free {
            self.take(address, position);
        }
        let across = self.shares_across_namespaces(address);
        let users = &self.users;
        self.shelves
            .put(service, position, across, address, |port, address| {
                users.serve(port, address)
            });
    }

    /// The free addresses of the pool at this position.
    pub(super) fn free(&self, position: usize) -> &AddressSet {
        &self.free[position]
    }

    /// Whether any Service has the address.
    pub(super) fn is_used(&self, address: IpAddr) -> bool {
        self.users.of(address).is_some() || self.closed.contains_key(&address)
    }

    /// The lowest address of this pool and family that the Service may share, among those that will do.
    pub(super) fn shareable(
        &self,
        service: &ServiceView,
        (position, pool): Numbered<'_>,
        family: Family,
        will_do: impl Fn(IpAddr) -> bool,
    ) -> Option<IpAddr> {
        let across = pool.shares_across_namespaces;
        let mut may = self.shelves.may_have_room(service, position, across, family);
        may.find(|address| will_do(*address) && self.check(service, *address, Claim::New).is_ok())
    }

    /// Why the Service cannot join those on the first address of this pool with its sharing key.
    pub(super) fn clash(&self, service: &ServiceView, position: usize, family: Family) -> Option<Taken> {
        let first = self.shelves.first_of_key(service, position, family)?;
        self.check(service, first, Claim::New).err()
    }

    /// The addresses in use of each pool, in the order of [`Pools::iter`].
    pub(super) fn used(&self) -> &[ByFamily<i64>] {
        &self.used
    }
}
