//! The little that no other object holds: which Service gave which address back when, and the terms of sharing at the
//! last decision. The former is left to the next leader in an annotation of the Lease.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::{Addresses, ServiceKey, ServiceView};
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use crate::alloc::{Decision, GivenBack, Outcome, World};
use crate::ascending::Ascending;

/// Kept from one decision to the next.
#[derive(Debug)]
pub(crate) struct Memory {
    cooldown: Duration,
    last: BTreeMap<ServiceKey, Held>,
    cooling: BTreeMap<IpAddr, (GivenBack, Instant)>,
    /// Since when addresses are withheld that another station has.
    taken: BTreeMap<IpAddr, Instant>,
    /// The same moment on both clocks.
    anchor: (Instant, Timestamp),
}

/// How long an address is withheld that a Service gave up because another station has it. A new leader begins anew: it costs
/// a Service that gets the address a second exchange.
const TAKEN: Duration = Duration::from_secs(600);

/// How many addresses are left to the next leader: few enough for an annotation that is written every two seconds.
const LEFT: usize = 100;

/// Addresses with their last owner, until when they wait for it (Unix time in seconds), and whether it had UDP ports.
type Legacy = BTreeMap<IpAddr, (String, i64, bool)>;

/// What a Service held after the last decision, and as what it was seen then: its terms of sharing are there.
#[derive(Debug)]
struct Held {
    addresses: Addresses,
    view: Arc<ServiceView>,
}

impl Memory {
    pub(crate) fn new(cooldown: Duration, now: (Instant, Timestamp)) -> Self {
        Self {
            cooldown,
            last: BTreeMap::new(),
            cooling: BTreeMap::new(),
            taken: BTreeMap::new(),
            anchor: now,
        }
    }

    /// What the next leader should know: the addresses that were given back last, by whom, and until when (Unix time in
    /// seconds) they wait for them.
    pub(crate) fn legacy(&self) -> String {
        let mut all: Vec<_> = self.cooling.iter().collect();
        all.sort_by_key(|(_, (_, since))| std::cmp::Reverse(*since));
        let left = |(address, (last, since)): (&IpAddr, &(GivenBack, Instant))| {
            let until = self.until_unix_seconds(*since);
            (*address, (last.by.to_string(), until, last.had_udp))
        };
        let left: Legacy = all.into_iter().take(LEFT).map(left).collect();
        serde_json::to_string(&left).unwrap_or_default()
    }

    /// Takes over what the last leader left. What cannot be read counts for nothing.
    pub(crate) fn inherit(&mut self, legacy: &str) {
        let (now, wall) = self.anchor;
        for (address, (owner, until, had_udp)) in serde_json::from_str::<Legacy>(legacy).unwrap_or_default() {
            let left = u64::try_from(until - wall.as_second()).map(Duration::from_secs);
            let waited = left.ok().and_then(|left| self.cooldown.checked_sub(left));
            let owner = owner.split_once('/');
            if let (Some((namespace, name)), Some(since)) =
                (owner, waited.and_then(|waited| now.checked_sub(waited)))
            {
                let by = ServiceKey::new(namespace, name);
                self.cooling.insert(address, (GivenBack { by, had_udp }, since));
            }
        }
    }

    fn until_unix_seconds(&self, since: Instant) -> i64 {
        let (now, wall) = self.anchor;
        let whole = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let after = whole(since.saturating_duration_since(now) + self.cooldown);
        wall.as_second() + after - whole(now.saturating_duration_since(since))
    }

    /// Adds what is remembered to the world that is decided on.
    pub(crate) fn recall(&mut self, world: &mut World, now: Instant) {
        let mut services = Ascending::over(&world.services);
        let is_gone = |key: &ServiceKey, _: &mut Held| {
            let service = services.get(key);
            service.is_none_or(|service| !service.class.is_ours(world.class.as_deref()))
        };
        let gone: Vec<_> = self.last.extract_if(.., is_gone).collect();
        for (_, held) in gone {
            self.begin_cooling(&held.view, held.addresses.iter(), now);
        }
        let cooldown = self.cooldown;
        self.cooling
            .retain(|_, (_, since)| now.duration_since(*since) < cooldown);
        world.cooling = self
            .cooling
            .iter()
            .map(|(address, (last, _))| (*address, last.clone()))
            .collect();
        self.taken.retain(|_, since| now.duration_since(*since) < TAKEN);
        world.taken = self.taken.keys().copied().collect();
        world.changed = self.changed(&world.services);
        self.recall_rewritten(world);
    }

    /// Statuses that another writer wrote since: what is there now is that writer's, and what was there waits for its Service.
    fn recall_rewritten(&self, world: &mut World) {
        let mut services = Ascending::over(&world.services);
        for (key, held) in &self.last {
            let Some(service) = services.get(key) else {
                continue;
            };
            if held.addresses.is_empty() || held.addresses == service.ingress {
                continue;
            }
            let last = GivenBack::by(&held.view);
            let lost = without(held.addresses, service.ingress);
            world.cooling.extend(lost.map(|address| (address, last.clone())));
            let foreign = without(service.ingress, held.addresses);
            let foreign = foreign.map(|address| (key.clone(), address));
            world.foreign.extend(foreign);
        }
    }

    /// Remembers what was decided.
    pub(crate) fn note(&mut self, world: &World, decision: &Decision, now: Instant) {
        let mut outcomes = Ascending::over(&decision.outcomes);
        for (key, service) in &world.services {
            let now_has = match outcomes.get(key) {
                Some(Outcome::Assigned(assignment)) => assignment.addresses,
                Some(Outcome::Refused(_) | Outcome::NotOurs) | None => Addresses::default(),
            };
            let held = Held {
                addresses: now_has,
                view: service.clone(),
            };
            let given_up = without(service.taken, now_has);
            self.taken.extend(given_up.map(|address| (address, now)));
            if let Some(last) = self.last.get_mut(key) {
                let before = std::mem::replace(last, held);
                self.begin_cooling(&before.view, without(before.addresses, now_has), now);
            } else {
                self.last.insert(key.clone(), held);
            }
            now_has.iter().for_each(|address| {
                self.taken.remove(&address);
                self.cooling.remove(&address);
            });
        }
    }

    /// When the next address stops waiting for its last owner.
    pub(crate) fn next_change(&self) -> Option<Instant> {
        let cooling = self.cooling.values().map(|(_, since)| *since + self.cooldown);
        let taken = self.taken.values().map(|since| *since + TAKEN);
        cooling.chain(taken).min()
    }

    fn begin_cooling(&mut self, owner: &ServiceView, addresses: impl Iterator<Item = IpAddr>, now: Instant) {
        let last = GivenBack::by(owner);
        self.cooling
            .extend(addresses.map(|address| (address, (last.clone(), now))));
    }

    fn changed(&self, services: &BTreeMap<ServiceKey, Arc<ServiceView>>) -> BTreeSet<ServiceKey> {
        let mut last = Ascending::over(&self.last);
        let has_changed = |(key, service): &(&ServiceKey, &Arc<ServiceView>)| {
            let before = last.get(key).filter(|held| !held.addresses.is_empty());
            before.is_some_and(|held| !held.view.shares_like(service))
        };
        let changed = services.iter().filter(has_changed);
        changed.map(|(key, _)| key.clone()).collect()
    }
}

/// Those of `some` that are not among `others`.
fn without(some: Addresses, others: Addresses) -> impl Iterator<Item = IpAddr> {
    some.iter().filter(move |address| !others.contains(*address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::decide;
    use ferrolb_crds::domain::{Origins, Pool, Pools, Port};
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
        let pool = Pool::read(&serde_json::from_value(pool).unwrap());
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

    fn memory() -> Memory {
        Memory::new(COOLDOWN, (Instant::now(), Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn the_next_leader_waits_for_the_same_owners_as_long() {
        let (mut first, start) = (memory(), Instant::now());
        pass(&mut first, &[view("a", &[80])], start);
        pass(&mut first, &[], start + Duration::from_secs(9));
        let legacy = first.legacy();
        assert_eq!(legacy, r#"{"192.0.2.0":["shop/a",309,false]}"#);
        let later = Timestamp::from_second(100).unwrap();
        let mut next = Memory::new(COOLDOWN, (start, later));
        next.inherit(&legacy);
        assert_eq!(next.next_change(), Some(start + Duration::from_secs(209)));
        let back = pass(&mut next, &[view("b", &[80]), view("a", &[80])], start);
        let Outcome::Assigned(assignment) = &decide(&back).outcomes[&ServiceKey::new("shop", "a")] else {
            panic!("it has its address");
        };
        assert_eq!(assignment.addresses.to_string(), "192.0.2.0");
    }

    #[test]
    fn a_legacy_that_is_over_or_cannot_be_read_counts_for_nothing() {
        for legacy in [
            r#"{"192.0.2.0":["shop/a",-1,false]}"#,
            "nonsense",
            r#"{"192.0.2.0":["a",9,false]}"#,
        ] {
            let mut memory = memory();
            memory.inherit(legacy);
            assert_eq!(memory.next_change(), None, "{legacy}");
        }
    }

    #[test]
    fn a_legacy_is_bounded_and_holds_the_newest() {
        let mut memory = memory();
        let start = Instant::now();
        for number in 0..500_u32 {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(number));
            memory.begin_cooling(
                &view("a", &[80]),
                [address].into_iter(),
                start + Duration::from_millis(number.into()),
            );
        }
        let left: Legacy = serde_json::from_str(&memory.legacy()).unwrap();
        assert_eq!(left.len(), LEFT);
        assert!(left.contains_key(&"0.0.1.243".parse().unwrap()));
    }

    #[test]
    fn an_address_of_a_deleted_service_cools_for_its_owner() {
        let (mut memory, start) = (memory(), Instant::now());
        pass(&mut memory, &[view("a", &[80])], start);
        let after = pass(&mut memory, &[], start);
        let waiting = BTreeMap::from([("192.0.2.0".parse().unwrap(), GivenBack::by(&view("a", &[80])))]);
        assert_eq!(after.cooling, waiting);
        assert_eq!(memory.next_change(), Some(start + COOLDOWN));
        assert!(pass(&mut memory, &[], start + COOLDOWN).cooling.is_empty());
    }

    #[test]
    fn it_is_known_whether_the_last_owner_had_udp_ports() {
        let mut udp = (*view("a", &[53])).clone();
        udp.ports = [Port {
            protocol: "UDP".to_owned(),
            number: 53,
        }]
        .into();
        let (mut memory, start) = (memory(), Instant::now());
        pass(&mut memory, &[udp.into()], start);
        assert!(
            pass(&mut memory, &[], start)
                .cooling
                .values()
                .all(|last| last.had_udp)
        );
    }

    #[test]
    fn an_address_that_another_station_has_is_withheld_for_ten_minutes() {
        let (mut memory, start) = (memory(), Instant::now());
        let mut held = (*holding(&["192.0.2.0"])).clone();
        held.taken = held.ingress;
        pass(&mut memory, &[held.into()], start);
        let withheld = |memory: &mut Memory, services: &[Arc<ServiceView>], seconds| {
            pass(memory, services, start + Duration::from_secs(seconds)).taken
        };
        let moved = [holding(&["192.0.2.1"])];
        assert_eq!(
            withheld(&mut memory, &moved, 599),
            ["192.0.2.0".parse().unwrap()].into()
        );
        assert_eq!(memory.next_change(), Some(start + TAKEN));
        assert!(withheld(&mut memory, &moved, 600).is_empty());
    }

    #[test]
    fn an_address_in_use_again_no_longer_cools() {
        let (mut memory, start) = (memory(), Instant::now());
        pass(&mut memory, &[view("a", &[80])], start);
        pass(&mut memory, &[], start);
        pass(&mut memory, &[view("a", &[80])], start);
        let held = holding(&["192.0.2.0"]);
        assert!(pass(&mut memory, &[held], start).cooling.is_empty());
    }

    #[test]
    fn a_service_whose_ports_changed_is_known_for_one_decision() {
        let (mut memory, start) = (memory(), Instant::now());
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
        view.allocated_from = Origins::of(&["p".into()]);
        view.into()
    }

    #[test]
    fn a_status_that_somebody_empties_gets_the_same_address_back() {
        let (mut memory, start) = (memory(), Instant::now());
        let held = || BTreeMap::from([("192.0.2.0".parse().unwrap(), GivenBack::by(&view("a", &[80])))]);
        pass(&mut memory, &[view("a", &[80])], start);
        let emptied = pass(&mut memory, &[holding(&[])], start);
        assert_eq!(emptied.cooling, held());
    }

    #[test]
    fn an_address_that_somebody_else_wrote_is_known_to_be_his() {
        let (mut memory, start) = (memory(), Instant::now());
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
        let world = pass(&mut memory(), &[holding(&["203.0.113.9"])], Instant::now());
        assert!(world.foreign.is_empty());
    }
}
