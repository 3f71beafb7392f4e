//! What holds whatever happens: chance breaks things, and an onlooker looks after each event.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferrolb_peering::bfd::State;
use ferrolb_peering::bgp::Community;
use ferrolb_peering::{Moment, Prefix};
use rstest::rstest;

use crate::world::{DETECTION, PROMPT, World, ms};

const NODES: usize = 20;
/// After the last fault everybody has what is wanted: waits between attempts, BFD, and the time of a restart.
const SETTLED: Duration = Duration::from_secs(70);

/// What each node wanted, and until when.
#[derive(Default)]
struct Past {
    wanted: BTreeMap<(usize, Prefix), Moment>,
    /// Until then routers may have what the node does not announce: it is off, cut, held up, or its process restarts.
    lost: BTreeMap<usize, Moment>,
    flawless: BTreeSet<usize>,
    /// How often each router started again.
    restarts: [usize; 2],
}

impl Past {
    fn note(&mut self, world: &World) {
        for (&(node, _), pair) in &world.pairs {
            let prefixes = pair.wanted.keys();
            self.wanted
                .extend(prefixes.map(|prefix| ((node, *prefix), world.now)));
        }
    }

    /// The node is lost. A restart is waited for; else BFD takes it down, or the hold timer if BFD was not up.
    fn lose(&mut self, world: &World, node: usize, restarts: bool) {
        let is_up = |router| world.pairs[&(node, router)].router_bfd.status().state == State::Up;
        let time = match (restarts, is_up(0) && is_up(1)) {
            (true, _) => ms(60_000),
            (false, true) => DETECTION,
            (false, false) => ms(90_000),
        };
        let until = self.lost.entry(node).or_default();
        *until = (*until).max(world.now + time + ms(10));
    }

    /// No route without a reason: it is wanted, or was a moment ago, or the node is lost.
    fn look(&self, world: &World) {
        for (&(node, router), pair) in &world.pairs {
            let wanted = &pair.wanted;
            for prefix in pair.router.routes.keys() {
                let until = self.wanted.get(&(node, *prefix)).copied();
                let is_recent = until.is_some_and(|until| world.now.since(until) <= PROMPT);
                let is_lost = self.lost.get(&node).is_some_and(|until| world.now <= *until);
                let is_right = wanted.contains_key(prefix) && world.nodes[node].runs;
                assert!(
                    is_right || is_recent || is_lost,
                    "router {router} has {prefix} of node {node} at {:?}",
                    world.now
                );
            }
        }
    }
}

#[rstest]
fn chance_breaks_no_law(#[values(1, 2, 3, 4)] seed: u64) {
    let mut world = World::running(NODES, 12, seed);
    world.routers_are_frr = seed.is_multiple_of(2);
    let mut past = Past::default();
    past.flawless.extend(0..NODES);
    let sessions = |world: &World, node| [0, 1].map(|router| world.pairs[&(node, router)].router.sessions);
    for _ in 0..25 {
        let node = world.chance(NODES as u64 / 2) as usize;
        past.note(&world);
        let time = ms(20 + world.chance(2000));
        let run = |world: &mut World, past: &mut Past| {
            past.note(world);
            world.watch(time, |world| past.look(world));
        };
        match world.chance(8) {
            0 | 1 => {
                // Any node may change: nothing here may cost a session.
                let node = world.chance(NODES as u64) as usize;
                let wanted: Vec<usize> = (0..12).filter(|_| world.chance(3) > 0).collect();
                let community = (world.chance(2) > 0).then_some(Community::GRACEFUL_SHUTDOWN);
                world.want(node, &wanted, community);
                world.watch(time, |world| past.look(world));
                continue;
            }
            6 => {
                let router = world.chance(2) as usize;
                world.restart_router(router);
                past.restarts[router] += 1;
                run(&mut world, &mut past);
                continue;
            }
            7 => {
                // Nothing here may cost a session, and nothing is told later than it takes.
                let node = world.chance(NODES as u64) as usize;
                let loss = world.chance(50);
                world.roughen(node, ms(0), loss);
                run(&mut world, &mut past);
                continue;
            }
            2 => {
                past.lose(&world, node, false);
                world.power_off(node);
                run(&mut world, &mut past);
                world.boot(node);
            }
            3 => {
                past.lose(&world, node, true);
                world.stop_for_restart(node);
                run(&mut world, &mut past);
                world.boot(node);
            }
            4 => {
                past.lose(&world, node, false);
                world.cut(node, true);
                run(&mut world, &mut past);
                world.cut(node, false);
            }
            _ => {
                past.lose(&world, node, false);
                world.hold_up(node, true);
                run(&mut world, &mut past);
                world.hold_up(node, false);
            }
        }
        past.flawless.remove(&node);
        run(&mut world, &mut past);
    }
    world.pass(SETTLED);
    assert_eq!(world.differences(), []);
    // No session is reset without a cause.
    assert!(past.flawless.len() >= NODES / 2);
    for node in past.flawless {
        let due = past.restarts.map(|restarts| restarts + 1);
        assert_eq!(sessions(&world, node), due, "node {node}");
    }
}
