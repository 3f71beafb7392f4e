//! Epochs that nobody can have counted to.

use std::net::IpAddr;

use ferrolb_segment::digest::bucket_of;
use ferrolb_segment::message::{Body, ClaimsPage, ContentDigest, Entry, Epoch, Hold, Message, Part, Version};
use ferrolb_segment::{Event, Moment};
use rstest::rstest;

use crate::world::{World, ms};

const JUMP: u64 = 1 << 20;
/// In a world that began a while ago each address was claimed a few times at most.
const FEW: u64 = 100;

/// The node reads that another holds the address with this epoch.
fn tell(world: &mut World, to: usize, from: usize, address: IpAddr, epoch: u64) {
    let now = world.now;
    let from = world.on_segment(from, |segment| segment.instance());
    let hold = Hold {
        epoch: Epoch(epoch),
        backed: true,
        yield_to: None,
    };
    let page = ClaimsPage {
        bucket: bucket_of(address),
        base: None,
        version: Version(1 << 32),
        digest: ContentDigest(0),
        part: Part { index: 0, of: 1 },
        entries: vec![(address, Some(Entry::Hold(hold)))],
    };
    let message = Message {
        from,
        sequence: 1 << 32,
        body: Body::Claims(page),
    };
    world.on_segment(to, |segment| segment.receive(&message, now, now));
}

fn refused(world: &World) -> usize {
    let began = Moment::ORIGIN;
    world.count(began, |event| matches!(event, Event::Incredible(..)))
}

/// Rule C15.
#[rstest]
#[case::as_far_as_it_may_go(JUMP, 0)]
#[case::further(JUMP + FEW, 1)]
#[case::as_far_as_numbers_go(u64::MAX, 1)]
fn an_epoch_that_nobody_can_have_counted_to_is_refused_and_reported(
    #[case] epoch: u64,
    #[case] times: usize,
) {
    let mut world = World::running(3, 12, 1);
    let address = *world.held(0).first().expect("it holds some");
    tell(&mut world, 0, 1, address, epoch);
    world.run(ms(1));
    assert_eq!(refused(&world), times);
    assert_eq!(world.holding(address).contains(&0), times == 1);
    world.run(ms(2000));
    assert!(world.is_settled(), "{:?}", world.table());
}

/// Rule C15.
#[test]
fn who_was_out_of_touch_for_long_takes_what_others_may_have_counted_to() {
    let mut world = World::running(3, 12, 1);
    let address = *world.held(0).first().expect("it holds some");
    world.part(&[0], &[1, 2]);
    world.run(ms(10_000));
    tell(&mut world, 0, 1, address, 8 * JUMP);
    world.run(ms(1));
    assert_eq!(refused(&world), 0);
    tell(&mut world, 0, 1, address, 20 * JUMP + FEW);
    world.run(ms(1));
    assert_eq!(refused(&world), 1);
}

/// Rule C15.
#[test]
fn who_starts_takes_whatever_others_counted_to() {
    let mut world = World::running(3, 12, 1);
    let address = *world.held(1).first().expect("it holds some");
    world.kill(0);
    world.start(0);
    world.run(ms(100));
    tell(&mut world, 0, 1, address, 1000 * JUMP);
    world.run(ms(1));
    assert_eq!(refused(&world), 0);
}
