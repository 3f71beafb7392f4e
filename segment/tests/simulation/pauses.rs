//! Virtual machines that stand still with their clocks: snapshots, live migration.

use std::time::Duration;

use ferrolb_segment::{Conduct, Event, PartitionPolicy, Profile};
use rstest::rstest;

use crate::world::{Doubles, World, ms};

fn conduct(policy: PartitionPolicy) -> Conduct {
    Conduct {
        profile: Profile::NORMAL,
        hold_down: Duration::ZERO,
        policy,
    }
}

fn stunned(event: &Event) -> bool {
    matches!(event, Event::Stunned(_))
}

/// It may answer until the first beacon of another comes: not for longer than an interval (P5, P6).
#[rstest]
fn a_machine_that_stood_still_is_silent_from_the_first_beacon_on(
    #[values(PartitionPolicy::Availability, PartitionPolicy::SingleOwner)] policy: PartitionPolicy,
    #[values(false, true)] keeps_frames: bool,
    #[values(600, 5000)] pause: u64,
) {
    let mut longest = Duration::ZERO;
    for seed in 1..30 {
        let mut world = World::new(3, 12, seed).with_conduct(conduct(policy)).started();
        let phase = world.chance(1_000_000);
        world.run(ms(2000) + Duration::from_micros(phase));
        world.freeze(0, ms(pause), keeps_frames);
        world.run(ms(pause));
        let resumed = world.now;
        let mut doubles = Doubles::default();
        world.watch(ms(3000), |world| doubles.look(world));
        longest = longest.max(doubles.longest);
        let stuns = world.count(resumed, stunned);
        assert_eq!(stuns, 1, "seed {seed}: of all nodes the one that stood still");
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
    }
    println!("{policy:?}, frames kept {keeps_frames}, {pause} ms: two answered for {longest:?} at most");
    let bound = if keeps_frames { Duration::ZERO } else { ms(100) };
    assert!(longest <= bound, "{longest:?}");
}

/// Rule P6.
#[test]
fn one_odd_clock_stuns_nobody_else() {
    for seed in 1..10 {
        let mut world = World::new(4, 12, seed).with_conduct(conduct(PartitionPolicy::Availability));
        (0..4).for_each(|node| world.set_behind(node, Duration::from_secs(60)));
        let mut world = world.started();
        world.run(ms(4000));
        let began = world.now;
        world.leap(3, ms(5000));
        world.run(ms(400));
        for address in world.addresses() {
            let holder = world.holding(address)[0];
            let answering = world.answering(address);
            assert!(
                holder == 3 || answering == [holder],
                "seed {seed}: {answering:?} of {holder}"
            );
        }
        world.run(ms(3000));
        let others = world
            .events
            .iter()
            .filter(|(at, node, _)| *at >= began && *node != 3);
        assert_eq!(
            others.filter(|(.., event)| stunned(event)).count(),
            0,
            "seed {seed}"
        );
        assert!(world.is_settled(), "seed {seed}: {:?}", world.table());
    }
}

/// Rule P5.
#[test]
fn frames_that_are_late_stun_nobody() {
    for seed in 1..5 {
        let mut world = World::running(4, 12, seed);
        world.run(ms(4000));
        let began = world.now;
        world.lan.late_percent = 30;
        world.run(Duration::from_secs(60));
        assert_eq!(world.count(began, stunned), 0, "seed {seed}");
    }
}
