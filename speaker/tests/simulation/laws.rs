//! What holds whatever happens in the cluster, to nodes, and to what joins them with the routers.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferrolb_peering::bfd::State;
use ferrolb_peering::{Moment, Prefix};
use rstest::rstest;

use crate::cluster::{Cluster, NODES, SERVICES, Wish, has_reason};
use crate::world::{DETECTION, PROMPT, World, ms, service};

/// After the last fault everybody has what is wanted: waits between attempts, and BFD.
const SETTLED: Duration = Duration::from_secs(10);
/// How long routers keep the routes of a speaker that restarts.
const RESTART: Duration = Duration::from_secs(60);

fn numbers() -> BTreeMap<Prefix, usize> {
    (0..SERVICES).map(|number| (service(number), number)).collect()
}

/// What there were reasons for, and which nodes could not withdraw.
#[derive(Default)]
struct Past {
    reasons: BTreeMap<(usize, usize), Moment>,
    /// Until then routers may have what the node has no reason for any more.
    lost: BTreeMap<usize, Moment>,
    faulty: BTreeSet<usize>,
    restarts: [usize; 2],
    /// When was looked last, and how many UPDATEs there were by then.
    looked: Cell<(usize, Moment)>,
}

/// Between looks while routers hear nothing new.
const BLINK: Duration = ms(20);

impl Past {
    fn note(&mut self, cluster: &Cluster) {
        let now = cluster.world.now;
        let all = (0..NODES).flat_map(|node| (0..SERVICES).map(move |number| (node, number)));
        let reasons = all.filter(|(node, number)| has_reason(&cluster.services, *node, *number));
        self.reasons.extend(reasons.map(|key| (key, now)));
    }

    fn lose(&mut self, cluster: &Cluster, node: usize, restarts: bool) {
        let is_up = |router| cluster.world.pairs[&(node, router)].router_bfd.status().state == State::Up;
        let time = match (restarts, is_up(0) && is_up(1)) {
            (true, _) => RESTART,
            (false, true) => DETECTION,
            (false, false) => ms(90_000),
        };
        let until = self.lost.entry(node).or_default();
        *until = (*until).max(cluster.world.now + time + ms(10));
        self.faulty.insert(node);
    }

    fn look(&self, world: &World, services: &BTreeMap<usize, Wish>, numbers: &BTreeMap<Prefix, usize>) {
        let (updates, at) = self.looked.get();
        let said = world.sum(|router| router.updates);
        if said == updates && world.now.since(at) < BLINK {
            return;
        }
        self.looked.set((said, world.now));
        for (&(node, router), pair) in &world.pairs {
            for prefix in pair.router.routes.keys() {
                let number = numbers[prefix];
                let is_right = world.nodes[node].runs && has_reason(services, node, number);
                let until = self.reasons.get(&(node, number));
                let is_recent = until.is_some_and(|until| world.now.since(*until) <= PROMPT);
                let is_lost = self.lost.get(&node).is_some_and(|until| world.now <= *until);
                assert!(
                    is_right || is_recent && world.nodes[node].runs || is_lost,
                    "router {router} has {prefix} of node {node} at {:?}",
                    world.now
                );
            }
        }
    }
}

fn chance(cluster: &mut Cluster, below: usize) -> usize {
    cluster.world.chance(below as u64) as usize
}

/// Some Service comes, goes, or changes.
fn edit(cluster: &mut Cluster) -> usize {
    let number = chance(cluster, SERVICES);
    let local = cluster.services.get(&number).map(|wish| wish.local);
    let local = local.unwrap_or_else(|| chance(cluster, 2) == 0);
    let some = (0..NODES).filter(|_| chance(cluster, 4) == 0);
    let nodes: Vec<usize> = some.collect();
    let ready = |_| chance(cluster, 3) > 0;
    let endpoints: Vec<bool> = nodes.iter().map(ready).collect();
    let endpoints = nodes.into_iter().zip(endpoints).collect();
    let wish = (chance(cluster, 5) > 0).then_some(Wish { local, endpoints });
    cluster.put(number, wish);
    number
}

/// Something happens, and for some of it time has to pass before it is over.
fn happen(cluster: &mut Cluster, past: &mut Past, look: impl Fn(&Past, &World, &BTreeMap<usize, Wish>)) {
    past.note(cluster);
    let node = chance(cluster, NODES / 2);
    let time = ms(50 + cluster.world.chance(2000));
    let run = |cluster: &mut Cluster, past: &mut Past| {
        cluster.decide();
        cluster.watch(time, |world, services| look(past, world, services));
        past.note(cluster);
    };
    match chance(cluster, 10) {
        0..4 => drop(edit(cluster)),
        4 => {
            let cordoned = cluster.cordoned.contains(&node);
            cluster.cordon(node, !cordoned);
        }
        5 => {
            past.lose(cluster, node, false);
            cluster.world.power_off(node);
            cluster.see(node, false);
            run(cluster, past);
            cluster.see(node, true);
            cluster.decide();
            cluster.world.boot(node);
        }
        6 => {
            past.lose(cluster, node, true);
            cluster.world.stop_for_restart(node);
            run(cluster, past);
            cluster.world.boot(node);
        }
        7 => {
            past.lose(cluster, node, false);
            cluster.world.cut(node, true);
            run(cluster, past);
            cluster.world.cut(node, false);
        }
        8 => {
            let router = chance(cluster, 2);
            cluster.world.restart_router(router);
            past.restarts[router] += 1;
        }
        _ => {
            let (node, loss) = (chance(cluster, NODES), cluster.world.chance(50));
            cluster.world.roughen(node, ms(0), loss);
        }
    }
    run(cluster, past);
}

#[rstest]
fn chance_breaks_no_law(#[values(1, 2, 3, 4)] seed: u64) {
    let mut cluster = Cluster::running(seed);
    cluster.world.routers_are_frr = seed == 2;
    let (mut past, numbers) = (Past::default(), numbers());
    for _ in 0..20 {
        happen(&mut cluster, &mut past, |past, world, services| {
            past.look(world, services, &numbers);
        });
    }
    cluster.pass(SETTLED);
    assert_eq!(cluster.world.differences(), []);
    // Each address that some node has a reason to tell is told by one.
    for router in [0, 1] {
        for number in 0..SERVICES {
            let mut pairs = (0..NODES).map(|node| &cluster.world.pairs[&(node, router)]);
            let is_told = pairs.any(|pair| pair.router.routes.contains_key(&service(number)));
            let is_wanted = (0..NODES).any(|node| has_reason(&cluster.services, node, number));
            assert_eq!(is_told, is_wanted, "router {router}, {}", service(number));
        }
    }
    // No session was reset without a cause.
    for node in (0..NODES).filter(|node| !past.faulty.contains(node)) {
        let sessions = [0, 1].map(|router| cluster.world.pairs[&(node, router)].router.sessions);
        assert_eq!(
            sessions,
            past.restarts.map(|restarts| restarts + 1),
            "node {node}"
        );
    }
}

#[test]
fn one_change_of_one_service_is_one_update_for_each_router_that_it_concerns() {
    let mut cluster = Cluster::running(4);
    let mut told = 0;
    for _ in 0..40 {
        let before: BTreeMap<_, _> = cluster
            .world
            .pairs
            .iter()
            .map(|(key, pair)| (*key, (pair.router.updates, pair.wanted.clone())))
            .collect();
        edit(&mut cluster);
        cluster.decide();
        cluster.pass(ms(50));
        for (key, pair) in &cluster.world.pairs {
            let (updates, wanted) = &before[key];
            let due = usize::from(pair.wanted != *wanted);
            assert_eq!(pair.router.updates - updates, due, "{key:?}");
            told += due;
        }
    }
    assert_eq!(cluster.world.differences(), []);
    assert!(told > 40, "{told}");
}

/// Nodes give up what others tell, and the last one keeps it.
#[test]
fn cordoning_one_node_after_another_leaves_every_address_told() {
    let mut cluster = Cluster::running(5);
    let is_told = |world: &World, router: usize, number: usize| {
        let mut pairs = (0..NODES).map(|node| &world.pairs[&(node, router)]);
        pairs.any(|pair| pair.router.routes.contains_key(&service(number)))
    };
    for node in 0..NODES {
        cluster.cordon(node, true);
        cluster.decide();
        cluster.watch(ms(200), |world, _| {
            let all = [0, 1]
                .into_iter()
                .flat_map(|router| (0..SERVICES).map(move |number| (router, number)));
            for (router, number) in all {
                assert!(is_told(world, router, number), "node {node}: {}", service(number));
            }
        });
        let has_none = cluster.world.pairs[&(node, 0)].router.routes.is_empty();
        assert_eq!(has_none, node < NODES - 1, "node {node}");
    }
}

/// A router that kept the routes of a restart would send into the void for a minute.
#[test]
fn what_a_dead_node_told_goes_with_bfd_and_the_other_nodes_go_on() {
    let mut cluster = Cluster::running(6);
    cluster.world.power_off(3);
    cluster.see(3, false);
    cluster.decide();
    cluster.pass(DETECTION + ms(10));
    let router = &cluster.world.pairs[&(3, 1)].router;
    assert_eq!((router.routes.len(), router.keeps()), (0, false));
    assert_eq!(cluster.world.differences(), []);
    assert_eq!(
        cluster.world.sum(|router| router.routes.len()),
        2 * (NODES - 1) * SERVICES
    );
}
