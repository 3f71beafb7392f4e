//! Moves that the operator asks for.

use std::sync::Arc;

use ferrolb_segment::message::NodeId;
use ferrolb_segment::{Event, SegmentView};

use crate::world::{World, address, ms, regroup};

fn ask(view: &mut SegmentView, addresses: &[u32], node: NodeId) {
    view.moves = Arc::new(addresses.iter().map(|last| (address(*last), node)).collect());
}

/// The addresses that the node holds, by their number.
fn numbers(world: &World, node: usize, of: u32) -> Vec<u32> {
    (1..=of)
        .filter(|last| world.holding(address(*last)) == [node])
        .collect()
}

/// Rule H10.
#[test]
fn the_holder_hands_over_what_it_is_asked_to_and_nothing_else_moves() {
    for seed in 1..10 {
        let mut world = World::running(3, 12, seed);
        let (held, others) = (numbers(&world, 0, 12), numbers(&world, 2, 12));
        let (heir, began) = (world.nodes[1].id, world.now);
        world.see(0, |view| ask(view, &held, heir));
        world.watch(ms(3000), |world| {
            let answered = |last: &u32| !world.answering(address(*last)).is_empty();
            assert!(
                (1..=12).all(|last| answered(&last)),
                "seed {seed}: {:?}",
                world.table()
            );
        });
        assert_eq!(world.held(0).len(), 0, "seed {seed}");
        assert_eq!(numbers(&world, 2, 12), others);
        let taken = world.count(began, |event| matches!(event, Event::TookOver(_)));
        assert_eq!(taken, held.len(), "seed {seed}: each moves once");
    }
}

#[test]
fn a_group_moves_as_a_whole_and_stays() {
    for seed in 1..10 {
        let mut world = World::new(3, 12, seed);
        for node in 0..3 {
            world.see(node, |view| regroup(view, 3));
        }
        let mut world = world.started();
        world.run(ms(12_000));
        let held = numbers(&world, 0, 12);
        let heir = world.nodes[1].id;
        world.see(0, |view| ask(view, &held, heir));
        world.run(ms(15_000));
        assert_eq!(world.held(0).len(), 0, "seed {seed}: {:?}", world.table());
        for last in held {
            assert_eq!(world.holding(address(last)), [1], "seed {seed}");
        }
    }
}

/// Rule H10.
#[test]
fn nothing_is_handed_to_a_node_that_drains_or_may_not_hold_it() {
    let mut world = World::running(3, 12, 1);
    let (before, heir) = (world.table(), world.nodes[1].id);
    world.see(1, |view| view.draining = true);
    world.run(ms(2000));
    let drained = world.table();
    assert_ne!(drained, before);
    let held = numbers(&world, 0, 12);
    world.see(0, |view| ask(view, &held, heir));
    world.run(ms(5000));
    assert_eq!(world.table(), drained);
}
