//! Addresses that another station has already, which is asked before their first use.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_segment::mac::Mac;
use ferrolb_segment::message::Wire;
use proptest::prelude::*;

use crate::world::{Doubles, World, address, ms};

const STRANGER: Mac = Mac([0x52, 0x54, 0, 0, 0, 9]);
const SLOT: Duration = ms(60);
/// Three intervals, and 60 ms in which the others are asked.
const DETECTION: Duration = ms(360);
const PROBING: Duration = ms(300);
/// What a frame and a look at it take.
const MORE: Duration = ms(15);

/// Nodes that run; addresses 1 to `old` have holders, and `new` more appear now, as those of a new Service do.
fn with_new(nodes: usize, old: u32, new: u32, seed: u64, prepare: impl FnOnce(&mut World)) -> World {
    let mut world = World::new(nodes, old + new, seed);
    let fresh: BTreeSet<IpAddr> = (old + 1..=old + new).map(address).collect();
    let mut later = Vec::new();
    for node in 0..nodes {
        world.see(node, |view| {
            later.push(view.groups.split_off(&address(old + 1)));
        });
    }
    let mut world = world.started();
    prepare(&mut world);
    for (node, mut groups) in later.into_iter().enumerate() {
        world.see(node, |view| {
            view.groups.append(&mut groups);
            view.fresh = Arc::new(fresh.clone());
        });
    }
    world
}

fn asked(world: &World, last: u32) -> Vec<usize> {
    let of = world.probes.iter().filter(|(.., one)| *one == address(last));
    of.map(|(_, node, _)| *node).collect()
}

/// Rule N2.
#[test]
fn a_new_address_is_asked_for_three_times_by_one_node_and_then_claimed_by_it() {
    for seed in 1..20 {
        let mut world = with_new(5, 20, 1, seed, |_| {});
        let began = world.now;
        let took = world.until(ms(2000), |world| !world.holding(address(21)).is_empty());
        assert!(took >= PROBING && took <= PROBING + MORE, "{took:?}");
        let holder = world.holding(address(21))[0];
        assert_eq!(asked(&world, 21), [holder; 3]);
        let times: Vec<Duration> = world.probes.iter().map(|(at, ..)| at.since(began)).collect();
        assert!(
            times.windows(2).all(|pair| pair[1] - pair[0] >= ms(100)),
            "{times:?}"
        );
        world.run(ms(2000));
        assert!(world.is_settled());
    }
}

/// Rule N1: a failover is as quick as before.
#[test]
fn an_address_that_somebody_had_is_asked_for_by_nobody_even_if_it_is_new_to_the_cluster() {
    for seed in 1..10 {
        let mut world = with_new(4, 8, 8, seed, |_| {});
        world.run(ms(3000));
        assert!(world.is_settled());
        world.probes.clear();
        world.kill(0);
        world.run(ms(2000));
        assert!(world.is_settled());
        assert!(world.probes.is_empty(), "{:?}", world.probes);
    }
}

/// Rule N1.
#[test]
fn what_was_there_before_the_speaker_is_claimed_without_delay() {
    let mut world = World::running(3, 12, 1);
    world.run(ms(1000));
    assert!(world.is_settled() && world.probes.is_empty());
}

/// Rules N3, N4.
#[test]
fn nobody_claims_what_another_station_has_and_one_node_asks_again_each_minute() {
    for seed in 1..10 {
        let mut world = with_new(4, 4, 1, seed, |world| {
            world.strangers.insert(address(5), STRANGER);
        });
        world.watch(Duration::from_secs(185), |world| {
            assert!(world.holding(address(5)).is_empty());
        });
        let asked = asked(&world, 5);
        assert_eq!(
            asked.len(),
            4,
            "at once and after each of three minutes: {asked:?}"
        );
        assert!(asked.iter().all(|one| *one == asked[0]), "{asked:?}");
    }
}

/// Rule N5.
#[test]
fn every_node_learns_which_station_has_it_and_is_told_again() {
    let mut world = with_new(3, 3, 1, 1, |world| {
        world.strangers.insert(address(4), STRANGER);
    });
    world.run(Duration::from_secs(59));
    let finder = asked(&world, 4)[0];
    for node in 0..3 {
        let told = world.found.iter().filter(|(to, ..)| *to == node);
        let told: Vec<_> = told
            .map(|(_, from, findings)| (*from, findings[0].holder, findings[0].wire))
            .collect();
        let id = world.nodes[finder].id;
        assert_eq!(told, [(id, id, Wire::Foreign(STRANGER)); 6], "node {node}");
    }
}

/// Rule N4.
#[test]
fn an_address_that_the_other_station_leaves_is_claimed_within_a_minute() {
    for seed in 1..10 {
        let mut world = with_new(4, 4, 1, seed, |world| {
            world.strangers.insert(address(5), STRANGER);
        });
        world.run(ms(5000));
        world.strangers.clear();
        let took = world.until(Duration::from_secs(70), |world| {
            !world.holding(address(5)).is_empty()
        });
        assert!(
            took > Duration::from_secs(50) && took < Duration::from_secs(57),
            "{took:?}"
        );
        world.run(ms(2000));
        assert!(world.is_settled());
    }
}

/// Rule N4: what the finder says counts for the others, and where it dies they ask themselves.
#[test]
fn if_the_finder_dies_another_asks_when_the_minute_is_over_and_claims_nothing_of_the_other_station() {
    let mut world = with_new(4, 4, 1, 1, |world| {
        world.strangers.insert(address(5), STRANGER);
    });
    world.run(ms(5000));
    let finder = asked(&world, 5)[0];
    world.kill(finder);
    world.run(Duration::from_secs(50));
    assert_eq!(asked(&world, 5), [finder], "the minute is not over");
    world.run(Duration::from_secs(20));
    let again = asked(&world, 5);
    assert_eq!(again.len(), 2, "{again:?}");
    assert_ne!(again[1], finder);
    assert!(world.holding(address(5)).is_empty());
}

/// Rule N2: nobody waits for a node that dies while it asks for longer than its slot.
#[test]
fn if_the_node_that_asks_dies_the_next_one_asks_and_claims() {
    for seed in 1..10 {
        let mut world = with_new(4, 4, 1, seed, |_| {});
        world.until(ms(100), |world| !world.probes.is_empty());
        let first = asked(&world, 5)[0];
        world.kill(first);
        let took = world.until(ms(3000), |world| !world.holding(address(5)).is_empty());
        assert!(took <= SLOT + PROBING * 2 + DETECTION + MORE, "{took:?}");
        let asked = asked(&world, 5);
        assert_eq!(world.holding(address(5)).len(), 1);
        assert!(asked.ends_with(&[world.holding(address(5))[0]; 3]), "{asked:?}");
    }
}

/// A speaker that started a moment ago does not know that the address is new: it may claim it without asking, alone.
#[test]
fn one_that_takes_a_new_address_for_an_old_one_ends_up_with_one_holder_too() {
    for seed in 1..30 {
        let mut world = with_new(4, 4, 4, seed, |_| {});
        world.see(seed as usize % 4, |view| view.fresh = Arc::default());
        let mut doubles = Doubles::default();
        world.watch(ms(3000), |world| doubles.look(world));
        assert!(world.is_settled(), "{:?}", world.table());
        assert!(doubles.longest <= ms(5), "{:?}", doubles.longest);
    }
}

/// Rule N3: what is not held for 100 ms is not known not to be another's.
#[test]
fn one_answer_of_three_is_enough() {
    let mut claimed = 0;
    for seed in 1..100 {
        let mut world = with_new(3, 3, 1, seed, |world| {
            world.strangers.insert(address(4), STRANGER);
            world.lost_answers_percent = 20;
        });
        world.run(ms(3000));
        claimed += usize::from(!world.holding(address(4)).is_empty());
    }
    // 0.2³ of them are lost whole.
    assert!(claimed <= 4, "{claimed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is lost, each new address that no other station has gets one holder, and one that a station has gets none.
    #[test]
    fn of_lossy_segments_each_free_address_gets_a_holder_and_no_other_one(
        seed in 1_u64..10_000,
        nodes in 2_usize..6,
        new in 1_u32..12,
        taken in proptest::collection::btree_set(0_u32..12, 0..6),
        lost in 0_u64..8,
    ) {
        let mut world = with_new(nodes, 6, new, seed, |world| {
            world.lan.loss_percent = lost;
            let taken = taken.iter().filter(|one| **one < new);
            world.strangers = taken.map(|one| (address(7 + one), STRANGER)).collect();
        });
        let strangers: BTreeSet<IpAddr> = world.strangers.keys().copied().collect();
        let mut doubles = Doubles::default();
        world.watch(Duration::from_secs(20), |world| {
            doubles.look(world);
            for address in &strangers {
                assert!(world.holding(*address).is_empty());
            }
        });
        for address in world.addresses() {
            let holders = usize::from(!strangers.contains(&address));
            prop_assert_eq!(world.holding(address).len(), holders, "{}", address);
        }
        prop_assert!(doubles.longest <= ms(500), "{:?}", doubles.longest);
    }
}
