//! Where the endpoints are: it orders what nobody holds, and moves nothing by itself.

use std::sync::Arc;

use ferrolb_segment::message::NodeId;
use ferrolb_segment::{Event, Nearness, SegmentView};

use crate::world::{World, address, ms};

/// The address has a ready endpoint of policy Local on the node, and on no other.
fn near(view: &mut SegmentView, last: u32, node: NodeId) {
    let group = view.groups.get_mut(&address(last)).expect("it is there");
    let nearness = Nearness {
        local: 1,
        saves_hop: false,
    };
    Arc::make_mut(group).near = [(node, nearness)].into();
}

/// Address `n` is near to node `n` modulo the number of nodes.
fn spread(view: &mut SegmentView, ids: &[NodeId], addresses: u32) {
    for last in 1..=addresses {
        near(view, last, ids[last as usize % ids.len()]);
    }
}

/// Rule C9.
#[test]
fn nodes_that_start_together_claim_what_they_are_near_to() {
    for seed in 1..10 {
        let mut world = World::new(4, 40, seed);
        let ids: Vec<NodeId> = world.nodes.iter().map(|one| one.id).collect();
        for node in 0..4 {
            world.see(node, |view| spread(view, &ids, 40));
        }
        let mut world = world.started();
        world.run(ms(3000));
        for last in 1..=40 {
            assert_eq!(world.holding(address(last)), [last as usize % 4], "seed {seed}");
        }
    }
}

/// Rule C9.
#[test]
fn the_load_bound_counts_more_than_nearness() {
    let mut world = World::new(4, 40, 1);
    let first = world.nodes[0].id;
    for node in 0..4 {
        world.see(node, |view| spread(view, &[first], 40));
    }
    let mut world = world.started();
    world.run(ms(3000));
    let held: Vec<usize> = (0..4).map(|node| world.held(node).len()).collect();
    assert_eq!(held[0], 13, "⌈1.25 × 40 / 4⌉ at most: {held:?}");
}

#[test]
fn endpoints_that_move_take_no_address_along() {
    let mut world = World::running(4, 12, 1);
    let (before, began) = (world.table(), world.now);
    let ids: Vec<NodeId> = world.nodes.iter().map(|one| one.id).collect();
    for node in 0..4 {
        world.see(node, |view| spread(view, &ids, 12));
    }
    world.run(ms(15_000));
    assert_eq!(world.table(), before);
    assert_eq!(world.count(began, |event| matches!(event, Event::TookOver(_))), 0);
}

#[test]
fn what_a_dead_node_held_goes_to_the_nearest_of_the_living() {
    for seed in 1..10 {
        let mut world = World::running(4, 12, seed);
        let orphans: Vec<u32> = (1..=12)
            .filter(|last| world.holding(address(*last)) == [0])
            .collect();
        let n3 = world.nodes[2].id;
        for node in 0..4 {
            world.see(node, |view| orphans.iter().for_each(|last| near(view, *last, n3)));
        }
        let room = 4 - world.held(2).len();
        world.kill(0);
        world.run(ms(2000));
        let taken = orphans
            .iter()
            .filter(|last| world.holding(address(**last)) == [2]);
        // ⌈1.25 × 12 / 3⌉ = 5 is the bound of three.
        assert_eq!(taken.count(), orphans.len().min(room + 1), "seed {seed}");
    }
}
