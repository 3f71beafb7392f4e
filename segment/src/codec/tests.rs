mod any;
mod split;
mod strict;

use proptest::prelude::*;

use super::*;
use crate::message::Body;
use any::any_message;

fn bytes(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    emit(message, &mut bytes).unwrap();
    bytes
}

/// The versions that a sender speaks are read and not kept.
fn with_own_versions(kind: u8, mut bytes: Vec<u8>) -> Vec<u8> {
    if kind == kind::BEACON {
        bytes[HEAD..HEAD + 2].fill(VERSION);
    }
    bytes
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in any_message()) {
        let bytes = bytes(&message);
        prop_assert!(bytes.len() <= MESSAGE_MAX);
        prop_assert_eq!(parse(kind_of(&message.body), &bytes), Ok(message));
    }

    #[test]
    fn a_message_is_appended(message in any_message(), before: Vec<u8>) {
        let mut out = before.clone();
        emit(&message, &mut out).unwrap();
        prop_assert_eq!(&out[..before.len()], &before);
        prop_assert_eq!(&out[before.len()..], bytes(&message));
    }

    #[test]
    fn any_bytes_are_a_message_or_not(kind in 0..10_u8, bytes: Vec<u8>) {
        let _ = parse(kind, &bytes);
    }

    #[test]
    fn what_is_read_is_written_in_the_same_way(
        message in any_message(),
        bent in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bent_bytes = bytes(&message);
        for (at, byte) in bent {
            let at = at.index(bent_bytes.len());
            bent_bytes[at] = byte;
        }
        let kind = kind_of(&message.body);
        if let Ok(read) = parse(kind, &bent_bytes) {
            prop_assert_eq!(bytes(&read), with_own_versions(kind, bent_bytes));
        }
    }

    /// Lists end with the bytes, so they may be cut between two of theirs.
    #[test]
    fn a_message_cut_anywhere_is_none_or_a_shorter_one(message in any_message()) {
        let (kind, bytes) = (kind_of(&message.body), bytes(&message));
        for length in 0..bytes.len() {
            match parse(kind, &bytes[..length]) {
                Ok(read) => prop_assert!(matches!(read.body, Body::Heard(_) | Body::Claims(_))),
                Err(why) => prop_assert_eq!(why, Malformed::Short),
            }
        }
    }
}
