mod any;
mod split;
mod strict;

use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;
use crate::mac::Mac;
use crate::message::{Body, Boot, Finding, MOST_FINDINGS, NodeId, Wire};
use any::any_message;

fn bytes(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    emit(message, &mut bytes).unwrap();
    bytes
}

/// Parts are at most 1,430 bytes long, and shorter by what the MTU lacks (F12).
fn bytes_of_a_page(mtu: usize) -> usize {
    1430 - (1500 - mtu)
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
    fn any_bytes_are_a_message_or_not(kind in 0..11_u8, bytes: Vec<u8>) {
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

    /// Rules F12, F13.
    #[test]
    fn the_most_findings_fit_into_a_page_of_any_segment(nodes: [[u8; 16]; MOST_FINDINGS]) {
        let finding = |(number, node)| Finding {
            address: Ipv6Addr::from_bits(number).into(),
            holder: NodeId(node),
            wire: Wire::Several(Mac([2; 6]), Some(NodeId(node))),
        };
        let body = Body::Findings((0..).zip(nodes).map(finding).collect());
        let from = Instance { node: NodeId(nodes[0]), boot: Boot(1) };
        let length = bytes(&Message { from, sequence: 1, body }).len();
        let page = bytes_of_a_page(1280);
        prop_assert!(length <= page, "{length} bytes, and a page has {page}");
    }

    /// Lists end with the bytes, so they may be cut between two of theirs.
    #[test]
    fn a_message_cut_anywhere_is_none_or_a_shorter_one(message in any_message()) {
        let (kind, bytes) = (kind_of(&message.body), bytes(&message));
        for length in 0..bytes.len() {
            match parse(kind, &bytes[..length]) {
                Ok(read) => prop_assert!(matches!(read.body, Body::Heard(_) | Body::Claims(_) | Body::Findings(_))),
                Err(Malformed::Findings(0)) => {}
                Err(why) => prop_assert_eq!(why, Malformed::Short),
            }
        }
    }
}
