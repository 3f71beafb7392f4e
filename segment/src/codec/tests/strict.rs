//! What is refused, byte by byte.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use rstest::rstest;

use super::super::kind::{ALIVE, BEACON, BUCKETS, CLAIMS, FINDINGS, HEARD, QUERY, REQUEST, RETURNED};
use super::super::{HEAD, MESSAGE_MAX, Malformed, emit, parse};
use crate::digest::bucket_of;
use crate::mac::Mac;
use crate::message::{
    Beacon, Body, Boot, BucketsPage, ClaimsPage, ContentDigest, Finding, HeardPage, Instance, MOST_FINDINGS,
    Message, NodeId, Part, Standing, State, Tag, Version, Wire,
};

/// A message with these bytes after its head.
fn message(body: &[&[u8]]) -> Vec<u8> {
    let head = [[1; HEAD].as_slice()];
    head.into_iter()
        .chain(body.iter().copied())
        .collect::<Vec<_>>()
        .concat()
}

const BEACON_HEAD: &[u8] = &[2, 2, 1, 0, 3, 0, 100];
const FOUR_NUMBERS: &[u8] = &[2; 32];
const INSTANCE: &[u8] = &[3; 24];
const VERSION: &[u8] = &[4; 8];
const WHOLE: &[u8] = &[0, 1];
/// The bucket of 192.0.2.1, a hold of it, and an entry of the next address in that bucket.
const BUCKET: u8 = 11;
const HOLD: &[u8] = &[4, 192, 0, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 9];
const GONE: &[u8] = &[4, 192, 0, 2, 1, 0];
const LATER: &[u8] = &[4, 192, 0, 2, 90, 0];
const ELSEWHERE: &[u8] = &[4, 192, 0, 2, 2, 0];

fn many_findings(count: u8) -> Vec<u8> {
    let one = |last| [&[4, 192, 0, 2, last], HOLDER, &[0]].concat();
    (0..count).flat_map(one).collect()
}

fn claims(bucket: u8, flags: u8, part: &[u8], entries: &[&[u8]]) -> Vec<u8> {
    message(&[&[bucket, flags], VERSION, VERSION, part, &entries.concat()])
}

/// What is found of 192.0.2.1 and of 192.0.2.2, which node 3 holds, and a station.
const FIRST: &[u8] = &[4, 192, 0, 2, 1];
const SECOND: &[u8] = &[4, 192, 0, 2, 2];
const HOLDER: &[u8] = &[3; 16];
const STATION: &[u8] = &[2, 0, 0, 0, 0, 9];

/// Rules F2, F5, F6, F7, F8, F9, F13.
#[rstest]
#[case::beacon(BEACON, message(&[BEACON_HEAD, FOUR_NUMBERS]))]
#[case::beacon_of_who_will_speak_more(BEACON, message(&[&[0, 9, 1, 0, 3, 0, 100], FOUR_NUMBERS]))]
#[case::heard(HEARD, message(&[VERSION, WHOLE, &[0, 1, 0, 0, 0, 2, 0, 0, 0, 1]]))]
#[case::heard_none(HEARD, message(&[VERSION, WHOLE, &[0, 0]]))]
#[case::claims(CLAIMS, claims(BUCKET, 0, WHOLE, &[HOLD, LATER]))]
#[case::claims_last_of_255(CLAIMS, claims(BUCKET, 0, &[254, 255], &[GONE]))]
#[case::claims_that_change(CLAIMS, message(&[&[BUCKET, 1], VERSION, VERSION, VERSION, WHOLE, GONE]))]
#[case::buckets(BUCKETS, message(&[VERSION, &[5; 1024]]))]
#[case::request(REQUEST, message(&[INSTANCE, &[1]]))]
#[case::request_of_claims(REQUEST, message(&[INSTANCE, &[2], VERSION]))]
#[case::query(QUERY, message(&[INSTANCE]))]
#[case::alive(ALIVE, message(&[INSTANCE, &[0; 4]]))]
#[case::returned(RETURNED, message(&[INSTANCE, &[0, 9, 0x27, 0xc0]]))]
#[case::finding(FINDINGS, message(&[FIRST, HOLDER, &[0]]))]
#[case::findings(FINDINGS, message(&[FIRST, HOLDER, &[1], STATION, SECOND, HOLDER, &[2], STATION, HOLDER]))]
#[case::found_beside(FINDINGS, message(&[FIRST, HOLDER, &[3, 0], STATION, SECOND, HOLDER, &[3, 1], STATION, HOLDER]))]
#[case::found_foreign(FINDINGS, message(&[FIRST, HOLDER, &[4], STATION]))]
fn these_are_read_and_with_one_more_byte_they_are_not(#[case] kind: u8, #[case] mut bytes: Vec<u8>) {
    assert!(parse(kind, &bytes).is_ok(), "{:?}", parse(kind, &bytes));
    bytes.push(0);
    let why = match kind {
        HEARD => Malformed::Short,
        CLAIMS | FINDINGS => Malformed::Family(0),
        _ => Malformed::Trailing(1),
    };
    assert_eq!(parse(kind, &bytes), Err(why));
}

/// Rule F2.
#[rstest]
#[case::kind_0(0, message(&[]), Malformed::Kind(0))]
#[case::kind_10(10, message(&[INSTANCE]), Malformed::Kind(10))]
#[case::nothing(QUERY, vec![], Malformed::Short)]
#[case::more_than_fits(QUERY, vec![1; MESSAGE_MAX + 1], Malformed::Long(1479))]
#[case::sequence_0(QUERY, [&[1; 24][..], &[0; 8], INSTANCE].concat(), Malformed::Sequence)]
#[case::boot_0(QUERY, [&[1; 16][..], &[0; 8], &[1; 8], INSTANCE].concat(), Malformed::Boot)]
#[case::query_of_boot_0(QUERY, message(&[&[1; 16], &[0; 8]]), Malformed::Boot)]
#[case::alive_of_boot_0(ALIVE, message(&[&[1; 16], &[0; 12]]), Malformed::Boot)]
#[case::returned_of_boot_0(RETURNED, message(&[&[1; 16], &[0; 8], &[0, 0, 0, 1]]), Malformed::Boot)]
#[case::returned_for_no_time(RETURNED, message(&[INSTANCE, &[0; 4]]), Malformed::HoldDown)]
#[case::returned_for_too_long(RETURNED, message(&[INSTANCE, &[0, 9, 0x27, 0xc1]]), Malformed::HoldDown)]
#[case::request_of_boot_0(REQUEST, message(&[&[1; 16], &[0; 9]]), Malformed::Boot)]
#[case::versions_later(BEACON, message(&[&[3, 4]]), Malformed::Versions { min: 3, max: 4 })]
#[case::versions_earlier(BEACON, message(&[&[0, 0]]), Malformed::Versions { min: 0, max: 0 })]
#[case::versions_reversed(BEACON, message(&[&[2, 1]]), Malformed::Versions { min: 2, max: 1 })]
#[case::state(BEACON, message(&[&[2, 2, 4, 0, 3, 0, 100], FOUR_NUMBERS]), Malformed::State(4))]
#[case::standing(BEACON, message(&[&[2, 2, 1, 4, 3, 0, 100], FOUR_NUMBERS]), Malformed::Flags(4))]
#[case::multiplier_0(BEACON, message(&[&[2, 2, 1, 0, 0, 0, 100], FOUR_NUMBERS]), Malformed::Multiplier)]
#[case::interval_0(BEACON, message(&[&[2, 2, 1, 0, 3, 0, 0], FOUR_NUMBERS]), Malformed::Interval)]
#[case::heard_part_of_none(HEARD, message(&[VERSION, &[0, 0, 0, 0]]), Malformed::Part { index: 0, of: 0 })]
#[case::heard_part(HEARD, message(&[VERSION, &[2, 2, 0, 0]]), Malformed::Part { index: 2, of: 2 })]
#[case::heard_twice(HEARD, message(&[VERSION, WHOLE, &[0, 0], &[1; 8]]), Malformed::Order)]
#[case::heard_mutual_twice(HEARD, message(&[VERSION, WHOLE, &[0, 2], &[1; 8]]), Malformed::Order)]
#[case::heard_mutual_missing(HEARD, message(&[VERSION, WHOLE, &[0, 3], &[1; 8]]), Malformed::Short)]
#[case::heard_unsorted(HEARD, message(&[VERSION, WHOLE, &[0, 0, 0, 0, 0, 2, 0, 0, 0, 1]]), Malformed::Order)]
#[case::half_a_tag(HEARD, message(&[VERSION, WHOLE, &[1; 6]]), Malformed::Short)]
#[case::bucket_64(CLAIMS, claims(64, 0, WHOLE, &[]), Malformed::Bucket(64))]
#[case::claims_flags(CLAIMS, claims(BUCKET, 2, WHOLE, &[]), Malformed::Flags(2))]
#[case::claims_part(CLAIMS, claims(BUCKET, 0, &[255, 255], &[]), Malformed::Part { index: 255, of: 255 })]
#[case::entry_twice(CLAIMS, claims(BUCKET, 0, WHOLE, &[HOLD, GONE]), Malformed::Order)]
#[case::entries_unsorted(CLAIMS, claims(BUCKET, 0, WHOLE, &[LATER, GONE]), Malformed::Order)]
#[case::entry_elsewhere(CLAIMS, claims(BUCKET, 0, WHOLE, &[ELSEWHERE]), Malformed::Misplaced(Ipv4Addr::new(192, 0, 2, 2).into()))]
#[case::family(CLAIMS, claims(BUCKET, 0, WHOLE, &[&[5; 20]]), Malformed::Family(5))]
#[case::entry(CLAIMS, claims(BUCKET, 0, WHOLE, &[&[4, 192, 0, 2, 1, 4]]), Malformed::Entry(4))]
#[case::hold_flags(CLAIMS, claims(BUCKET, 0, WHOLE, &[&[4, 192, 0, 2, 1, 1, 4]]), Malformed::Flags(4))]
#[case::released_flags(CLAIMS, claims(BUCKET, 0, WHOLE, &[&[4, 192, 0, 2, 1, 2, 1]]), Malformed::Flags(1))]
#[case::half_an_entry(CLAIMS, claims(BUCKET, 0, WHOLE, &[&HOLD[..9]]), Malformed::Short)]
#[case::buckets_63(BUCKETS, message(&[VERSION, &[5; 1008]]), Malformed::Short)]
#[case::buckets_65(BUCKETS, message(&[VERSION, &[5; 1040]]), Malformed::Trailing(16))]
#[case::request_what(REQUEST, message(&[INSTANCE, &[3]]), Malformed::Request(3))]
#[case::no_findings(FINDINGS, message(&[]), Malformed::Findings(0))]
#[case::many_findings(FINDINGS, message(&[&many_findings(21)]), Malformed::Findings(21))]
#[case::found_twice(FINDINGS, message(&[FIRST, HOLDER, &[0], FIRST, HOLDER, &[0]]), Malformed::Order)]
#[case::findings_unsorted(FINDINGS, message(&[SECOND, HOLDER, &[0], FIRST, HOLDER, &[0]]), Malformed::Order)]
#[case::found_state(FINDINGS, message(&[FIRST, HOLDER, &[5], STATION]), Malformed::Wire(5))]
#[case::found_flags(FINDINGS, message(&[FIRST, HOLDER, &[3, 2], STATION]), Malformed::Flags(2))]
#[case::found_group(FINDINGS, message(&[FIRST, HOLDER, &[4], &[3; 6]]), Malformed::Station(Mac([3; 6])))]
#[case::found_nothing(FINDINGS, message(&[FIRST, HOLDER, &[1], &[0; 6]]), Malformed::Station(Mac([0; 6])))]
#[case::half_a_finding(FINDINGS, message(&[FIRST, HOLDER, &[1], &[2; 5]]), Malformed::Short)]
fn these_are_refused(#[case] kind: u8, #[case] bytes: Vec<u8>, #[case] why: Malformed) {
    assert_eq!(parse(kind, &bytes), Err(why));
}

fn beacon(change: impl FnOnce(&mut Beacon)) -> Body {
    let mut beacon = Beacon {
        uptime: Duration::ZERO,
        interval: Duration::from_millis(100),
        multiplier: 3,
        state: State::Active,
        standing: Standing::default(),
        heard: Version(1),
        claims: Version(1),
        digest: ContentDigest(1),
    };
    change(&mut beacon);
    Body::Beacon(beacon)
}

fn page(entries: Vec<IpAddr>) -> Body {
    Body::Claims(ClaimsPage {
        bucket: BUCKET,
        base: None,
        version: Version(1),
        digest: ContentDigest(1),
        part: Part { index: 0, of: 1 },
        entries: entries.into_iter().map(|address| (address, None)).collect(),
    })
}

fn heard(tags: Vec<Tag>) -> Body {
    Body::Heard(HeardPage {
        version: Version(1),
        part: Part { index: 0, of: 1 },
        mutual: Vec::new(),
        one_way: tags,
    })
}

fn buckets(number: usize) -> Body {
    Body::Buckets(BucketsPage {
        version: Version(1),
        buckets: vec![Default::default(); number],
    })
}

fn finding() -> Finding {
    Finding {
        address: Ipv4Addr::new(192, 0, 2, 1).into(),
        holder: NodeId([3; 16]),
        wire: Wire::Ok,
    }
}

fn of_boot(boot: u64) -> Instance {
    Instance {
        node: NodeId([1; 16]),
        boot: Boot(boot),
    }
}

#[rstest]
#[case::no_interval(beacon(|one| one.interval = Duration::from_micros(999)), Malformed::Interval)]
#[case::long_interval(beacon(|one| one.interval = Duration::from_millis(65_536)), Malformed::Interval)]
#[case::no_multiplier(beacon(|one| one.multiplier = 0), Malformed::Multiplier)]
#[case::unsorted(heard(vec![Tag(2), Tag(1)]), Malformed::Order)]
#[case::many(heard((0..360).map(Tag).collect()), Malformed::Long(1484))]
#[case::entry_twice(page(vec![Ipv4Addr::new(192, 0, 2, 1).into(); 2]), Malformed::Order)]
#[case::elsewhere(page(vec![Ipv4Addr::new(192, 0, 2, 2).into()]), Malformed::Misplaced(Ipv4Addr::new(192, 0, 2, 2).into()))]
#[case::buckets_65(buckets(65), Malformed::Buckets(65))]
#[case::query(Body::Query(of_boot(0)), Malformed::Boot)]
#[case::no_findings(Body::Findings(Vec::new()), Malformed::Findings(0))]
#[case::many_findings(Body::Findings(vec![finding(); MOST_FINDINGS + 1]), Malformed::Findings(21))]
#[case::found_twice(Body::Findings(vec![finding(); 2]), Malformed::Order)]
fn these_are_not_written(#[case] body: Body, #[case] why: Malformed) {
    let message = Message {
        from: of_boot(1),
        sequence: 1,
        body,
    };
    let mut out = vec![7];
    assert_eq!(emit(&message, &mut out), Err(why));
    assert_eq!(out, [7]);
}

#[test]
fn the_addresses_of_the_table_are_where_it_says() {
    let bucket = |last| bucket_of(Ipv4Addr::new(192, 0, 2, last).into());
    let found: Vec<u8> = (1..=255).filter(|last| bucket(*last) == bucket(1)).collect();
    assert_eq!((bucket(1), &found[..2]), (BUCKET, &[1, 90][..]));
}
