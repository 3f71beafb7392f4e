//! Frames of speakers.

use ferrolb_segment::codec::{MESSAGE_MAX, VERSION, emit, kind_of, parse};
use ferrolb_segment::message::{Body, Message};
use ferrolb_segment::seal::{FRAME_MAX, GROUP, KeyRing, Sealed, SegmentKey, seal};

use crate::Met;
use crate::frames::{OWN, bent, noise};
use crate::messages::message;
use crate::random::{Random, fuzz};

/// Where the versions that its sender speaks are in a beacon: they are read and not kept.
const VERSIONS: std::ops::Range<usize> = 32..34;

#[test]
fn a_frame_is_opened_as_it_was_sealed_or_not_at_all() {
    let keys = KeyRing::new(SegmentKey::derive(b"secret", "cluster"), None);
    let mut met = Met::default();
    fuzz(|random| {
        let message = message(random);
        let sealed = seal(&keys, [OWN, GROUP], None, &message).unwrap();
        assert!(sealed.len() <= FRAME_MAX);
        let frame = maybe_bent(random, &sealed);
        let opened = Sealed::read(&keys, &frame).and_then(|one| Ok((one.source, one.open(None)?)));
        match opened {
            Ok(opened) => {
                assert_eq!(opened, (OWN, message));
                met.note("opened");
            }
            Err(why) => met.note(why.label()),
        }
    });
    // What has a right seal is well-formed, but the length is judged first.
    met.expect(&[
        "not_ours",
        "truncated",
        "other_version",
        "other_key",
        "bad_seal",
        "malformed",
    ]);
    met.expect(&["opened"]);
}

#[test]
fn what_is_read_as_a_message_is_written_in_the_same_way() {
    let mut met = Met::default();
    fuzz(|random| {
        let message = message(random);
        let kind = match random.one_in(8) {
            true => random.byte() % 10,
            false => kind_of(&message.body),
        };
        let bytes = maybe_bent(random, &written(&message));
        match parse(kind, &bytes) {
            Ok(read) => {
                assert!(bytes.len() <= MESSAGE_MAX);
                assert_eq!(written(&read), with_own_versions(&read, bytes));
                met.note(format!("read {kind}"));
            }
            Err(why) => met.note(label(&format!("{why:?}"))),
        }
    });
    met.expect(&[
        "read 1", "read 2", "read 3", "read 4", "read 5", "read 6", "read 7", "read 8", "read 9",
    ]);
    met.expect(&[
        "Short", "Trailing", "Long", "Kind", "Versions", "State", "Flags", "Family",
    ]);
    met.expect(&["Entry", "Request", "Part", "Order", "Misplaced"]);
    met.expect(&["Wire", "Station", "Findings"]);
}

fn maybe_bent(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    match random.below(16) {
        0 => noise(random),
        1..4 => bytes.to_vec(),
        _ => bent(random, bytes.to_vec()),
    }
}

fn written(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    emit(message, &mut bytes).unwrap();
    bytes
}

fn with_own_versions(message: &Message, mut bytes: Vec<u8>) -> Vec<u8> {
    if let Body::Beacon(_) = message.body {
        bytes[VERSIONS].fill(VERSION);
    }
    bytes
}

/// The name of a variant without what is in it.
fn label(debug: &str) -> &str {
    debug.split([' ', '(', '{']).next().unwrap()
}
