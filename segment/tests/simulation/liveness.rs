//! Which nodes count as alive when the fault is not a plain death.

use ferrolb_segment::message::Instance;
use ferrolb_segment::{Event, Moment};

use crate::world::{World, address, ms};

/// How often anybody took one of these nodes for alive again since then.
fn rose(world: &World, since: Moment, nodes: &[usize]) -> usize {
    let of = |instance: &Instance| nodes.iter().any(|node| world.nodes[*node].id == instance.node);
    world.count(
        since,
        |event| matches!(event, Event::Up(instance) if of(instance)),
    )
}

/// Rule P1.
#[test]
fn the_dead_stay_dead_when_a_survivor_is_late() {
    for pause in [250, 800] {
        for seed in 1..10 {
            let mut world = World::running(3, 12, seed);
            world.kill(1);
            world.run(ms(5000));
            let began = world.now;
            world.pause(0, ms(pause));
            world.run(ms(pause + 2000));
            assert_eq!(rose(&world, began, &[1]), 0, "seed {seed}, {pause} ms");
            assert!(world.is_settled(), "seed {seed}, {pause} ms: {:?}", world.table());
        }
    }
}

/// Rules L3, L7.
#[test]
fn who_hears_nobody_any_more_loses_its_addresses() {
    for seed in 1..10 {
        let mut world = World::running(3, 12, seed);
        let lost = world.held(0);
        world.lan.cut.extend([(1, 0), (2, 0)]);
        world.until(ms(1000), |world| {
            let elsewhere = |address| world.holding(address).iter().any(|node| *node != 0);
            lost.iter()
                .all(|address| elsewhere(*address) && world.cache[address] != 0)
        });
        world.neighbours = false;
        world.run(ms(3000));
        assert!(!world.may_tell(0), "seed {seed}");
        world.lan.mend();
        world.run(ms(1000));
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
        assert!(world.held(0).is_empty(), "seed {seed}: {:?}", world.table());
    }
}

/// Rule L3.
#[test]
fn who_is_heard_by_nobody_is_not_up_because_of_an_old_list() {
    let mut world = World::running(3, 12, 1);
    world.part(&[0], &[1, 2]);
    world.run(ms(2000));
    let began = world.now;
    world.lan.cut.retain(|(_, to)| *to == 1 || *to == 2);
    world.run(ms(5000));
    assert_eq!(rose(&world, began, &[0, 1, 2]), 0);
}

/// Rule L12.
#[test]
fn who_leaves_is_no_reason_to_feel_cut_off_even_if_its_last_word_is_lost() {
    let mut world = World::running(2, 4, 1);
    world.on_segment(1, ferrolb_segment::Segment::leave);
    world.run(ms(2000));
    world.kill(1);
    world.neighbours = false;
    world.run(ms(3000));
    assert!(world.may_tell(0));
}

/// Rules A1, A2.
#[test]
fn the_last_of_two_goes_on_telling_neighbours_where_it_is() {
    let mut world = World::running(2, 4, 1);
    world.kill(1);
    world.run(ms(1000));
    world.watch(ms(10_000), |world| assert!(world.may_tell(0), "{:?}", world.now));
}

/// Rule P4.
#[test]
fn a_stunned_node_that_cannot_sync_takes_part_again() {
    let mut world = World::running(3, 12, 2);
    // 1 does not hear 0 from now on, so it answers no request; what it says in the next moment is lost.
    world.lan.cut.extend([(0, 1), (1, 0)]);
    let fuller = World::new(3, 24, 2).nodes[0].view.clone();
    (0..3).for_each(|node| world.see(node, |view| *view = fuller.clone()));
    world.run(ms(200));
    world.lan.cut.remove(&(1, 0));
    world.run(ms(1000));
    world.pause(0, ms(400));
    world.run(ms(5000));
    let answers = world.answering(*world.held(0).first().expect("it holds some"));
    assert!(answers.contains(&0));
}

/// Rule A3.
#[test]
fn a_single_node_serves_without_anybody_else() {
    let mut world = World::new(1, 5, 1);
    world.neighbours = false;
    let mut world = world.started();
    assert!(world.is_settled());
    world.pause(0, ms(800));
    world.run(ms(2000));
    assert_eq!(world.answering(address(1)), [0]);
    assert!(world.may_tell(0));
}

/// Rules C5, C6.
#[test]
fn a_lone_node_that_restarts_while_cut_off_takes_nothing_from_the_others() {
    for seed in 1..20 {
        let mut world = World::running(3, 12, seed);
        world.part(&[0], &[1, 2]);
        world.run(ms(1000));
        world.kill(0);
        world.run(ms(100));
        world.start(0);
        world.run(ms(3000));
        let before = [world.held(1), world.held(2)];
        world.lan.mend();
        world.run(ms(1000));
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
        assert_eq!([world.held(1), world.held(2)], before, "seed {seed}");
    }
}

#[test]
fn a_cold_start_of_all_after_a_power_cut_spreads_the_addresses_again() {
    for seed in 1..10 {
        let mut world = World::running(5, 40, seed);
        (0..5).for_each(|node| world.kill(node));
        world.run(ms(1000));
        (0..5).for_each(|node| world.start(node));
        world.until(ms(1000), World::is_settled);
        let most = (0..5).map(|node| world.held(node).len()).max();
        assert!(most <= Some(10), "seed {seed}: {most:?}");
    }
}

/// Rule P1.
#[test]
fn a_pause_of_everybody_moves_nothing() {
    for seed in 1..10 {
        let mut world = World::running(3, 12, seed);
        let before = world.table();
        (0..3).for_each(|node| world.pause(node, ms(900)));
        world.run(ms(4000));
        assert_eq!(world.table(), before, "seed {seed}");
        assert!(
            world
                .addresses()
                .iter()
                .all(|one| world.answering(*one).len() == 1)
        );
    }
}
