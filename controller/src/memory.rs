//! The little that no object holds: which Service gave which address back when, and the terms of sharing at the
//! last decision. Lost at a restart, which only means that nobody is waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::{Addresses, ServiceKey, ServiceView};
use tokio::time::Instant;

use crate::alloc::{Decision, Outcome, World};

/// Kept from one decision to the next.
#[derive(Debug)]
pub(crate) struct Memory {
    cooldown: Duration,
    last: BTreeMap<ServiceKey, Held>,
    cooling: BTreeMap<IpAddr, (ServiceKey, Instant)>,
}

/// What a Service held after the last decision, and as what it was seen then: its terms of sharing are there.
#[derive(Debug)]
struct Held {
    addresses: Addresses,
    view: Arc<ServiceView>,
}

impl Memory {
    pub(crate) fn new(cooldown: Duration) -> Self {
        Self {
            cooldown,
            last: BTreeMap::new(),
            cooling: BTreeMap::new(),
        }
    }

    /// Adds what is remembered to the world that is decided on.
    pub(crate) fn recall(&mut self, world: &mut World, now: Instant) {
        let still_ours = |key: &ServiceKey| {
            world
                .services
                .get(key)
                .is_some_and(|service| service.class.is_ours(world.class.as_deref()))
        };
        let gone: Vec<ServiceKey> = self.last.keys().filter(|key| !still_ours(key)).cloned().collect();
        for key in gone {
            if let Some(held) = self.last.remove(&key) {
                self.begin_cooling(&key, held.addresses.iter(), now);
            }
        }
        let cooldown = self.cooldown;
        self.cooling
            .retain(|_, (_, since)| now.duration_since(*since) < cooldown);
        world.cooling = self
            .cooling
            .iter()
            .map(|(address, (owner, _))| (*address, owner.clone()))
            .collect();
        world.changed = self.changed(&world.services);
        self.recall_rewritten(world);
    }

    /// Statuses that another writer wrote since: what is there now is that writer's, and what was there waits for its Service.
    fn recall_rewritten(&self, world: &mut World) {
        for (key, held) in &self.last {
            let Some(service) = world.services.get(key) else {
                continue;
            };
            if held.addresses.is_empty() || held.addresses == service.ingress {
                continue;
            }
            let lost = without(held.addresses, service.ingress);
            world.cooling.extend(lost.map(|address| (address, key.clone())));
            let foreign = without(service.ingress, held.addresses);
            world
                .foreign
                .extend(foreign.map(|address| (key.clone(), address)));
        }
    }

    /// Remembers what was decided.
    pub(crate) fn note(&mut self, world: &World, decision: &Decision, now: Instant) {
        for (key, service) in &world.services {
            let now_has = match &decision.outcomes[key] {
                Outcome::Assigned(assignment) => assignment.addresses,
                Outcome::Refused(_) | Outcome::NotOurs => Addresses::default(),
            };
            let held = Held {
                addresses: now_has,
                view: service.clone(),
            };
            if let Some(last) = self.last.get_mut(key) {
                let before = std::mem::replace(last, held);
                self.begin_cooling(key, without(before.addresses, now_has), now);
            } else {
                self.last.insert(key.clone(), held);
            }
            now_has.iter().for_each(|address| {
                self.cooling.remove(&address);
            });
        }
    }

    /// When the next address stops waiting for its last owner.
    pub(crate) fn next_change(&self) -> Option<Instant> {
        self.cooling
            .values()
            .map(|(_, since)| *since + self.cooldown)
            .min()
    }

    fn begin_cooling(&mut self, owner: &ServiceKey, addresses: impl Iterator<Item = IpAddr>, now: Instant) {
        self.cooling
            .extend(addresses.map(|address| (address, (owner.clone(), now))));
    }

    fn changed(&self, services: &BTreeMap<ServiceKey, Arc<ServiceView>>) -> BTreeSet<ServiceKey> {
        let has_changed = |(key, service): &(&ServiceKey, &Arc<ServiceView>)| {
            let before = self.last.get(*key).filter(|held| !held.addresses.is_empty());
            before.is_some_and(|held| !held.view.shares_like(service))
        };
        services
            .iter()
            .filter(has_changed)
            .map(|(key, _)| key.clone())
            .collect()
    }
}

/// Those of `some` that are not among `others`.
fn without(some: Addresses, others: Addresses) -> impl Iterator<Item = IpAddr> {
    let some: Vec<IpAddr> = some.iter().collect();
    some.into_iter()
        .filter(move |address| !others.iter().any(|other| other == *address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::decide;
    use ferrolb_crds::domain::{Pool, Pools};
    use serde_json::json;

    const COOLDOWN: Duration = Duration::from_secs(300);

    fn view(name: &str, ports: &[u16]) -> Arc<ServiceView> {
        let ports: Vec<_> = ports.iter().map(|port| json!({ "port": port })).collect();
        let object = json!({ "metadata": { "name": name, "namespace": "shop" },
            "spec": { "type": "LoadBalancer", "clusterIPs": ["10.96.0.9"], "ports": ports } });
        ServiceView::read(&serde_json::from_value(object).unwrap()).into()
    }

    fn world(services: &[Arc<ServiceView>]) -> World {
        let pool = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": { "name": "p" }, "spec": { "addresses": ["192.0.2.0/24"] } });
        let pool = Pool::parse(&serde_json::from_value(pool).unwrap()).unwrap();
        World {
            services: services
                .iter()
                .map(|view| (view.key.clone(), view.clone()))
                .collect(),
            pools: Pools::new([pool]).0,
            ..World::default()
        }
    }

    fn pass(memory: &mut Memory, services: &[Arc<ServiceView>], now: Instant) -> World {
        let mut world = world(services);
        memory.recall(&mut world, now);
        memory.note(&world, &decide(&world), now);
        world
    }

    #[test]
    fn an_address_of_a_deleted_service_cools_for_its_owner() {
        let (mut memory, start) = (Memory::new(COOLDOWN), Instant::now());
        pass(&mut memory, &[view("a", &[80])], start);
        let after = pass(&mut memory, &[], start);
        let waiting = BTreeMap::from([("192.0.2.0".parse().unwrap(), ServiceKey::new("shop", "a"))]);
        assert_eq!(after.cooling, waiting);
        assert_eq!(memory.next_change(), Some(start + COOLDOWN));
        assert!(pass(&mut memory, &[], start + COOLDOWN).cooling.is_empty());
    }

    #[test]
    fn an_address_in_use_again_no_longer_cools() {
        let (mut memory, start) = (Memory::new(COOLDOWN), Instant::now());
        pass(&mut memory, &[view("a", &[80])], start);
        pass(&mut memory, &[], start);
        pass(&mut memory, &[view("a", &[80])], start);
        let held = holding(&["192.0.2.0"]);
        assert!(pass(&mut memory, &[held], start).cooling.is_empty());
    }

    #[test]
    fn a_service_whose_ports_changed_is_known_for_one_decision() {
        let (mut memory, start) = (Memory::new(COOLDOWN), Instant::now());
        pass(&mut memory, &[view("a", &[80])], start);
        let changed = pass(&mut memory, &[view("a", &[81])], start).changed;
        assert_eq!(changed, BTreeSet::from([ServiceKey::new("shop", "a")]));
        assert!(pass(&mut memory, &[view("a", &[81])], start).changed.is_empty());
    }

    /// The Service `a` as the watch shows it with these addresses in its status.
    fn holding(addresses: &[&str]) -> Arc<ServiceView> {
        let mut view = (*view("a", &[80])).clone();
        view.ingress = addresses
            .iter()
            .map(|text| text.parse::<IpAddr>().unwrap())
            .collect();
        view.allocated_from = Some("p".into());
        view.into()
    }

    #[test]
    fn a_status_that_somebody_empties_gets_the_same_address_back() {
        let (mut memory, start) = (Memory::new(COOLDOWN), Instant::now());
        let held = || BTreeMap::from([("192.0.2.0".parse().unwrap(), ServiceKey::new("shop", "a"))]);
        pass(&mut memory, &[view("a", &[80])], start);
        let emptied = pass(&mut memory, &[holding(&[])], start);
        assert_eq!(emptied.cooling, held());
    }

    #[test]
    fn an_address_that_somebody_else_wrote_is_known_to_be_his() {
        let (mut memory, start) = (Memory::new(COOLDOWN), Instant::now());
        pass(&mut memory, &[view("a", &[80])], start);
        let theirs = ["203.0.113.9"];
        let world = pass(&mut memory, &[holding(&theirs)], start);
        assert!(
            world
                .foreign
                .contains(&(ServiceKey::new("shop", "a"), "203.0.113.9".parse().unwrap()))
        );
        let Outcome::Assigned(assignment) = &decide(&world).outcomes[&ServiceKey::new("shop", "a")] else {
            panic!("it has its address");
        };
        assert_eq!(assignment.addresses.to_string(), "192.0.2.0");
    }

    #[test]
    fn after_a_restart_nobody_knows_who_wrote_an_address_and_it_stays() {
        let world = pass(
            &mut Memory::new(COOLDOWN),
            &[holding(&["203.0.113.9"])],
            Instant::now(),
        );
        assert!(world.foreign.is_empty());
    }
}
