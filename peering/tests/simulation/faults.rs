//! What breaks: nodes, processes, cables.

use std::time::Duration;

use ferrolb_peering::bgp::{Down, Report};
use rstest::rstest;

use crate::world::{DETECTION, World, ms};

/// Packets are early by up to a quarter, and one may be on its way.
const SEEN: Duration = ms(DETECTION.as_millis() as u64 + 10);

#[test]
fn graceful_restart_never_outlives_bfd() {
    let mut world = World::running(20, 20, 1);
    world.power_off(4);
    world.pass(SEEN);
    let router = &world.pairs[&(4, 0)].router;
    assert_eq!((router.routes.len(), router.keeps()), (0, false));
    // And nobody else's.
    assert_eq!(world.differences(), []);
}

#[rstest]
#[case::stopped(World::stop_for_restart as fn(&mut World, usize))]
#[case::killed(World::crash as fn(&mut World, usize))]
fn a_process_that_restarts_moves_no_route(#[case] stop: fn(&mut World, usize)) {
    let mut world = World::running(5, 200, 2);
    let removals = world.sum(|router| router.removals);
    stop(&mut world, 2);
    world.pass(Duration::from_secs(25));
    assert!(world.pairs[&(2, 0)].router.keeps());
    world.boot(2);
    world.pass(ms(5000));
    assert_eq!(world.sum(|router| router.removals), removals);
    assert!(!world.pairs[&(2, 0)].router.keeps());
    assert_eq!(world.differences(), []);
    assert_eq!(world.sum(|router| router.told.len()), 0);
}

#[test]
fn what_is_not_wanted_any_more_after_a_restart_goes_with_its_end() {
    let mut world = World::running(2, 20, 3);
    world.stop_for_restart(0);
    world.pass(ms(2000));
    world.want(0, &[0, 1, 2], None);
    world.boot(0);
    world.pass(ms(2000));
    assert_eq!(world.pairs[&(0, 0)].router.routes.len(), 3);
}

#[test]
fn a_process_that_does_not_come_back_is_forgotten_after_its_restart_time() {
    let mut world = World::running(2, 20, 4);
    world.stop_for_restart(0);
    world.pass(Duration::from_secs(59));
    assert_eq!(world.pairs[&(0, 0)].router.routes.len(), 20);
    world.pass(ms(1100));
    assert_eq!(world.pairs[&(0, 0)].router.routes.len(), 0);
}

#[test]
fn a_node_that_boots_is_believed_to_have_forwarded_nothing() {
    let mut world = World::running(2, 20, 5);
    // Quicker than BFD: the router meets it again before it knew that it was gone.
    world.power_off(0);
    world.want(0, &[], None);
    world.boot(0);
    world.pass(ms(1500));
    assert_eq!(world.pairs[&(0, 0)].router.routes.len(), 0);
}

#[test]
fn a_cut_cable_is_seen_at_both_ends_and_mended_within_two_seconds() {
    let mut world = World::running(20, 20, 6);
    world.cut(3, true);
    world.pass(SEEN);
    assert!(world.pairs[&(3, 1)].router.routes.is_empty());
    let ended =
        |report: &Report| matches!(report, Report::Ended(ending) if matches!(ending.why, Down::Told(_)));
    assert!(world.pairs[&(3, 1)].reports.iter().any(ended));
    world.pass(Duration::from_secs(60));
    world.cut(3, false);
    world.pass(ms(6500));
    assert_eq!(world.differences(), []);
}

#[test]
fn a_router_that_starts_again_has_all_routes_within_two_seconds() {
    let mut world = World::running(20, 20, 8);
    world.restart_router(1);
    assert!(world.pairs[&(3, 1)].router.routes.is_empty());
    world.pass(ms(2000));
    assert_eq!(world.differences(), []);
    // The other one was not touched.
    let of_first = world.pairs.iter().filter(|((_, router), _)| *router == 0);
    assert!(of_first.into_iter().all(|(_, pair)| pair.router.sessions == 1));
}

#[test]
fn lost_packets_and_slow_connections_cost_no_session() {
    let mut world = World::running(5, 20, 9);
    for node in 0..5 {
        world.roughen(node, ms(700), 40);
    }
    world.pass(Duration::from_secs(120));
    world.want(3, &[1, 2], None);
    world.pass(ms(710));
    assert_eq!(
        (world.sum(|router| router.sessions), world.differences()),
        (10, vec![])
    );
}

#[test]
fn a_process_that_is_held_up_blames_nobody() {
    let mut world = World::running(4, 20, 7);
    world.hold_up(1, true);
    // A packet every 300 ms, and three may fail to come.
    world.pass(ms(590));
    world.hold_up(1, false);
    world.pass(ms(3000));
    assert_eq!(
        (world.sum(|router| router.sessions), world.differences()),
        (8, vec![])
    );
    // Longer than the detection time: the routers act, and the node says nothing of them.
    world.hold_up(1, true);
    world.pass(ms(3000));
    world.hold_up(1, false);
    world.pass(ms(6000));
    assert_eq!(world.differences(), []);
    assert_eq!(world.sum(|router| router.told.len()), 0);
}
