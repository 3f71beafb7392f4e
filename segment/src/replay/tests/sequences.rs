use proptest::prelude::*;

use crate::mac::Mac;
use crate::message::{Boot, Instance, NodeId};
use crate::replay::{BOOTS, INTERFACES, NODES, Replayed, Sequences};

const SOURCE: Mac = Mac([2, 0, 0, 0, 0, 1]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);

fn instance(node: usize, boot: usize) -> Instance {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(node as u64).to_be_bytes());
    Instance {
        node: NodeId(id),
        boot: Boot(boot as u64),
    }
}

fn heard(frames: &[(Instance, Mac, u64)]) -> Sequences {
    let mut sequences = Sequences::default();
    for (from, source, sequence) in frames {
        sequences.accept(*from, *source, *sequence).unwrap();
    }
    sequences
}

/// Rule S3.
#[test]
fn a_frame_counts_once() {
    let mut sequences = heard(&[(instance(1, 1), SOURCE, 5)]);
    assert_eq!(sequences.accept(instance(1, 1), SOURCE, 5), Err(Replayed));
}

#[test]
fn an_earlier_frame_counts_no_more() {
    let mut sequences = heard(&[(instance(1, 1), SOURCE, 5)]);
    assert_eq!(sequences.accept(instance(1, 1), SOURCE, 4), Err(Replayed));
}

#[test]
fn frames_may_be_lost() {
    heard(&[
        (instance(1, 1), SOURCE, 5),
        (instance(1, 1), SOURCE, 6),
        (instance(1, 1), SOURCE, 90),
    ]);
}

#[test]
fn interfaces_and_boots_and_nodes_count_for_themselves() {
    heard(&[
        (instance(1, 1), SOURCE, 5),
        (instance(1, 1), OTHER, 5),
        (instance(1, 2), SOURCE, 5),
        (instance(2, 1), SOURCE, 5),
    ]);
}

/// Rule S3.
#[test]
fn of_many_boots_the_one_that_was_silent_longest_is_forgotten() {
    let mut sequences = Sequences::default();
    for boot in 1..=BOOTS {
        sequences.accept(instance(1, boot), SOURCE, 1).unwrap();
    }
    sequences.accept(instance(1, 1), SOURCE, 2).unwrap();
    sequences.accept(instance(1, BOOTS + 1), SOURCE, 1).unwrap();
    assert_eq!(sequences.accept(instance(1, 1), SOURCE, 2), Err(Replayed));
    assert_eq!(sequences.accept(instance(1, 3), SOURCE, 1), Err(Replayed));
    assert_eq!(sequences.accept(instance(1, 2), SOURCE, 1), Ok(()));
}

/// Rule S3.
#[test]
fn of_many_nodes_the_one_that_was_silent_longest_is_forgotten() {
    let mut sequences = Sequences::default();
    for node in 1..=NODES + 1 {
        sequences.accept(instance(node, 1), SOURCE, 1).unwrap();
    }
    assert_eq!(sequences.accept(instance(2, 1), SOURCE, 1), Err(Replayed));
    assert_eq!(sequences.accept(instance(1, 1), SOURCE, 1), Ok(()));
}

#[test]
fn of_many_interfaces_the_one_that_was_silent_longest_is_forgotten() {
    let mut sequences = Sequences::default();
    let interface = |last: usize| Mac([2, 0, 0, 0, 0, last as u8]);
    for last in 0..=INTERFACES {
        sequences.accept(instance(1, 1), interface(last), 1).unwrap();
    }
    assert_eq!(sequences.accept(instance(1, 1), interface(1), 1), Err(Replayed));
    assert_eq!(sequences.accept(instance(1, 1), interface(0), 1), Ok(()));
}

#[test]
fn what_does_not_count_is_not_remembered() {
    let mut sequences = heard(&[(instance(1, 1), SOURCE, 5)]);
    for boot in 2..=BOOTS {
        sequences.accept(instance(1, boot), SOURCE, 1).unwrap();
    }
    sequences.accept(instance(1, 1), SOURCE, 5).unwrap_err();
    sequences.accept(instance(1, BOOTS + 1), SOURCE, 1).unwrap();
    assert_eq!(sequences.accept(instance(1, 1), SOURCE, 5), Ok(()));
}

proptest! {
    #[test]
    fn what_counts_ascends(frames in prop::collection::vec(0_u64..50, 0..100)) {
        let mut sequences = Sequences::default();
        let counts = |sequence: &u64| sequences.accept(instance(1, 1), SOURCE, *sequence).is_ok();
        let counted: Vec<u64> = frames.iter().copied().filter(counts).collect();
        prop_assert!(counted.is_sorted_by(|one, next| one < next));
        prop_assert_eq!(counted.last(), frames.iter().max());
    }
}
