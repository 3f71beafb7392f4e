//! Other nodes are preferred over those that return, in an order that is the same for all.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_segment::{Conduct, Event, Moment};
use rstest::rstest;

use crate::world::{World, ms};

/// Claims of an address so near to each other are of the same slot.
const SLOT: u64 = 60;

fn world(nodes: usize, seed: u64) -> World {
    World::new(nodes, 12, seed)
        .with_conduct(Conduct::default())
        .started()
}

/// How often two claimed an address within a slot.
fn claimed_twice(world: &World, since: Moment) -> usize {
    let mut last: BTreeMap<IpAddr, Moment> = BTreeMap::new();
    let mut twice = 0;
    for (at, _, event) in world.events.iter().filter(|(at, ..)| *at >= since) {
        if let Event::Claimed(address, _) = event {
            let before = last.insert(*address, *at);
            twice += usize::from(before.is_some_and(|before| at.since(before) < ms(SLOT)));
        }
    }
    twice
}

/// The process of the node dies and starts again.
fn come_back(world: &mut World, node: usize) {
    world.kill(node);
    let away = 600 + world.chance(900);
    world.run(ms(away));
    world.start(node);
    let since = 700 + world.chance(900);
    world.run(ms(since));
}

/// Rules R2, R5.
#[test]
fn after_several_returns_no_two_claim_the_same_address_in_the_same_slot() {
    let mut twice = 0;
    for seed in 1..60 {
        let mut world = world(4, seed);
        let returns = 2 + world.chance(4);
        for _ in 0..returns {
            let node = 1 + world.chance(3) as usize;
            come_back(&mut world, node);
        }
        let died = world.now;
        world.kill(0);
        world.run(ms(1000));
        twice += claimed_twice(&world, died);
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
    }
    assert_eq!(twice, 0, "so many addresses were claimed twice");
}

/// The nodes whose last beacon says that others are preferred over them.
fn held_down(world: &World) -> Vec<usize> {
    (0..world.nodes.len())
        .filter(|node| world.says_held_down(*node))
        .collect()
}

/// Rule R6.
#[test]
fn a_first_start_is_no_return() {
    let world = world(4, 1);
    assert_eq!(held_down(&world), Vec::<usize>::new());
}

/// Rules R1, R2.
#[test]
fn who_came_back_says_so_for_30_seconds_and_for_60_the_next_time() {
    let mut world = world(3, 1);
    for seconds in [30, 60] {
        come_back(&mut world, 1);
        assert_eq!(held_down(&world), [1]);
        world.run(ms(1000 * (seconds - 3)));
        assert_eq!(held_down(&world), [1]);
        world.run(ms(3000));
        assert_eq!(held_down(&world), Vec::<usize>::new());
    }
}

/// Rules R3, R4.
#[test]
fn a_process_without_memory_learns_its_hold_down_from_any_that_saw_the_return() {
    let mut world = world(4, 1);
    come_back(&mut world, 1);
    come_back(&mut world, 1);
    world.kill(1);
    world.run(ms(100));
    world.start(1);
    world.run(ms(1000));
    assert_eq!(held_down(&world), [1]);
    world.run(ms(110_000));
    assert_eq!(held_down(&world), [1]);
    world.run(ms(10_000));
    assert_eq!(held_down(&world), Vec::<usize>::new());
}

#[rstest]
#[case::stunned(|world: &mut World| world.pause(1, ms(800)))]
#[case::without_a_carrier(|world: &mut World| {
    world.plug(1, false);
    world.run(ms(800));
    world.plug(1, true);
})]
#[case::cut_off(|world: &mut World| {
    world.part(&[1], &[0, 2, 3]);
    world.run(ms(800));
    world.lan.cut.clear();
})]
fn who_was_away_is_held_down(#[case] absence: impl FnOnce(&mut World)) {
    let mut world = world(4, 1);
    absence(&mut world);
    world.run(ms(1500));
    assert_eq!(held_down(&world), [1]);
}

/// Rule R6.
#[test]
fn who_survives_the_other_of_two_was_not_away() {
    let mut world = world(2, 1);
    come_back(&mut world, 1);
    assert_eq!(held_down(&world), [1]);
}

#[test]
fn what_nobody_else_may_hold_goes_to_who_came_back() {
    let mut world = world(2, 1);
    come_back(&mut world, 1);
    world.kill(0);
    world.run(ms(1000));
    assert_eq!(world.held(1).len(), 12);
}

/// Rule R4.
#[test]
fn without_a_hold_down_nobody_says_so() {
    let mut world = World::running(3, 12, 1);
    come_back(&mut world, 1);
    world.pause(2, ms(800));
    world.run(ms(1500));
    assert_eq!(held_down(&world), Vec::<usize>::new());
}
