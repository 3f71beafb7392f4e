use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::mac::Mac;
use crate::message::{Body, Boot, Instance, NodeId};
use crate::seal::{GROUP, SegmentKey, seal};

const PEER: Mac = Mac([2, 0, 0, 0, 0, 1]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);
/// What a storm is (issue: 50,000 frames a second), and one that is more than anybody looks at.
const STORM: u32 = 50_000;
const FLOOD: u32 = 400_000;

fn keys() -> KeyRing {
    KeyRing::new(SegmentKey::derive(b"secret", "cluster"), None)
}

fn frame(source: Mac, sequence: u64) -> Vec<u8> {
    let from = Instance {
        node: NodeId([source.0[5]; 16]),
        boot: Boot(1),
    };
    let message = Message {
        from,
        sequence,
        body: Body::Query(from),
    };
    seal(&keys(), [source, GROUP], None, &message).unwrap()
}

/// Sealed without the key, but in every other way the next frame.
fn forged(source: Mac) -> Vec<u8> {
    let mut frame = frame(source, u64::MAX);
    *frame.last_mut().unwrap() ^= 1;
    frame
}

fn invented(number: u32) -> Mac {
    let [_, a, b, c] = number.to_be_bytes();
    Mac([2, 0, 1, a, b, c])
}

/// Two peers are known; then one second of a storm, in which each peer sends ten frames. Which of those come in.
fn admitted(per_second: u32, attack: impl Fn(u32) -> Vec<u8>) -> [usize; 2] {
    let (keys, mut gate) = (keys(), Gate::new(Limits::default(), Moment::ORIGIN));
    for peer in [PEER, OTHER] {
        gate.admit(&keys, &frame(peer, 1), None, Moment::ORIGIN).unwrap();
    }
    let mut counts = [0; 2];
    for number in 0..per_second {
        let now = Moment::ORIGIN + Duration::from_secs(1) * number / per_second;
        assert!(gate.admit(&keys, &attack(number), None, now).is_err());
        if number % (per_second / 10) == per_second / 20 {
            for (count, peer) in counts.iter_mut().zip([PEER, OTHER]) {
                let sequence = 2 + u64::from(number);
                *count += usize::from(gate.admit(&keys, &frame(peer, sequence), None, now).is_ok());
            }
        }
    }
    counts
}

/// Rules S4, S5.
#[test]
fn a_storm_in_the_name_of_a_peer_keeps_nobody_out() {
    let attack = forged(PEER);
    assert_eq!(admitted(STORM, |_| attack.clone()), [10, 10]);
}

/// Rule S4.
#[rstest]
#[case::a_storm(STORM)]
#[case::a_flood(FLOOD)]
fn recorded_frames_keep_nobody_out(#[case] per_second: u32) {
    let recorded = frame(PEER, 1);
    assert_eq!(admitted(per_second, |_| recorded.clone()), [10, 10]);
}

/// Rule S5.
#[rstest]
#[case::a_storm(STORM)]
#[case::a_flood(FLOOD)]
fn frames_of_invented_addresses_keep_no_peer_out(#[case] per_second: u32) {
    let template = forged(PEER);
    let attack = |number| {
        let mut frame = template.clone();
        frame[6..12].copy_from_slice(&invented(number).0);
        frame
    };
    assert_eq!(admitted(per_second, attack), [10, 10]);
}

#[test]
fn a_flood_in_the_name_of_a_peer_keeps_out_nobody_else() {
    let attack = forged(PEER);
    assert_eq!(admitted(FLOOD, |_| attack.clone())[1], 10);
}

#[test]
fn who_comes_during_a_storm_comes_in() {
    let (keys, mut gate) = (keys(), Gate::new(Limits::default(), Moment::ORIGIN));
    let attack = forged(OTHER);
    for number in 0..STORM {
        let now = Moment::ORIGIN + Duration::from_secs(1) * number / STORM;
        assert_eq!(
            gate.admit(&keys, &attack, None, now),
            Err(Barred::Refused(Refused::BadSeal))
        );
    }
    let now = Moment::ORIGIN + Duration::from_secs(1);
    gate.admit(&keys, &frame(PEER, 1), None, now).unwrap();
}

#[test]
fn more_than_there_is_time_for_is_not_checked() {
    let (keys, mut gate) = (keys(), Gate::new(Limits::default(), Moment::ORIGIN));
    let attack = forged(PEER);
    let checked = (0..FLOOD).filter(|number| {
        let now = Moment::ORIGIN + Duration::from_secs(1) * *number / FLOOD;
        gate.admit(&keys, &attack, None, now) != Err(Barred::TooMany)
    });
    let limit = Limits::default().shared;
    let checked = u32::try_from(checked.count()).unwrap();
    assert!(checked <= limit.per_second + limit.burst, "{checked}");
}

#[test]
fn a_frame_comes_in_once() {
    let (keys, mut gate) = (keys(), Gate::new(Limits::default(), Moment::ORIGIN));
    let frame = frame(PEER, 7);
    assert!(gate.admit(&keys, &frame, None, Moment::ORIGIN).is_ok());
    assert_eq!(
        gate.admit(&keys, &frame, None, Moment::ORIGIN),
        Err(Barred::Replayed(Replayed))
    );
}
