//! What happens every day: 20 nodes, 2 routers.

use std::sync::Arc;
use std::time::Duration;

use ferrolb_peering::bgp::{Community, Input, PeerSpec, State, wire};

use crate::world::{PROMPT, World, ms, service, spec};

const NODES: usize = 20;

#[test]
fn routers_have_all_routes_a_moment_after_the_nodes_start() {
    let mut world = World::new(NODES, 2, 1);
    for node in 0..NODES {
        world.want(node, &(0..500).collect::<Vec<_>>(), None);
        world.boot(node);
    }
    world.pass(ms(20));
    assert_eq!(world.differences(), []);
    // Packed: per family a few, and the marker of the end.
    assert!(
        world.sum(|router| router.updates) <= 40 * 8,
        "{}",
        world.sum(|router| router.updates)
    );
}

#[test]
fn one_change_is_one_update_and_nothing_else() {
    let mut world = World::running(NODES, 100, 2);
    for (wanted, community) in [
        ((0..101).collect::<Vec<_>>(), None),
        ((0..100).collect(), None),
        ((0..99).collect(), None),
    ] {
        let before = world.sum(|router| router.updates);
        world.want(7, &wanted, community);
        world.pass(PROMPT);
        assert_eq!(
            world.sum(|router| router.updates) - before,
            2,
            "one for each router"
        );
        assert_eq!(world.differences(), []);
    }
    // Other attributes for all of a node: one UPDATE for each family.
    let before = world.sum(|router| router.updates);
    world.want(
        7,
        &(0..99).collect::<Vec<_>>(),
        Some(Community::GRACEFUL_SHUTDOWN),
    );
    world.pass(PROMPT);
    assert_eq!(world.sum(|router| router.updates) - before, 4);
    let routes = &world.pairs[&(7, 0)].router.routes;
    assert!(routes.values().all(|communities| *communities == [0xffff_0000]));
}

#[test]
fn changes_that_undo_each_other_say_nothing() {
    let mut world = World::running(3, 100, 3);
    let before = world.sum(|router| router.updates);
    world.want(1, &(0..50).collect::<Vec<_>>(), None);
    world.pass(ms(3));
    world.want(1, &(0..100).collect::<Vec<_>>(), None);
    world.pass(ms(100));
    assert_eq!(world.sum(|router| router.updates), before);
}

#[test]
fn edits_by_the_thousand_reset_no_session() {
    let mut world = World::running(4, 50, 4);
    let sessions = world.sum(|router| router.sessions);
    for number in 0..1000 {
        let node = number % 4;
        let wanted: Vec<usize> = (0..50).filter(|one| one % 7 != number % 7).collect();
        let community = (number % 3 == 0).then_some(Community(64512, number as u16));
        world.want(node, &wanted, community);
        if number % 10 == 0 {
            let host_name = Some(format!("n{number}"));
            let changed = PeerSpec {
                host_name,
                ..spec(node, 0)
            };
            world.tell(node, 0, Input::Spec(Box::new(changed)));
        }
        world.pass(ms(50));
    }
    assert_eq!(world.sum(|router| router.sessions), sessions);
    assert_eq!(world.differences(), []);
}

#[test]
fn a_router_that_asks_again_is_told_all_again() {
    let mut world = World::running(2, 100, 5);
    let known = world.pairs[&(0, 0)].router.routes.clone();
    let pair = world.pair(0, 0);
    pair.router.routes.clear();
    let refresh = |family| crate::router::said(|out| wire::refresh(family, out));
    let both = [ferrolb_peering::Family::V4, ferrolb_peering::Family::V6]
        .map(refresh)
        .concat();
    world.tell(0, 0, Input::Bytes(&both));
    world.pass(PROMPT);
    assert_eq!(world.pairs[&(0, 0)].router.routes, known);
}

#[test]
fn a_node_that_leaves_withdraws_and_says_why() {
    let mut world = World::running(3, 10, 6);
    world.leave(1);
    world.pass(PROMPT);
    let pair = &world.pairs[&(1, 0)];
    assert!(pair.router.routes.is_empty());
    assert_eq!(
        pair.router.told.last().unwrap().to_string(),
        "cease: administrative shutdown (6/2), \"node shutting down\""
    );
    assert!(world.session(1, 0).unwrap().is_over());
    assert_eq!(world.pairs[&(2, 0)].router.routes.len(), 10);
}

/// They take BFD down when BGP comes up (frr#17337).
#[test]
fn routers_that_register_bfd_anew_lose_no_session() {
    let mut world = World::new(NODES, 2, 7);
    world.routers_are_frr = true;
    for node in 0..NODES {
        world.want(node, &[1, 2, 3], None);
        world.boot(node);
    }
    world.pass(Duration::from_secs(30));
    assert_eq!(world.sum(|router| router.sessions), 2 * NODES);
    assert_eq!(world.sum(|router| router.removals), 0);
}

#[test]
fn a_quiet_hour_resets_nothing_and_says_little() {
    let mut world = World::running(1, 10, 8);
    let before = world.sum(|router| router.updates);
    world.pass(Duration::from_secs(3600));
    assert_eq!(world.sum(|router| router.updates), before);
    assert_eq!(world.sum(|router| router.sessions), 2);
    assert_eq!(world.session(0, 0).unwrap().status().state, State::Established);
    let keepalives = world.session(0, 0).unwrap().status().counters.sent[3];
    assert!((120..=165).contains(&keepalives), "{keepalives}");
}

#[test]
fn the_same_table_again_is_nothing() {
    let mut world = World::running(1, 10, 9);
    let table = Arc::clone(&world.pairs[&(0, 0)].wanted);
    assert!(world.session(0, 0).unwrap().next(world.now).unwrap() > world.now + ms(6));
    world.tell(0, 0, Input::Wanted(table));
    assert!(world.session(0, 0).unwrap().next(world.now).unwrap() > world.now + ms(6));
    assert!(world.pairs[&(0, 0)].router.routes.contains_key(&service(3)));
}
