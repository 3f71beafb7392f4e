//! What breaks by itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_segment::{Event, Nearness};

use crate::world::{World, address, ms};

const SEEDS: std::ops::Range<u64> = 1..30;

/// Rules L5, C9.
#[test]
fn a_first_start_gives_each_address_one_holder_and_spreads_them() {
    for seed in SEEDS {
        let world = World::running(3, 12, seed);
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
        let most = (0..3).map(|node| world.held(node).len()).max();
        assert!(most <= Some(5), "seed {seed}: {:?}", world.table());
    }
}

/// Rules L1, L2, L6, L8, C10.
#[test]
fn the_addresses_of_a_dead_node_are_reachable_again_within_its_bound() {
    for seed in SEEDS {
        let mut world = World::running(3, 12, seed);
        let orphans = world.held(0);
        let phase = world.chance(100_000);
        world.run(Duration::from_micros(phase));
        world.kill(0);
        let took = world.until(ms(500), |world| {
            orphans.iter().all(|address| world.is_reachable(*address))
        });
        assert!(took <= ms(300 + 60 + 20), "seed {seed}: {took:?}");
        world.run(ms(1000));
        assert!(world.is_settled(), "seed {seed}");
    }
}

#[test]
fn only_the_addresses_of_the_dead_node_move() {
    for seed in SEEDS {
        let mut world = World::running(4, 24, seed);
        let before: Vec<BTreeSet<_>> = (0..4).map(|node| world.held(node)).collect();
        world.kill(1);
        world.run(ms(2000));
        for node in [0, 2, 3] {
            assert!(world.held(node).is_superset(&before[node]), "seed {seed}");
        }
    }
}

/// Rule C10.
#[test]
fn a_holder_and_its_successor_that_die_together_are_replaced() {
    for seed in SEEDS {
        let mut world = World::running(3, 12, seed);
        world.kill(0);
        world.run(ms(seed * 7 % 200));
        world.kill(1);
        world.until(ms(700), |world| {
            world
                .addresses()
                .iter()
                .all(|address| world.is_reachable(*address))
        });
    }
}

/// Rule L4.
#[test]
fn a_quick_restart_leaves_one_holder_of_each_address() {
    for seed in SEEDS {
        let mut world = World::running(3, 9, seed);
        world.kill(0);
        world.run(ms(60));
        world.start(0);
        world.run(ms(1000));
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
    }
}

/// Rules P1, P2.
#[test]
fn a_pause_moves_no_foreign_address() {
    for seed in SEEDS {
        for pause in [250, 800] {
            let mut world = World::running(3, 12, seed);
            let foreign = world.held(1).into_iter().chain(world.held(2));
            let foreign: Vec<_> = foreign.collect();
            let before: Vec<_> = foreign.iter().map(|address| world.holding(*address)).collect();
            world.pause(0, ms(pause));
            world.run(ms(pause + 2000));
            let after: Vec<_> = foreign.iter().map(|address| world.holding(*address)).collect();
            assert_eq!(before, after, "seed {seed}, {pause} ms");
            assert!(world.is_settled());
        }
    }
}

/// Rule P2.
#[test]
fn who_was_paused_does_not_answer_for_what_others_took() {
    for seed in SEEDS {
        let mut world = World::running(3, 12, seed);
        world.pause(0, ms(800));
        world.watch(ms(3000), |world| {
            for address in world.addresses() {
                let answering = world.answering(address);
                assert!(
                    answering.len() <= 1,
                    "seed {seed} {:?}: {address} {answering:?}",
                    world.now
                );
            }
        });
    }
}

/// Rule P3.
#[test]
fn whose_port_was_down_does_not_answer_for_what_others_took() {
    for seed in SEEDS {
        let mut world = World::running(3, 12, seed);
        world.plug(0, false);
        world.run(ms(700));
        world.plug(0, true);
        world.watch(ms(3000), |world| {
            for address in world.addresses() {
                let answering = world.answering(address);
                assert!(
                    answering.len() <= 1,
                    "seed {seed} {:?}: {address} {answering:?}",
                    world.now
                );
            }
        });
    }
}

/// Rule P3.
#[test]
fn a_port_that_was_down_for_a_moment_brings_no_address_to_its_node() {
    for seed in SEEDS {
        let mut world = World::running(3, 12, seed);
        let before = world.held(0).len();
        world.plug(0, false);
        world.run(ms(700));
        world.plug(0, true);
        world.run(ms(2000));
        assert!(world.held(0).len() <= before, "seed {seed}");
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
    }
}

/// Rule C11.
#[test]
fn a_node_whose_port_was_down_claims_nothing_when_it_meets_the_others() {
    for seed in SEEDS {
        let mut world = World::running(4, 12, seed);
        let phase = world.chance(100_000);
        world.run(Duration::from_micros(phase));
        world.plug(0, false);
        world.run(ms(700));
        world.plug(0, true);
        let plugged = world.now;
        world.run(ms(2000));
        let claims = world.count(plugged, |event| matches!(event, Event::Claimed(..)));
        assert_eq!(claims, 0, "seed {seed}");
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
    }
}

/// Rules C1, C2, C3, C4.
#[test]
fn after_a_partition_each_address_has_one_holder_soon() {
    for seed in SEEDS {
        let mut world = World::running(4, 16, seed);
        world.part(&[0, 1], &[2, 3]);
        world.run(ms(5000));
        world.lan.cut.clear();
        let took = world.until(ms(300), World::is_settled);
        world.run(ms(2000));
        assert!(world.is_settled(), "seed {seed} {took:?}");
        for address in world.addresses() {
            assert!(world.is_reachable(address), "seed {seed}");
        }
    }
}

/// Rules C7, C8.
#[test]
fn what_is_given_up_after_a_partition_is_not_claimed_by_a_third_that_does_not_know_the_winner_yet() {
    for (seed, late) in SEEDS.flat_map(|seed| [(seed, 0), (seed, 250)]) {
        let mut world = World::running(4, 16, seed);
        world.part(&[0, 1], &[2, 3]);
        world.run(ms(5000));
        // Node 0 hears everybody at once, and is heard later: until then nobody on the other side is up for it.
        world.lan.cut.retain(|(from, _)| late > 0 && *from == 0);
        let healed = world.now;
        world.run(ms(late));
        world.lan.cut.clear();
        world.run(ms(2000));
        let claims = world.count(healed, |event| matches!(event, Event::Claimed(..)));
        assert_eq!(claims, 0, "seed {seed}, {late} ms");
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
    }
}

/// Rules L6, L7, L9.
#[test]
fn loss_of_a_frame_in_twenty_moves_nothing() {
    for seed in 1..6 {
        let mut world = World::running(3, 12, seed);
        let before = world.table();
        world.lan.loss_percent = 5;
        world.run(Duration::from_secs(600));
        assert_eq!(world.table(), before, "seed {seed}");
    }
}

/// Rules L7, L9.
#[test]
fn two_nodes_that_do_not_hear_each_other_keep_one_holder_of_each_address() {
    for seed in SEEDS {
        let mut world = World::running(3, 12, seed);
        let before = world.table();
        world.part(&[0], &[1]);
        world.run(ms(10_000));
        assert_eq!(world.table(), before, "seed {seed}");
    }
}

/// Rules A1, A2.
#[test]
fn a_node_alone_with_a_neighbour_serves_and_one_that_is_cut_off_claims_nothing() {
    for neighbours in [true, false] {
        let mut world = World::running(3, 12, 7);
        let before = world.held(0).len();
        world.neighbours = neighbours;
        world.kill(1);
        world.kill(2);
        world.run(ms(3000));
        let expected = if neighbours { 12 } else { before };
        assert_eq!(world.held(0).len(), expected);
        assert_eq!(
            world.is_reachable(address(1)),
            neighbours || world.held(0).contains(&address(1))
        );
    }
}

/// Rules Y1, C10.
#[test]
fn addresses_that_appear_are_claimed_once() {
    for seed in SEEDS {
        let mut world = World::running(3, 6, seed);
        let fuller = World::new(3, 9, seed).nodes[0].view.clone();
        for node in [0, 1, 2] {
            world.see(node, |view| *view = fuller.clone());
            world.run(ms(seed * 13 % 90));
        }
        world.run(ms(500));
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
    }
}

/// Rule L4.
#[test]
fn boots_have_no_order() {
    for boots in [[9, 5, 1], [1, 5, 9]] {
        let mut world = World::running(3, 9, 1);
        for boot in boots {
            world.kill(0);
            world.run(ms(60));
            world.start_as(0, boot);
            world.run(ms(1000));
            assert!(world.is_settled(), "{boot}: {:?}", world.table());
        }
    }
}

/// Rule C10.
#[test]
fn an_orphan_finds_a_holder_although_all_rank_differently() {
    for seed in SEEDS {
        let mut world = World::running(4, 16, seed);
        for node in 0..4 {
            let (own, ids) = (
                world.nodes[node].id,
                world.nodes.iter().map(|one| one.id).collect::<Vec<_>>(),
            );
            world.see(node, |view| {
                for group in view.groups.values_mut() {
                    // Each thinks that it comes last, and the others in an order of its own.
                    let near = ids.iter().enumerate().map(|(rank, id)| {
                        let last = *id == own;
                        let local = if last { 0 } else { 1 + (rank * (node + 1)) as u32 };
                        let saves_hop = false;
                        (*id, Nearness { local, saves_hop })
                    });
                    let mut near: Vec<_> = near.collect();
                    near.sort();
                    Arc::make_mut(group).near = near.into();
                }
            });
        }
        world.kill(0);
        world.until(ms(300 + 60 + 4 * 60 + 20), World::is_settled);
        world.run(ms(1000));
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
    }
}
