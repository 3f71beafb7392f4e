use std::time::Duration;

use proptest::prelude::*;

use crate::Moment;
use crate::mac::Mac;
use crate::replay::{Limits, Rate, RateLimit};

const PEER: Mac = Mac([2, 0, 0, 0, 0, 1]);
const SECOND: Duration = Duration::from_secs(1);

/// Three frames at once and one a second of each; five at once and two a second are shared.
const LIMITS: Limits = Limits {
    each: Rate {
        per_second: 1,
        burst: 3,
    },
    shared: Rate {
        per_second: 2,
        burst: 5,
    },
};

const ADDRESSES: usize = 4;

fn mac(number: usize) -> Mac {
    Mac([2, 0, 0, 1, (number >> 8) as u8, number as u8])
}

fn limit() -> RateLimit<ADDRESSES> {
    RateLimit::new(LIMITS, Moment::ORIGIN)
}

fn knows(proven: &[Mac]) -> RateLimit<ADDRESSES> {
    let mut limit = limit();
    proven
        .iter()
        .for_each(|source| limit.prove(*source, Moment::ORIGIN));
    limit
}

/// How many of so many frames are allowed.
fn allowed(limit: &mut RateLimit<ADDRESSES>, sources: impl IntoIterator<Item = Mac>, now: Moment) -> usize {
    sources
        .into_iter()
        .filter(|source| limit.allows(*source, now))
        .count()
}

/// Rule S5.
#[test]
fn a_burst_is_allowed_and_no_more() {
    assert_eq!(allowed(&mut limit(), [PEER; 20], Moment::ORIGIN), 5);
}

#[test]
fn a_proven_address_has_its_own_besides_what_is_shared() {
    assert_eq!(allowed(&mut knows(&[PEER]), [PEER; 20], Moment::ORIGIN), 3 + 5);
}

#[test]
fn with_time_more_is_allowed() {
    let mut limit = knows(&[PEER]);
    allowed(&mut limit, [PEER; 20], Moment::ORIGIN);
    let soon = Moment::ORIGIN + SECOND.mul_f64(0.49);
    assert_eq!(allowed(&mut limit, [PEER; 20], soon), 0);
    assert_eq!(allowed(&mut limit, [PEER; 20], Moment::ORIGIN + SECOND), 1 + 2);
    assert_eq!(
        allowed(&mut limit, [PEER; 20], Moment::ORIGIN + SECOND * 100),
        3 + 5
    );
}

#[test]
fn time_that_goes_back_gives_nothing() {
    let mut limit = knows(&[PEER]);
    allowed(&mut limit, [PEER; 20], Moment::ORIGIN + SECOND);
    assert!(!limit.allows(PEER, Moment::ORIGIN));
    assert!(!limit.allows(PEER, Moment::ORIGIN + SECOND));
}

#[test]
fn who_uses_up_what_is_shared_leaves_each_its_own() {
    let mut limit = knows(&[PEER, mac(1)]);
    allowed(&mut limit, [mac(1); 100], Moment::ORIGIN);
    assert_eq!(allowed(&mut limit, [PEER; 10], Moment::ORIGIN), 3);
    assert_eq!(allowed(&mut limit, [mac(2); 10], Moment::ORIGIN), 0);
}

#[test]
fn invented_addresses_share_one_limit_and_are_not_remembered() {
    let mut limit = limit();
    assert_eq!(allowed(&mut limit, (0..1000).map(mac), Moment::ORIGIN), 5);
    let later = Moment::ORIGIN + SECOND;
    assert_eq!(allowed(&mut limit, (1000..2000).map(mac), later), 2);
    assert_eq!(limit.proven.kept.len(), 0);
}

#[test]
fn of_proven_addresses_the_one_that_was_silent_longest_is_forgotten() {
    let mut limit = limit();
    for number in 0..5 {
        limit.prove(mac(number), Moment::ORIGIN + SECOND * number as u32);
    }
    assert_eq!(limit.proven.kept.len(), ADDRESSES);
    let now = Moment::ORIGIN + SECOND * 4;
    allowed(&mut limit, [PEER; 100], now);
    let known: Vec<usize> = (0..5).filter(|number| limit.allows(mac(*number), now)).collect();
    assert_eq!(known, [1, 2, 3, 4]);
}

#[test]
fn to_be_proven_again_gives_no_address_more() {
    let mut limit = knows(&[PEER]);
    allowed(&mut limit, [PEER; 20], Moment::ORIGIN);
    limit.prove(PEER, Moment::ORIGIN);
    assert!(!limit.allows(PEER, Moment::ORIGIN));
}

proptest! {
    #[test]
    fn memory_is_bounded_and_so_is_what_is_looked_at(
        frames in prop::collection::vec((0_usize..50, 0_u64..5000, any::<bool>()), 0..300),
    ) {
        let (mut limit, mut looked_at, mut proofs) = (limit(), 0, 0);
        for (source, milliseconds, authentic) in &frames {
            let now = Moment::ORIGIN + Duration::from_millis(*milliseconds);
            let allowed = limit.allows(mac(*source), now);
            looked_at += usize::from(allowed);
            if allowed && *authentic {
                limit.prove(mac(*source), now);
                proofs += 1;
            }
            prop_assert!(limit.proven.kept.len() <= ADDRESSES);
        }
        prop_assert!(looked_at <= 5 + 2 * 5 + proofs * (3 + 5));
    }
}
