use std::time::Duration;

use proptest::prelude::*;

use crate::segment::moment::Moment;
use crate::segment::replay::{Limits, Rate, RateLimit};
use crate::wire::Mac;

const PEER: Mac = Mac([2, 0, 0, 0, 0, 1]);
const SECOND: Duration = Duration::from_secs(1);

/// Three frames at once and one a second of each; five at once and two a second of strangers; four addresses.
const LIMITS: Limits = Limits {
    each: Rate {
        per_second: 1,
        burst: 3,
    },
    strangers: Rate {
        per_second: 2,
        burst: 5,
    },
    addresses: 4,
};

fn mac(number: usize) -> Mac {
    Mac([2, 0, 0, 1, (number >> 8) as u8, number as u8])
}

fn limit() -> RateLimit {
    RateLimit::new(LIMITS, Moment::ORIGIN)
}

/// How many of so many frames are allowed.
fn allowed(limit: &mut RateLimit, sources: impl IntoIterator<Item = Mac>, now: Moment) -> usize {
    sources
        .into_iter()
        .filter(|source| limit.allows(*source, now))
        .count()
}

fn proven(limit: &mut RateLimit, source: Mac, now: Moment) {
    assert!(limit.allows(source, now));
    limit.prove(source);
}

#[test]
fn a_burst_is_allowed_and_no_more() {
    assert_eq!(allowed(&mut limit(), [PEER; 10], Moment::ORIGIN), 3);
}

#[test]
fn with_time_more_is_allowed() {
    let mut limit = limit();
    allowed(&mut limit, [PEER; 10], Moment::ORIGIN);
    assert_eq!(
        allowed(&mut limit, [PEER; 10], Moment::ORIGIN + SECOND.mul_f64(0.99)),
        0
    );
    assert_eq!(allowed(&mut limit, [PEER; 10], Moment::ORIGIN + SECOND), 1);
    assert_eq!(allowed(&mut limit, [PEER; 10], Moment::ORIGIN + SECOND * 100), 3);
}

#[test]
fn time_that_goes_back_gives_nothing() {
    let mut limit = limit();
    allowed(&mut limit, [PEER; 10], Moment::ORIGIN + SECOND);
    assert!(!limit.allows(PEER, Moment::ORIGIN));
    assert!(!limit.allows(PEER, Moment::ORIGIN + SECOND));
}

#[test]
fn one_address_does_not_use_up_what_another_may_send() {
    let mut limit = limit();
    proven(&mut limit, PEER, Moment::ORIGIN);
    allowed(&mut limit, [mac(1); 100], Moment::ORIGIN);
    assert_eq!(allowed(&mut limit, [PEER; 10], Moment::ORIGIN), 2);
    assert_eq!(allowed(&mut limit, [mac(2); 10], Moment::ORIGIN), 1);
}

#[test]
fn invented_addresses_share_one_limit() {
    let mut limit = limit();
    assert_eq!(allowed(&mut limit, (0..1000).map(mac), Moment::ORIGIN), 5);
    assert_eq!(
        allowed(&mut limit, (1000..2000).map(mac), Moment::ORIGIN + SECOND),
        2
    );
}

#[test]
fn invented_addresses_do_not_use_up_what_a_proven_one_may_send() {
    let mut limit = limit();
    proven(&mut limit, PEER, Moment::ORIGIN);
    for second in 0..100 {
        let now = Moment::ORIGIN + SECOND * second;
        allowed(&mut limit, (0..1000).map(mac), now);
        assert!(limit.allows(PEER, now));
    }
}

#[test]
fn of_proven_addresses_the_one_that_was_silent_longest_is_forgotten() {
    let mut limit = limit();
    for number in 0..5 {
        proven(&mut limit, mac(number), Moment::ORIGIN + SECOND * number as u32);
    }
    assert_eq!(limit.addresses(), LIMITS.addresses);
    let now = Moment::ORIGIN + SECOND * 4;
    allowed(&mut limit, (100..200).map(mac), now);
    let known: Vec<usize> = (0..5).filter(|number| limit.allows(mac(*number), now)).collect();
    assert_eq!(
        known,
        [2, 3, 4],
        "one made room for a proven one, one for strangers"
    );
}

#[test]
fn an_address_that_sent_nothing_cannot_be_proven() {
    let mut limit = limit();
    limit.prove(PEER);
    assert_eq!(limit.addresses(), 0);
}

proptest! {
    #[test]
    fn memory_is_bounded_and_so_is_what_strangers_may_send(
        frames in prop::collection::vec((0_usize..50, 0_u64..5000), 0..300),
    ) {
        let (mut limit, mut looked_at) = (limit(), 0);
        for (source, milliseconds) in &frames {
            let now = Moment::ORIGIN + Duration::from_millis(*milliseconds);
            looked_at += usize::from(limit.allows(mac(*source), now));
            prop_assert!(limit.addresses() <= LIMITS.addresses);
        }
        prop_assert!(looked_at <= 5 + 2 * 5);
    }
}
