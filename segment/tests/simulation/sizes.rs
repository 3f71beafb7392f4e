//! Many nodes, many addresses.

use std::time::Duration;

use ferrolb_segment::Event;

use crate::world::{World, address, ms};

fn large(nodes: usize, addresses: u32, wakeup: Duration) -> World {
    let mut world = World::new(nodes, addresses, 1);
    world.wakeup = wakeup;
    world.lan.encodes = true;
    world.started()
}

/// Prints what the segment carries at rest, and how long a node is missed when it dies.
#[allow(clippy::print_stdout)]
fn failover(nodes: usize, wakeup: Duration) -> Duration {
    let mut world = large(nodes, 2 * nodes as u32, wakeup);
    assert!(world.is_settled());
    let (frames, bytes) = (world.lan.frames, world.lan.bytes);
    world.run(ms(2000));
    let each = |count: u64| count / 2 / nodes as u64;
    let (frames, bytes) = (each(world.lan.frames - frames), each(world.lan.bytes - bytes));
    let dead = (0..nodes)
        .max_by_key(|node| world.held(*node).len())
        .expect("there are nodes");
    let orphans = world.held(dead);
    let before = world.lan.frames;
    world.kill(dead);
    let took = world.until(ms(600), |world| {
        orphans.iter().all(|one| world.is_reachable(*one))
    });
    let asked = world.lan.frames - before;
    println!(
        "{nodes} nodes: at rest each sends {frames} frames/s and {bytes} bytes/s; {} addresses of a dead node were taken in {took:?}, by {asked} frames of all",
        orphans.len()
    );
    assert!(
        frames <= 12 && bytes <= 1600 + 4 * 2 * nodes as u64,
        "{frames} {bytes}"
    );
    took
}

#[test]
fn a_dead_node_is_missed_no_longer_among_many() {
    let few = failover(3, Duration::ZERO);
    let many = failover(20, Duration::ZERO);
    assert!(many <= few + ms(110), "{few:?} {many:?}");
}

/// 500 nodes take minutes without optimisation: `FERROLB_SIMULATION_NODES=500 cargo test --release --test simulation`.
#[test]
fn a_dead_node_is_missed_no_longer_in_a_large_cluster() {
    let asked = std::env::var("FERROLB_SIMULATION_NODES").ok();
    let nodes = asked.map_or(40, |nodes| nodes.parse().expect("a number of nodes"));
    let took = failover(nodes, ms(2));
    assert!(took <= ms(400), "{nodes} nodes: {took:?}");
}

#[test]
fn a_thousand_addresses_of_a_dead_node_are_taken_within_a_second_and_spread() {
    let mut world = large(3, 1500, Duration::ZERO);
    let all = world.addresses().len();
    // Everything goes to 0: the others are cut off while they have neighbours, and lose on their return.
    world.kill(1);
    world.kill(2);
    world.run(ms(2000));
    assert_eq!(world.held(0).len(), all);
    [1, 2].into_iter().for_each(|node| world.start(node));
    world.run(ms(3000));
    world.kill(0);
    let took = world.until(ms(1000), |world| {
        world.addresses().iter().all(|one| world.is_reachable(*one))
    });
    let most = [1, 2].map(|node| world.held(node).len()).into_iter().max();
    println!("{all} addresses were taken in {took:?}, at most {most:?} by one node");
    assert!(most <= Some((all * 5).div_ceil(8)));
}

/// Rules L11, Y2, Y3, Y4.
#[test]
fn a_newcomer_learns_thousands_of_claims_over_a_lossy_network() {
    let mut world = World::new(4, 3000, 1);
    (0..3).for_each(|node| world.start(node));
    world.run(ms(3000));
    world.lan.receive_loss_percent = 1;
    let began = world.now;
    world.start(3);
    let joined = |event: &Event| matches!(event, Event::Joined);
    let took = world.until(ms(1000), |world| world.count(began, joined) == 1);
    println!("3000 claims of three nodes were learned in {took:?}");
    world.run(ms(500));
    assert_eq!(world.held(3).len(), 0);
    assert_eq!(world.holding(address(1)).len(), 1);
}
