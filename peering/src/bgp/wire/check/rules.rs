//! What is right for each attribute, and what to do if it is not (RFC 7606 section 7).

use super::Reading;

const ORIGIN: u8 = 1;
const AS_PATH: u8 = 2;
pub(super) const NEXT_HOP: u8 = 3;
const MULTI_EXIT_DISC: u8 = 4;
const LOCAL_PREF: u8 = 5;
const ATOMIC_AGGREGATE: u8 = 6;
const AGGREGATOR: u8 = 7;
const COMMUNITIES: u8 = 8;
const ORIGINATOR_ID: u8 = 9;
const CLUSTER_LIST: u8 = 10;
pub(super) const MP_REACH: u8 = 14;
pub(super) const MP_UNREACH: u8 = 15;
const EXTENDED_COMMUNITIES: u8 = 16;
const AS4_PATH: u8 = 17;
const AS4_AGGREGATOR: u8 = 18;
const LARGE_COMMUNITIES: u8 = 32;

const OPTIONAL: u8 = 0x80;
const TRANSITIVE: u8 = 0x40;
pub(super) const EXTENDED_LENGTH: u8 = 0x10;

/// What to do with the UPDATE.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wrong {
    /// Read it as if the attribute were not there.
    Discard,
    /// Take its routes for withdrawn.
    Withdraw,
}

/// The flags that each known attribute must have, of optional and transitive.
const FLAGS: [(u8, u8); 16] = [
    (ORIGIN, TRANSITIVE),
    (AS_PATH, TRANSITIVE),
    (NEXT_HOP, TRANSITIVE),
    (MULTI_EXIT_DISC, OPTIONAL),
    (LOCAL_PREF, TRANSITIVE),
    (ATOMIC_AGGREGATE, TRANSITIVE),
    (AGGREGATOR, OPTIONAL | TRANSITIVE),
    (COMMUNITIES, OPTIONAL | TRANSITIVE),
    (ORIGINATOR_ID, OPTIONAL),
    (CLUSTER_LIST, OPTIONAL),
    (MP_REACH, OPTIONAL),
    (MP_UNREACH, OPTIONAL),
    (EXTENDED_COMMUNITIES, OPTIONAL | TRANSITIVE),
    (AS4_PATH, OPTIONAL | TRANSITIVE),
    (AS4_AGGREGATOR, OPTIONAL | TRANSITIVE),
    (LARGE_COMMUNITIES, OPTIONAL | TRANSITIVE),
];

/// Those that a route must have, the next hop aside.
pub(super) fn mandatory(internal: bool) -> &'static [u8] {
    match internal {
        true => &[ORIGIN, AS_PATH, LOCAL_PREF],
        false => &[ORIGIN, AS_PATH],
    }
}

/// Judges one attribute. The prefixes in MP_REACH and MP_UNREACH are not looked at here.
pub(super) fn judge(kind: u8, flags: u8, value: &[u8], reading: Reading) -> Result<(), Wrong> {
    let known = FLAGS.iter().find(|(known, _)| *known == kind);
    let withdraw_unless = |right: bool| if right { Ok(()) } else { Err(Wrong::Withdraw) };
    let discard_unless = |right: bool| if right { Ok(()) } else { Err(Wrong::Discard) };
    // One that is well-known and yet not known here is an error like wrong flags.
    let Some((_, right)) = known else {
        return withdraw_unless(flags & OPTIONAL != 0);
    };
    withdraw_unless(flags & (OPTIONAL | TRANSITIVE) == *right)?; // section 3, c
    let of = |size: usize| !value.is_empty() && value.len().is_multiple_of(size);
    match kind {
        ORIGIN => withdraw_unless(matches!(value, [0..=2])), // 7.1
        AS_PATH => withdraw_unless(is_path(
            value,
            if reading.four_octets { 4 } else { 2 },
            reading.internal,
        )), // 7.2
        NEXT_HOP | MULTI_EXIT_DISC => withdraw_unless(value.len() == 4), // 7.3, 7.4
        LOCAL_PREF | ORIGINATOR_ID | CLUSTER_LIST if !reading.internal => Err(Wrong::Discard), // 7.5, 7.9, 7.10
        LOCAL_PREF | ORIGINATOR_ID => withdraw_unless(value.len() == 4),
        ATOMIC_AGGREGATE => discard_unless(value.is_empty()), // 7.6
        AGGREGATOR => discard_unless(value.len() == if reading.four_octets { 8 } else { 6 }), // 7.7
        COMMUNITIES | CLUSTER_LIST => withdraw_unless(of(4)), // 7.8, 7.10
        EXTENDED_COMMUNITIES => withdraw_unless(of(8)),       // 7.14
        AS4_PATH | AS4_AGGREGATOR if reading.four_octets => Err(Wrong::Discard), // RFC 6793 section 4.1
        AS4_PATH => discard_unless(!value.is_empty() && is_path(value, 4, true)), // RFC 6793 section 6
        AS4_AGGREGATOR => discard_unless(value.len() == 8),
        LARGE_COMMUNITIES => withdraw_unless(of(12)), // RFC 8092 section 6
        _ => Ok(()),
    }
}

/// Segments of kinds 1 to 4, none of them empty, of numbers that are not zero (RFC 7606 section 7.2, RFC 7607). Those of
/// confederations, 3 and 4, have no business beyond one (RFC 5065 section 5).
fn is_path(mut bytes: &[u8], size: usize, confederation: bool) -> bool {
    let kinds = 1..=if confederation { 4 } else { 2 };
    while let [kind, count, rest @ ..] = bytes {
        let length = usize::from(*count) * size;
        let Some((numbers, rest)) = rest.split_at_checked(length) else {
            return false;
        };
        let mut numbers = numbers.chunks_exact(size);
        if !kinds.contains(kind) || *count == 0 || numbers.any(|number| number.iter().all(|byte| *byte == 0))
        {
            return false;
        }
        bytes = rest;
    }
    bytes.is_empty()
}
