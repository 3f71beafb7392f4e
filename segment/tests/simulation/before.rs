//! Who had an address before its holder.

use crate::world::{World, address, ms};

#[test]
fn the_heirs_of_a_dead_node_know_who_had_each_address_and_that_it_is_silent() {
    for seed in 1..10 {
        let mut world = World::running(4, 40, seed);
        let orphans: Vec<_> = world.held(1).into_iter().collect();
        assert!(!orphans.is_empty());
        let dead = world.nodes[1].id;
        world.kill(1);
        world.run(ms(1000));
        for orphan in orphans {
            let heir = world.holding(orphan)[0];
            let now = world.clock(heir);
            let before = world.on_segment(heir, |segment| segment.before(orphan, now));
            let before = before.expect("somebody had it");
            assert_eq!(
                (before.node, before.is_up, before.is_leaving),
                (dead, false, false)
            );
            assert!(before.silence >= ms(900), "{before:?}");
        }
    }
}

#[test]
fn nobody_had_what_is_held_for_the_first_time() {
    let mut world = World::running(3, 1, 1);
    let holder = world.holding(address(1))[0];
    let now = world.clock(holder);
    assert_eq!(
        world.on_segment(holder, |segment| segment.before(address(1), now)),
        None
    );
}
