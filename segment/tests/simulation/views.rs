//! What the nodes know of the cluster differs for a while, or does not suit them.

use std::sync::Arc;
use std::time::Duration;

use ferrolb_segment::message::NodeId;
use ferrolb_segment::{Conduct, Event, SegmentView};

use crate::world::{World, address, ms, regroup};

fn prefer(view: &mut SegmentView, node: NodeId, preference: u32) {
    for group in view.groups.values_mut() {
        let fit = Arc::make_mut(&mut Arc::make_mut(group).fit);
        fit.values_mut().for_each(|one| one.preference = 0);
        fit.get_mut(&node).expect("it suits").preference = preference;
    }
}

fn exclude(view: &mut SegmentView, node: NodeId) {
    for group in view.groups.values_mut() {
        Arc::make_mut(&mut Arc::make_mut(group).fit).remove(&node);
    }
}

fn moved(event: &Event) -> bool {
    matches!(event, Event::TookOver(_))
}

/// Rules H2, H3.
#[test]
fn nodes_that_each_prefer_the_other_do_not_pass_an_address_back_and_forth() {
    for seed in 1..4 {
        let mut world = World::running(3, 12, seed);
        let ids = [1, 2, 0].map(|node: usize| world.nodes[node].id);
        let began = world.now;
        for (node, id) in ids.into_iter().enumerate() {
            world.see(node, |view| prefer(view, id, 10));
        }
        world.run(ms(5000));
        let moves = world.count(began, moved);
        assert!(moves <= 24, "seed {seed}: {moves} moves of 12 addresses");
        assert!(world.is_settled());
    }
}

/// Rules H5, H6.
#[test]
fn an_heir_that_learns_late_that_it_is_preferred_gets_the_address() {
    for seed in 1..10 {
        let mut world = World::running(3, 12, seed);
        let n2 = world.nodes[1].id;
        world.see(1, |view| exclude(view, n2));
        world.run(ms(1000));
        for node in [0, 2] {
            world.see(node, |view| prefer(view, n2, 10));
        }
        world.run(ms(3000));
        let fresh = world.nodes[0].view.clone();
        world.see(1, |view| *view = fresh);
        world.run(ms(30_000));
        assert_eq!(world.held(1).len(), 12, "seed {seed}: {:?}", world.table());
    }
}

/// Rules H5, H7.
#[test]
fn an_address_waits_with_its_holder_for_heirs_that_learn_late_of_it() {
    for seed in 1..10 {
        let mut world = World::running(3, 12, seed);
        let ids = [0, 1, 2].map(|node: usize| world.nodes[node].id);
        // Each is told at first that only another one suits.
        for (node, id) in ids.into_iter().enumerate() {
            world.see(node, |view| exclude(view, id));
        }
        world.watch(ms(6000), |world| {
            assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
        });
        world.see(1, |view| *view = World::new(3, 12, seed).nodes[1].view.clone());
        world.run(ms(15_000));
        assert_eq!(world.held(1).len(), 12, "seed {seed}: {:?}", world.table());
    }
}

/// All prefer 1, and hold a node down for 30 s.
fn with_hold_down() -> World {
    let conduct = Conduct {
        hold_down: Duration::from_secs(30),
        ..Conduct::default()
    };
    let mut world = World::new(3, 12, 1).with_conduct(conduct);
    let n2 = world.nodes[1].id;
    (0..3).for_each(|node| world.see(node, |view| prefer(view, n2, 10)));
    let world = world.started();
    assert_eq!(world.held(1).len(), 12);
    world
}

fn restart(world: &mut World) {
    world.kill(1);
    world.run(ms(2000));
    world.start(1);
}

/// Runs and asserts that 1 gets its addresses after so many seconds, give or take one.
fn is_held_down_for(world: &mut World, seconds: u64) {
    world.run(Duration::from_secs(seconds - 1));
    assert_eq!(world.held(1).len(), 0, "before {seconds} s");
    world.run(Duration::from_secs(2));
    assert_eq!(world.held(1).len(), 12, "after {seconds} s");
}

#[test]
fn a_preferred_node_that_came_back_gets_its_addresses_when_its_hold_down_is_over() {
    let mut world = with_hold_down();
    restart(&mut world);
    is_held_down_for(&mut world, 30);
}

#[test]
fn a_hold_down_doubles_while_the_node_flaps() {
    let mut world = with_hold_down();
    for _ in 0..3 {
        restart(&mut world);
        world.run(ms(1000));
    }
    is_held_down_for(&mut world, 119);
}

#[test]
fn a_node_that_stayed_for_long_flaps_no_more() {
    let mut world = with_hold_down();
    for _ in 0..3 {
        restart(&mut world);
        world.run(ms(1000));
    }
    world.run(Duration::from_secs(700));
    restart(&mut world);
    is_held_down_for(&mut world, 30);
}

#[test]
fn the_addresses_of_a_group_stay_together() {
    for seed in 1..10 {
        let mut world = World::new(4, 24, seed);
        (0..4).for_each(|node| world.see(node, |view| regroup(view, 3)));
        let mut world = world.started();
        for dead in 0..2 {
            for first in (1..=24).step_by(3) {
                let holders = [0, 1, 2].map(|mate| world.holding(address(first + mate)));
                assert_eq!(holders[0].len(), 1);
                assert!(
                    holders[1] == holders[0] && holders[2] == holders[0],
                    "seed {seed}, {dead} dead: {:?}",
                    world.table()
                );
            }
            world.kill(dead);
            world.run(ms(2000));
        }
    }
}

#[test]
fn an_heir_with_less_backing_than_the_holder_can_take_over() {
    let mut world = World::running(5, 20, 3);
    (2..5).for_each(|node| world.kill(node));
    world.run(ms(2000));
    world.kill(0);
    world.run(ms(1000));
    world.start(0);
    world.run(ms(3000));
    // 0 knows two nodes, 1 knows five of which two are up.
    let n1 = world.nodes[0].id;
    world.run(ms(2000));
    let began = world.now;
    let n2 = world.nodes[1].id;
    (0..2).for_each(|node| world.see(node, |view| exclude(view, n2)));
    world.run(ms(3000));
    assert_eq!(world.held(0).len(), 20);
    (0..2).for_each(|node| {
        world.see(node, |view| {
            *view = World::new(5, 20, 3).nodes[0].view.clone();
            exclude(view, n1);
        });
    });
    world.run(ms(3000));
    assert_eq!(world.held(1).len(), 20);
    assert!(world.count(began, moved) <= 40, "{}", world.count(began, moved));
}

#[test]
fn a_node_that_is_no_more_in_the_cluster_hands_over() {
    for seed in 1..10 {
        let mut world = World::running(3, 12, seed);
        let n1 = world.nodes[0].id;
        for node in [1, 0, 2] {
            world.see(node, |view| {
                exclude(view, n1);
                Arc::make_mut(&mut view.nodes).remove(&n1);
            });
            world.run(ms(700));
        }
        world.run(ms(2000));
        assert!(world.held(0).is_empty() && world.is_settled(), "seed {seed}");
    }
}

#[test]
fn a_deleted_address_has_no_holder_once_all_know() {
    for seed in 1..10 {
        let mut world = World::running(3, 12, seed);
        for node in 0..3 {
            world.see(node, |view| {
                view.groups.remove(&address(1));
            });
            world.watch(ms(1500), |world| assert!(world.answering(address(1)).len() <= 1));
        }
        world.run(ms(1000));
        assert!(world.holding(address(1)).is_empty(), "seed {seed}");
    }
}

/// Rule C10.
#[test]
fn an_address_that_nobody_claimed_yet_waits_for_the_first_in_the_order_that_learns_late_of_it() {
    for seed in 1..10 {
        let mut world = World::new(4, 12, seed);
        let first = world.nodes[0].id;
        let mut later = Vec::new();
        for node in 0..4 {
            world.see(node, |view| {
                prefer(view, first, 10);
                later.push(std::mem::take(&mut view.groups));
            });
        }
        let mut world = world.started();
        let mut later = later.into_iter();
        let at_last = later.next().expect("one for each node");
        for (node, groups) in (1..).zip(later) {
            world.see(node, |view| view.groups = groups);
        }
        world.run(ms(300));
        assert!((0..4).all(|node| world.held(node).is_empty()), "seed {seed}");
        world.see(0, |view| view.groups = at_last);
        world.run(ms(100));
        assert_eq!(world.held(0).len(), 12, "seed {seed}: {:?}", world.table());
    }
}
