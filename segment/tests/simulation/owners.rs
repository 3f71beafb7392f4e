//! `single-owner`: never do two nodes answer for an address, whatever the network does.

use std::time::Duration;

use ferrolb_segment::{Conduct, PartitionPolicy, Profile};
use rstest::rstest;

use crate::world::{World, ms};

const SEEDS: std::ops::Range<u64> = 1..25;
/// 2·D: after this no node answers that hears too few.
const SILENT: Duration = ms(600);
/// D + Q until the dead node is down, 2·D + Q until it is silent, and the slots of the nodes before.
const SERVED: Duration = ms(300 + 60 + 600 + 60 + 3 * 60 + 60);

fn world(nodes: usize, seed: u64) -> World {
    let conduct = Conduct {
        profile: Profile::NORMAL,
        hold_down: Duration::ZERO,
        policy: PartitionPolicy::SingleOwner,
    };
    let mut world = World::new(nodes, 12, seed).with_conduct(conduct).started();
    let phase = world.chance(1_000_000);
    world.run(Duration::from_micros(phase));
    assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
    world
}

/// Lets time pass; nobody may see two answers.
fn run_alone(world: &mut World, time: Duration, what: &str) {
    world.watch(time, |world| {
        let doubles = world.doubles();
        assert!(
            doubles.is_empty(),
            "{what}, {:?}: {doubles:?} of {:?}",
            world.now,
            world.table()
        );
    });
}

fn answers(world: &World, nodes: &[usize]) -> usize {
    let of = |address| {
        world
            .answering(address)
            .iter()
            .filter(|node| nodes.contains(node))
            .count()
    };
    world.addresses().into_iter().map(of).sum()
}

/// Rules M1, M4.
#[rstest]
#[case::one_of_three(&[0], &[1, 2])]
#[case::two_of_five(&[0, 1], &[2, 3, 4])]
fn in_a_partition_only_the_greater_side_answers(#[case] minority: &[usize], #[case] majority: &[usize]) {
    for seed in SEEDS {
        let mut world = world(minority.len() + majority.len(), seed);
        world.part(minority, majority);
        run_alone(&mut world, SILENT, "after the cut");
        assert_eq!(answers(&world, minority), 0, "seed {seed}");
        run_alone(&mut world, SERVED - SILENT, "after the cut");
        assert_eq!(answers(&world, majority), 12, "seed {seed}: {:?}", world.table());
        run_alone(&mut world, ms(3000), "in the partition");
        assert_eq!(answers(&world, minority), 0, "seed {seed}");
        world.lan.cut.clear();
        run_alone(&mut world, ms(3000), "after the heal");
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
        assert_eq!(answers(&world, &[0, 1, 2, 3, 4]), 12, "seed {seed}");
    }
}

/// Rules M2, M8, M9.
#[test]
fn of_two_halves_neither_answers_and_afterwards_all_is_as_before() {
    for seed in SEEDS {
        let mut world = world(4, seed);
        let before = world.table();
        world.part(&[0, 1], &[2, 3]);
        run_alone(&mut world, SILENT, "after the cut");
        assert_eq!(answers(&world, &[0, 1, 2, 3]), 0, "seed {seed}");
        run_alone(&mut world, ms(3000), "in the partition");
        world.lan.cut.clear();
        run_alone(&mut world, ms(2000), "after the heal");
        assert_eq!(answers(&world, &[0, 1, 2, 3]), 12, "seed {seed}");
        assert_eq!(world.table(), before, "seed {seed}");
    }
}

/// Rules M5, M6.
#[test]
fn the_addresses_of_a_dead_node_are_answered_for_within_its_bound() {
    for seed in SEEDS {
        let mut world = world(3, seed);
        world.kill(0);
        let all = |world: &World| answers(world, &[1, 2]) == 12;
        let took = world.until(SERVED, all);
        assert!(took >= SILENT, "seed {seed}: {took:?}");
    }
}

#[rstest]
#[case::hears_nobody(true)]
#[case::is_heard_by_nobody(false)]
fn who_is_cut_off_one_way_is_replaced_and_silent_before(#[case] deaf: bool) {
    for seed in SEEDS {
        let mut world = world(3, seed);
        for other in [1, 2] {
            world.lan.cut.insert(if deaf { (other, 0) } else { (0, other) });
        }
        run_alone(&mut world, ms(3000), "after the cut");
        assert_eq!(answers(&world, &[1, 2]), 12, "seed {seed}: {:?}", world.table());
        world.lan.cut.clear();
        run_alone(&mut world, ms(3000), "after the heal");
        assert_eq!(answers(&world, &[0, 1, 2]), 12, "seed {seed}");
    }
}

/// Found by the model: the first comes back at the moment in which the others claim, and these no longer hear each
/// other (M6, M7).
#[test]
fn a_claim_of_one_who_was_cut_off_meanwhile_does_not_count() {
    for seed in SEEDS.flat_map(|seed| (0..3).map(move |round| 100 * round + seed)) {
        let mut world = world(3, seed);
        world.part(&[0], &[1, 2]);
        let until_claims = 940 + world.chance(200);
        run_alone(&mut world, ms(until_claims), "while the first is cut off");
        world.lan.cut.clear();
        let heals_first = world.chance(150);
        run_alone(&mut world, ms(heals_first), "together");
        world.part(&[2], &[0, 1]);
        let apart = 100 + world.chance(250);
        run_alone(&mut world, ms(apart), "while the third is cut off");
        world.lan.cut.clear();
        let together = 20 + world.chance(150);
        run_alone(&mut world, ms(together), "together again");
        world.part(&[1], &[0, 2]);
        run_alone(&mut world, ms(700), "while the second is cut off");
        world.lan.cut.clear();
        run_alone(&mut world, ms(3000), "after the heal");
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
        assert_eq!(
            answers(&world, &[0, 1, 2]),
            12,
            "seed {seed}: {:?}",
            world.table()
        );
    }
}

#[test]
fn two_that_hear_the_third_only_keep_what_they_have() {
    for seed in SEEDS {
        let mut world = world(3, seed);
        let before = world.table();
        world.part(&[0], &[1]);
        run_alone(&mut world, ms(5000), "after the cut");
        assert_eq!(world.table(), before, "seed {seed}");
        assert_eq!(answers(&world, &[0, 1, 2]), 12, "seed {seed}");
    }
}

/// Rules M3, M4.
#[rstest]
#[case(250)]
#[case(800)]
#[case(2000)]
fn who_was_held_up_never_answers_beside_another(#[case] pause: u64) {
    for seed in SEEDS {
        let mut world = world(3, seed);
        for node in 0..3 {
            world.pause(node, ms(pause));
            run_alone(&mut world, ms(pause + 3000), "after a pause");
        }
        assert_eq!(answers(&world, &[0, 1, 2]), 12, "seed {seed}");
    }
}

/// The segment breaks in two and heals; processes are held up, die and start (M4, M5, M6, M7).
#[test]
fn whatever_happens_nobody_gets_two_answers() {
    for seed in SEEDS {
        let nodes = 3 + seed as usize % 3;
        let mut world = world(nodes, seed);
        for _ in 0..25 {
            let one = world.chance(nodes as u64) as usize;
            match world.chance(8) {
                0..=2 => {
                    let sides = world.chance(1 << nodes);
                    let (left, right): (Vec<usize>, Vec<usize>) =
                        (0..nodes).partition(|node| sides >> node & 1 == 0);
                    world.lan.cut.clear();
                    world.part(&left, &right);
                }
                3 => {
                    let time = world.chance(2500);
                    world.pause(one, ms(time));
                }
                4 => world.kill(one),
                5 if !world.is_running(one) => world.start(one),
                _ => world.lan.cut.clear(),
            }
            let time = world.chance(1500);
            run_alone(&mut world, ms(time), &format!("seed {seed}"));
        }
    }
}
