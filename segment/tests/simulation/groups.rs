//! Groups of addresses, of which some come to be on two nodes, are brought together on one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_segment::{Conduct, Event};

use crate::world::{World, address, ms, regroup};

const SEEDS: std::ops::Range<u64> = 1..31;
/// Once everybody knows everybody's claims, a group is on one node after so long.
const GATHERED: Duration = Duration::from_secs(10);

/// Groups of two; nobody is held down.
fn pairs(nodes: usize, addresses: u32, seed: u64) -> World {
    let mut world = World::new(nodes, addresses, seed);
    (0..nodes).for_each(|node| world.see(node, |view| regroup(view, 2)));
    world
}

/// How many groups are on two nodes.
fn split(world: &World, size: u32) -> usize {
    let all = world.addresses().len() as u32;
    let holders = |first: u32| (0..size).map(move |mate| world.holding(address(first + mate)));
    let is_split = |first: &u32| holders(*first).collect::<BTreeSet<_>>().len() > 1;
    (1..=all).step_by(size as usize).filter(is_split).count()
}

fn took_over(event: &Event) -> bool {
    matches!(event, Event::TookOver(_))
}

/// Each group is on one node soon, nothing moves afterwards, and no address moved twice.
fn comes_together(mut world: World, size: u32, what: &str) {
    let began = world.now;
    let whole = |world: &World| split(world, size) == 0 && world.is_settled();
    world.until(GATHERED, whole);
    world.run(ms(500));
    let gathered = world.now;
    let moves = world.count(began, took_over);
    assert!(moves <= world.addresses().len() / 2, "{what}: {moves} moves");
    for _ in 0..120 {
        world.run(Duration::from_secs(1));
        assert!(whole(&world), "{what}: {:?}", world.table());
    }
    assert_eq!(
        world.count(gathered, took_over),
        0,
        "{what}: moves of whole groups"
    );
}

/// Rules G1, G3.
#[test]
fn two_halves_that_started_apart_bring_their_groups_together() {
    for seed in SEEDS {
        let mut world = pairs(4, 24, seed);
        world.part(&[0, 1], &[2, 3]);
        let mut world = world.started();
        world.run(ms(3000));
        world.lan.cut.clear();
        world.run(ms(500));
        comes_together(world, 2, &format!("seed {seed}"));
    }
}

/// Rules G1, G4.
#[test]
fn nodes_that_were_away_bring_groups_together_before_their_hold_down_is_over() {
    for seed in SEEDS {
        let mut world = pairs(4, 24, seed).with_conduct(Conduct::default());
        world.part(&[0, 1], &[2, 3]);
        let mut world = world.started();
        world.run(ms(3000));
        world.lan.cut.clear();
        world.run(ms(500));
        comes_together(world, 2, &format!("seed {seed}"));
    }
}

#[test]
fn the_groups_of_a_holder_that_died_in_a_partition_come_together() {
    for seed in SEEDS {
        let mut world = pairs(5, 30, seed).started();
        world.part(&[0, 1], &[2, 3]);
        world.kill(4);
        world.run(ms(3000));
        world.lan.cut.clear();
        world.run(ms(500));
        comes_together(world, 2, &format!("seed {seed}"));
    }
}

/// Rules G1, G4.
#[test]
fn groups_come_together_after_loss_with_deaths_and_returns() {
    for seed in SEEDS {
        let mut world = pairs(3, 60, seed).with_conduct(Conduct::default()).started();
        world.lan.loss_percent = 5;
        for _ in 0..6 {
            let node = world.chance(3) as usize;
            world.kill(node);
            world.run(ms(2500));
            world.start(node);
            world.run(ms(3500));
        }
        world.lan.mend();
        world.run(ms(500));
        comes_together(world, 2, &format!("seed {seed}"));
    }
}

/// Rules G1, G2.
#[test]
fn groups_that_become_one_come_together() {
    for seed in SEEDS {
        let mut world = World::running(3, 24, seed);
        for node in 0..3 {
            world.see(node, |view| regroup(view, 2));
            let later = world.chance(1500);
            world.run(ms(later));
        }
        comes_together(world, 2, &format!("seed {seed}"));
    }
}

#[test]
fn a_group_goes_to_the_node_that_the_operator_asks_for() {
    for seed in SEEDS {
        let mut world = pairs(3, 12, seed).started();
        let holder = world.holding(address(1))[0];
        let asked = (holder + 1) % 3;
        let id = world.nodes[asked].id;
        for node in 0..3 {
            world.see(node, |view| {
                view.moves = Arc::new([(address(1), id), (address(2), id)].into());
            });
        }
        world.run(ms(1000));
        for last in [1, 2] {
            assert_eq!(world.holding(address(last)), [asked], "seed {seed}: {last}");
        }
        for node in 0..3 {
            world.see(node, |view| view.moves = Arc::default());
        }
        comes_together(world, 2, &format!("seed {seed}"));
    }
}

/// Rule G1.
#[test]
fn a_large_group_goes_to_the_node_with_the_most_of_it() {
    for seed in SEEDS {
        let mut world = World::running(3, 12, seed);
        let held = |node: &usize| world.held(*node).len();
        let most = (0..3).map(|node| held(&node)).max();
        (0..3).for_each(|node| world.see(node, |view| regroup(view, 12)));
        let before: Vec<usize> = (0..3).map(|node| world.held(node).len()).collect();
        world.run(GATHERED);
        let holder = world.holding(address(1))[0];
        assert_eq!(world.held(holder).len(), 12, "seed {seed}: {:?}", world.table());
        assert_eq!(Some(before[holder]), most, "seed {seed}: {before:?}");
    }
}
