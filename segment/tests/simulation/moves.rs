//! Planned moves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_segment::message::NodeId;
use ferrolb_segment::{Event, Fitness, SegmentView};

use crate::world::{World, ms};

fn every_place(view: &mut SegmentView, change: impl Fn(&mut BTreeMap<NodeId, Fitness>)) {
    for group in view.groups.values_mut() {
        change(Arc::make_mut(&mut Arc::make_mut(group).fit));
    }
}

/// Runs and asserts that a node that answers is in every neighbour's memory all the time.
fn without_a_gap(world: &mut World, time: Duration) {
    world.watch(time, |world| {
        for address in world.addresses() {
            assert!(
                world.is_reachable(address) || !world.answering(address).is_empty(),
                "{address} at {:?}",
                world.now
            );
        }
    });
}

/// Rules H1, H2, H4.
#[test]
fn a_node_that_should_not_hold_anything_hands_over_without_a_gap() {
    for seed in 1..30 {
        let mut world = World::running(3, 12, seed);
        let n1 = world.nodes[0].id;
        for node in 0..3 {
            world.see(node, |view| {
                every_place(view, |fit| {
                    fit.get_mut(&n1).expect("n1 suits").against = 2;
                });
            });
            without_a_gap(&mut world, ms(seed * 11 % 50));
        }
        without_a_gap(&mut world, ms(500));
        assert!(world.held(0).is_empty(), "seed {seed}: {:?}", world.table());
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
    }
}

/// Rules H1, H9.
#[test]
fn a_leaving_node_hands_over_without_a_gap_and_says_when_it_may_go() {
    for seed in 1..30 {
        let mut world = World::running(3, 12, seed);
        world.on_segment(0, ferrolb_segment::Segment::leave);
        without_a_gap(&mut world, ms(1500));
        let now = world.now;
        assert!(
            world.on_segment(0, |segment| segment.has_left(now)),
            "seed {seed}: {:?}",
            world.table()
        );
        assert!(world.held(0).is_empty());
        world.on_segment(0, |segment| segment.quit(now));
        world.run(ms(10));
        world.kill(0);
        world.run(ms(1000));
        assert!(world.is_settled(), "seed {seed}");
    }
}

/// Rule H1.
#[test]
fn a_preferred_node_gets_what_it_is_preferred_for() {
    let mut world = World::running(3, 12, 3);
    let n2 = world.nodes[1].id;
    for node in 0..3 {
        world.see(node, |view| {
            every_place(view, |fit| {
                fit.get_mut(&n2).expect("n2 suits").preference = 10;
            });
        });
    }
    without_a_gap(&mut world, ms(1000));
    assert_eq!(world.held(1).len(), 12);
}

/// Rules H3, H5.
#[test]
fn an_heir_that_will_not_is_passed_over() {
    for seed in 1..30 {
        let mut world = World::running(3, 12, seed);
        let (n1, n2) = (world.nodes[0].id, world.nodes[1].id);
        world.see(1, |view| {
            every_place(view, |fit| fit.retain(|node, _| *node != n2));
        });
        world.see(0, |view| {
            every_place(view, |fit| fit.retain(|node, _| *node != n1));
        });
        world.see(2, |view| {
            every_place(view, |fit| fit.retain(|node, _| *node != n1));
        });
        world.run(ms(4000));
        let all = world.addresses().len();
        assert_eq!(world.held(2).len(), all, "seed {seed}: {:?}", world.table());
    }
}

/// Rule H8.
#[test]
fn what_nobody_may_hold_is_given_up() {
    let mut world = World::running(3, 3, 1);
    for node in 0..3 {
        world.see(node, |view| every_place(view, BTreeMap::clear));
    }
    world.run(ms(500));
    assert!((0..3).all(|node| world.held(node).is_empty()));
}

/// Rules C7, C8.
#[test]
fn a_release_is_no_orphan_for_one_who_did_not_see_the_new_claim() {
    for seed in 1..30 {
        let mut world = World::running(3, 12, seed);
        let (n1, n2) = (world.nodes[0].id, world.nodes[1].id);
        let began = world.now;
        world.lan.cut.insert((1, 2));
        for node in 0..3 {
            world.see(node, |view| {
                every_place(view, |fit| {
                    fit.get_mut(&n1).expect("it suits").against = 2;
                    fit.get_mut(&n2).expect("it suits").preference = 1;
                });
            });
        }
        world.run(ms(90));
        world.lan.cut.clear();
        world.run(ms(1000));
        let claimed = world.count(began, |event| matches!(event, Event::Claimed(..)));
        assert_eq!(claimed, 0, "seed {seed}");
        assert_eq!(world.held(1).len(), 12, "seed {seed}: {:?}", world.table());
    }
}

/// Rules C13, H9.
#[test]
fn who_asked_between_the_takeover_and_the_release_learns_the_heir() {
    for seed in 1..30 {
        let mut world = World::running(3, 12, seed);
        world.on_segment(0, ferrolb_segment::Segment::leave);
        let end = world.now + ms(2000);
        while world.now < end {
            // Both answer for a moment, and the slower answer is remembered.
            for address in world.held(0) {
                world.cache.insert(address, 0);
            }
            world.run(Duration::from_micros(50));
        }
        for address in world.addresses() {
            assert!(world.is_reachable(address), "seed {seed}: {address}");
        }
    }
}
