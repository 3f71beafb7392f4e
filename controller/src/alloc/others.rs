//! Addresses that others than Services of ours use, and those that are no good for a Service.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{Occupant, Pool, ServiceClass, ServiceKey, ServiceView, Withheld};
use ipnetwork::IpNetwork;

use super::World;

/// Addresses that are given out on request only, or not at all, and why.
pub(super) struct Others<'a> {
    world: &'a World,
    /// Machines first.
    occupants: BTreeMap<IpAddr, Vec<Occupant>>,
    /// The first and last addresses of the known subnets.
    ends: BTreeMap<IpAddr, Withheld>,
}

impl<'a> Others<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        let mut occupants: BTreeMap<IpAddr, Vec<Occupant>> = BTreeMap::new();
        let mut uses = |address: IpAddr, by| occupants.entry(address).or_default().push(by);
        for (address, node) in &world.nodes {
            uses(*address, Occupant::Node(node.clone()));
        }
        for address in &world.api_server {
            uses(*address, Occupant::ApiServer);
        }
        for (key, service) in &world.services {
            for address in foreign_addresses(world, service) {
                uses(address, Occupant::Status(key.clone()));
            }
            for address in &service.external_ips {
                uses(*address, Occupant::ExternalIp(key.clone()));
            }
        }
        for (service, address) in &world.foreign {
            uses(*address, Occupant::Status(service.clone()));
        }
        Self {
            world,
            occupants,
            ends: world.subnets.iter().flat_map(|subnet| ends(*subnet)).collect(),
        }
    }

    /// Why an address of this pool is not given out by itself.
    pub(super) fn withheld(&self, pool: &Pool, address: IpAddr) -> Option<Withheld> {
        match self.occupants_of(address).next() {
            Some(by) => Some(Withheld::Used(by.clone())),
            None if self.world.taken.contains(&address) => Some(Withheld::Taken),
            None => self.avoids(pool, address),
        }
    }

    /// What is wrong with an address of this pool, even if nobody uses it.
    pub(super) fn avoids(&self, pool: &Pool, address: IpAddr) -> Option<Withheld> {
        if pool.avoids(address) {
            return Some(Withheld::Buggy);
        }
        if let Some(end) = self.ends.get(&address) {
            return Some(end.clone());
        }
        let is_unknown = || !self.world.subnets.iter().any(|subnet| subnet.contains(address));
        (may_be_anycast(address) && is_unknown()).then_some(Withheld::Anycast)
    }

    /// The occupant that keeps this address of the pool from the Service, even if the Service asks for it.
    pub(super) fn forbids(
        &self,
        service: &ServiceKey,
        pool: Option<&Pool>,
        address: IpAddr,
    ) -> Option<&Occupant> {
        let others = |by: &&Occupant| matches!(by, Occupant::Status(other) if other != service);
        self.forbids_keeping(pool, address)
            .or_else(|| self.occupants_of(address).find(others))
    }

    /// The machine that takes this address of the pool even from a Service that has it: traffic of the machine itself
    /// would go to the Service, on every node.
    pub(super) fn forbids_keeping(&self, pool: Option<&Pool>, address: IpAddr) -> Option<&Occupant> {
        let allowed = pool.is_some_and(|pool| pool.allows_node_addresses);
        let machine = |by: &&Occupant| matches!(by, Occupant::Node(_) | Occupant::ApiServer) && !allowed;
        self.occupants_of(address).find(machine)
    }

    /// The occupant that uses the address beside a Service that has it.
    pub(super) fn uses_too(&self, service: &ServiceKey, address: IpAddr) -> Option<&Occupant> {
        self.occupants_of(address).find(|by| match by {
            Occupant::ExternalIp(other) | Occupant::Status(other) => other != service,
            Occupant::Node(_) | Occupant::ApiServer => true,
        })
    }

    /// All addresses that are known to be given out on request only, or not at all.
    pub(super) fn known(&self) -> BTreeSet<IpAddr> {
        let known = self.occupants.keys().chain(self.ends.keys());
        known.chain(&self.world.taken).copied().collect()
    }

    fn occupants_of(&self, address: IpAddr) -> impl Iterator<Item = &Occupant> {
        self.occupants.get(&address).into_iter().flatten()
    }
}

/// What another implementation wrote into the status of a Service. Types without a load balancer have no status.
fn foreign_addresses(world: &World, service: &ServiceView) -> Vec<IpAddr> {
    let ServiceClass::LoadBalancer(_) = service.class else {
        return Vec::new();
    };
    if service.class.is_ours(world.class.as_deref()) && service.is_written_by_us() {
        return Vec::new();
    }
    service.in_status().collect()
}

/// The addresses of a subnet that no machine has for itself.
fn ends(subnet: IpNetwork) -> Vec<(IpAddr, Withheld)> {
    match subnet {
        // RFC 3021: a /31 has neither.
        IpNetwork::V4(v4) if v4.prefix() <= 30 => vec![
            (v4.network().into(), Withheld::Network(subnet)),
            (v4.broadcast().into(), Withheld::Broadcast(subnet)),
        ],
        // RFC 6164: nor has a /127.
        IpNetwork::V6(v6) if v6.prefix() <= 126 => vec![(v6.network().into(), Withheld::Anycast)],
        IpNetwork::V4(_) | IpNetwork::V6(_) => Vec::new(),
    }
}

/// Whether it is the subnet-router anycast address of a subnet of the usual length (RFC 4291, section 2.5.4).
fn may_be_anycast(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.segments()[4..] == [0; 4])
}
