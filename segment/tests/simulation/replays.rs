//! Frames that somebody without the key recorded and says again.

use std::time::Duration;

use ferrolb_segment::{Conduct, PartitionPolicy, Profile};
use rstest::rstest;

use crate::world::{World, ms};

fn world(policy: PartitionPolicy, seed: u64) -> World {
    let conduct = Conduct {
        profile: Profile::NORMAL,
        hold_down: Duration::ZERO,
        policy,
    };
    World::new(3, 12, seed).with_conduct(conduct)
}

/// One without the key recorded a speaker; that one and another were restarted since. He replays to both that live, and
/// a holder dies (M3, M5).
#[rstest]
#[case::availability(PartitionPolicy::Availability)]
#[case::single_owner(PartitionPolicy::SingleOwner)]
fn replays_of_a_forgotten_boot_stop_no_failover(#[case] policy: PartitionPolicy) {
    for seed in 1..6 {
        let mut world = world(policy, seed);
        world.records = Some(1);
        let mut world = world.started();
        world.run(Duration::from_secs(20));
        world.records = None;
        let recorded = std::mem::take(&mut world.recorded);
        for node in [1, 0] {
            world.kill(node);
            world.run(ms(3000));
            world.start(node);
            world.run(ms(5000));
        }
        let orphans = world.held(2);
        world.kill(2);
        let served = |world: &World| orphans.iter().all(|one| world.answering(*one).len() == 1);
        let mut recorded = recorded.iter();
        let (mut counted, mut took) = (0, Duration::ZERO);
        while !served(&world) && took < ms(5000) {
            let frame = recorded.next().expect("enough was recorded");
            counted += usize::from(world.replay(0, frame));
            world.run(ms(50));
            took += ms(50);
        }
        assert!(counted > 0, "seed {seed}: no replay counts");
        assert!(
            took <= ms(1500),
            "seed {seed}: after {took:?}: {:?}",
            world.table()
        );
    }
}

/// Rule M3.
#[test]
fn replays_give_nobody_a_majority() {
    for seed in 1..6 {
        let mut world = world(PartitionPolicy::SingleOwner, seed);
        world.records = Some(1);
        let mut world = world.started();
        world.run(Duration::from_secs(20));
        world.records = None;
        let recorded = std::mem::take(&mut world.recorded);
        world.kill(0);
        world.run(ms(2000));
        // Alone, since it started, with what was recorded of one that is cut off.
        world.part(&[0], &[1, 2]);
        world.start(0);
        for frame in recorded.iter().step_by(3) {
            world.replay(0, frame);
            world.run(ms(50));
            assert!(world.held(0).is_empty(), "seed {seed}: {:?}", world.table());
        }
    }
}
