//! Which node asks on the wire for what another holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_segment::message::{Body, Finding, Message, Wire};
use ferrolb_segment::{Effect, Fitness};

use crate::world::{World, address, ms, regroup};

/// Each address has one witness, which is not its holder and knows it.
fn each_has_one(world: &World, addresses: u32) {
    for last in 1..=addresses {
        let witnesses = world.witnesses(address(last));
        let [(witness, holder)] = witnesses[..] else {
            panic!("{last}: {witnesses:?}");
        };
        let holding = world.holding(address(last));
        assert_eq!(holding.len(), 1, "{last}");
        assert_eq!(world.nodes[holding[0]].id, holder, "{last}");
        assert_ne!(holding[0], witness, "{last}");
    }
}

/// Rule W1.
#[test]
fn each_address_that_is_held_has_one_witness_whoever_dies_and_comes_back() {
    for seed in 1..10 {
        let mut world = World::running(5, 40, seed);
        each_has_one(&world, 40);
        for node in [0, 3] {
            world.kill(node);
            world.run(ms(2000));
            each_has_one(&world, 40);
        }
        world.start(0);
        world.run(ms(3000));
        each_has_one(&world, 40);
    }
}

/// Rule W1.
#[test]
fn witnesses_are_spread_and_are_next_in_line() {
    let mut world = World::running(5, 100, 1);
    let witness = |world: &World, last| world.witnesses(address(last))[0].0;
    let before: BTreeMap<u32, usize> = (1..=100).map(|last| (last, witness(&world, last))).collect();
    let count = |node| before.values().filter(|one| **one == node).count();
    assert!((0..5).all(|node| count(node) >= 5), "{before:?}");
    let orphans: Vec<u32> = (1..=100)
        .filter(|last| world.holding(address(*last)) == [0])
        .collect();
    world.kill(0);
    world.run(ms(2000));
    let heirs = orphans
        .iter()
        .filter(|last| world.holding(address(**last)) == [before[last]]);
    // The load bound sends a few elsewhere.
    assert!(heirs.count() * 10 >= orphans.len() * 8, "{orphans:?}");
}

/// Rule W1.
#[test]
fn what_only_its_holder_may_hold_has_a_witness_too() {
    let mut world = World::new(4, 12, 1);
    let only = world.nodes[2].id;
    for node in 0..4 {
        world.see(node, |view| {
            regroup(view, 3);
            for group in view.groups.values_mut() {
                Arc::make_mut(group).fit = Arc::new([(only, Fitness::default())].into());
            }
        });
    }
    let world = world.started();
    each_has_one(&world, 12);
    let all: BTreeSet<usize> = (1..=12).map(|last| world.witnesses(address(last))[0].0).collect();
    assert!(all.len() > 1, "one for each group");
}

/// Rule W2.
#[test]
fn one_that_is_cut_off_was_held_up_leaves_or_joins_asks_for_nothing() {
    let asks = |world: &World, node: usize| {
        (1..=40).any(|last| world.witnesses(address(last)).iter().any(|(one, _)| *one == node))
    };
    let mut world = World::running(4, 40, 1);
    assert!((0..4).all(|node| asks(&world, node)));
    world.plug(0, false);
    assert!(!asks(&world, 0), "without a carrier");
    world.plug(0, true);
    world.run(ms(5000));
    assert!(asks(&world, 0));
    world.part(&[1], &[0, 2, 3]);
    world.run(ms(1000));
    assert!(!asks(&world, 1), "cut off");
    world.on_segment(2, ferrolb_segment::Segment::leave);
    assert!(!asks(&world, 2), "leaving");
    world.kill(3);
    world.start(3);
    world.run(ms(100));
    assert!(!asks(&world, 3), "joining");
}

fn finding() -> Finding {
    let mut finding = Finding {
        address: address(1),
        holder: ferrolb_segment::message::NodeId([0; 16]),
        wire: Wire::Ok,
    };
    finding.holder.0[0] = 1;
    finding
}

/// Rule W5.
#[test]
fn what_one_finds_counts_if_it_is_up() {
    let mut world = World::running(3, 3, 1);
    let (from, now) = (world.on_segment(0, |segment| segment.instance()), world.clock(1));
    let message = Message {
        from,
        sequence: 1_000_000,
        body: Body::Findings(vec![finding()]),
    };
    let hear = |world: &mut World| {
        let effects = world.on_segment(1, |segment| {
            segment.effects();
            segment.receive(&message, now, now);
            segment.effects()
        });
        effects
            .into_iter()
            .any(|effect| effect == Effect::Found(from.node, vec![finding()]))
    };
    assert!(hear(&mut world));
    let unknown = Message {
        from: ferrolb_segment::message::Instance {
            boot: ferrolb_segment::message::Boot(7),
            ..from
        },
        ..message.clone()
    };
    let effects = world.on_segment(1, |segment| {
        segment.receive(&unknown, now, now);
        segment.effects()
    });
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Found(..))));
}
