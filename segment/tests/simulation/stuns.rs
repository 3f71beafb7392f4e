//! Processes that stand still for a while and go on, as `measure stability --kind stun` has them do it.

use std::net::IpAddr;
use std::time::Duration;

use rstest::rstest;

use crate::world::{Doubles, World, ms};

/// How many of each; more are asked for with `FERROLB_SIMULATION_SEEDS`.
fn seeds() -> u64 {
    let asked = std::env::var("FERROLB_SIMULATION_SEEDS").ok();
    asked.map_or(5, |seeds| seeds.parse().expect("a number of seeds"))
}

#[derive(Clone, Copy, Debug)]
enum Role {
    Holder,
    Bystander,
}

/// The node that holds most, or least.
fn victim(world: &World, role: Role) -> usize {
    let nodes = 0..world.nodes.len();
    let held = |node: &usize| world.held(*node).len();
    let found = match role {
        Role::Holder => nodes.max_by_key(held),
        Role::Bystander => nodes.min_by_key(held),
    };
    found.expect("there are nodes")
}

/// A claim that is lost is found out with the next beacon, if that is not lost too.
fn round(world: &World) -> Duration {
    match world.lan.loss_percent {
        0 => Duration::ZERO,
        _ => ms(250),
    }
}

/// The addresses of others stay where they are, the node that stood still does not answer beside another, and in the end each
/// address has one holder.
fn suffer(world: &mut World, node: usize, pause: Duration, amid: bool, what: &str) {
    let own = world.held(node);
    let before = world.table();
    let began = world.now;
    if amid {
        world.pause_amid(node, pause);
    } else {
        world.pause(node, pause);
    }
    // Shorter than D it does not suspect itself. With its last beacon lost it was missed nevertheless, and with the
    // claims of the others lost too it learns that from their next beacons only.
    let may_not_know = world.lan.loss_percent > 0 && pause < ms(300);
    let mut doubles = Doubles::default();
    world.watch(pause + ms(2500), |world| {
        doubles.look(world);
        let answers = |address: &IpAddr| world.answering(*address).contains(&node);
        let stale = !may_not_know && world.doubles().iter().any(answers);
        assert!(!stale, "{what}, {:?}: {:?}", world.now, world.table());
    });
    let longest = doubles.longest;
    assert!(longest <= round(world), "{what}: two answered for {longest:?}");
    let happened: Vec<_> = world.events.iter().filter(|(at, ..)| *at >= began).collect();
    let after = world.table();
    assert!(world.is_settled(), "{what}: {after:?}\n{happened:#?}");
    let moved = before.iter().filter(|(address, _)| !own.contains(address));
    let moved: Vec<_> = moved.filter(|(address, held)| after[address] != **held).collect();
    assert!(moved.is_empty(), "{what}: {moved:?} moved\n{happened:#?}");
}

#[rstest]
fn who_stands_still_moves_nothing_of_others_and_leaves_one_holder(
    #[values(3, 4)] nodes: usize,
    #[values(0, 5)] loss: u64,
    #[values(250, 800)] pause: u64,
    #[values(Role::Holder, Role::Bystander)] role: Role,
) {
    for seed in 1..=seeds() {
        let mut world = World::running(nodes, 12, seed);
        world.lan.loss_percent = loss;
        for turn in 0..4 {
            let phase = world.chance(500_000);
            world.run(Duration::from_micros(phase));
            let node = victim(&world, role);
            let what =
                format!("seed {seed}, turn {turn}, {nodes} nodes, {loss} % loss, {pause} ms of {node}");
            suffer(&mut world, node, ms(pause), turn % 2 == 1, &what);
        }
    }
}
