//! Nodes behind a bad trunk: little of what they say gets through, and nothing or little of what is said to them.

use std::time::Duration;

use rstest::rstest;

use crate::world::{World, ms};

/// A node dies beside `bad` nodes of whose frames `loss` percent are lost; how long its addresses have no other holder.
fn takeover(bad: usize, loss: u64, deaf: bool, seed: u64) -> Duration {
    let mut world = World::running(4 + bad, 40, seed);
    for node in 4..4 + bad {
        world.lan.lossy.insert(node, loss);
        if deaf {
            world.lan.cut.extend((0..4 + bad).map(|from| (from, node)));
        }
    }
    let phase = world.chance(100_000);
    world.run(ms(2000) + Duration::from_micros(phase));
    let held = |node: &usize| world.held(*node).len();
    let victim = (0..4).max_by_key(held).expect("there are good nodes");
    let orphans = world.held(victim);
    assert!(!orphans.is_empty(), "seed {seed}: a good node holds something");
    world.kill(victim);
    let served = |holder: &usize| *holder < 4 || !deaf;
    world.until(ms(30_000), |world| {
        orphans
            .iter()
            .all(|address| world.holding(*address).iter().any(served))
    })
}

/// Rule C11.
#[rstest]
#[case::none(0, 0, true)]
#[case::one_that_is_deaf(1, 80, true)]
#[case::five_that_are_deaf(5, 80, true)]
#[case::twenty_that_are_deaf(20, 80, true)]
#[case::twenty_that_are_deaf_and_lose_half(20, 50, true)]
#[case::twenty_that_come_and_go(20, 50, false)]
fn bad_nodes_do_not_delay_the_takeover_from_a_good_one(
    #[case] bad: usize,
    #[case] loss: u64,
    #[case] deaf: bool,
) {
    let took: Vec<Duration> = (1..7).map(|seed| takeover(bad, loss, deaf, seed)).collect();
    let mean = took.iter().sum::<Duration>() / took.len() as u32;
    println!(
        "{bad} bad nodes, {loss} % lost, deaf {deaf}: mean {mean:?}, worst {:?}",
        took.iter().max()
    );
    assert!(mean <= ms(500), "mean {mean:?} of {took:?}");
}
