use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::message::{Epoch, Hold};

fn hold(epoch: u64) -> Entry {
    Entry::Hold(Hold {
        epoch: Epoch(epoch),
        backed: true,
        yield_to: None,
    })
}

fn v4(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0xc000_0200 + number).into()
}

/// From 2001:db8:1::.
fn v6(number: u128) -> IpAddr {
    Ipv6Addr::from_bits((0x2001_0db8_0001_0000 << 64) + number).into()
}

/// How many addresses the emptiest and the fullest bucket have.
fn spread(addresses: impl Iterator<Item = IpAddr>) -> (usize, usize) {
    let mut buckets = [0; BUCKETS as usize];
    addresses.for_each(|address| buckets[usize::from(bucket_of(address))] += 1);
    (*buckets.iter().min().unwrap(), *buckets.iter().max().unwrap())
}

#[rstest]
#[case::a_24(spread((0..256).map(v4)), (3, 5))]
#[case::the_first_of_a_64(spread((0..256).map(v6)), (3, 5))]
#[case::many_of_a_64(spread((0..10_000).map(v6)), (150, 162))]
#[case::every_16th_of_a_20(spread((0..256).map(|number| v4(number * 16))), (0, 6))]
#[case::the_first_of_many_24s(spread((0..256).map(|number| v4(number << 8))), (2, 6))]
#[case::the_first_of_many_64s(spread((0..256).map(|number| v6(number << 64))), (2, 6))]
fn addresses_are_spread_evenly(#[case] (fewest, most): (usize, usize), #[case] within: (usize, usize)) {
    assert!(within.0 <= fewest && most <= within.1, "{fewest} to {most}");
}

/// Other speakers may be older: where an address belongs never changes. Made with Python, from `docs/protocol.md` (F10).
#[rstest]
#[case(v4(0), 35)]
#[case(v6(1), 38)]
fn an_address_has_the_same_bucket_for_ever(#[case] address: IpAddr, #[case] bucket: u8) {
    assert_eq!(bucket_of(address), bucket);
}

/// Made with Python's `hashlib` and `struct`, from the words of `docs/protocol.md` (F11).
#[test]
fn digests_are_what_another_implementation_computes() {
    let entries = BTreeMap::from([(v4(1), hold(5)), (v6(1), Entry::Declined { epoch: Epoch(6) })]);
    assert_eq!(bucket_digest(&entries), ContentDigest(0x328f_342e_96bf_c808));
    assert_eq!(
        bucket_digest(&BTreeMap::new()),
        ContentDigest(0xe3b0_c442_98fc_1c14)
    );
    let buckets = std::array::from_fn(|number| ContentDigest(number as u64));
    assert_eq!(root_digest(&buckets), ContentDigest(0x3d3e_f6fa_7060_a80a));
}

#[test]
fn a_root_depends_on_which_bucket_is_which() {
    let one = |at: usize| {
        let mut buckets = [ContentDigest::default(); BUCKETS as usize];
        buckets[at] = ContentDigest(1);
        root_digest(&buckets)
    };
    assert_ne!(one(0), one(63));
}

proptest! {
    #[test]
    fn every_address_has_a_bucket(address: IpAddr) {
        prop_assert!(bucket_of(address) < BUCKETS);
    }

    #[test]
    fn other_content_has_another_digest(address: IpAddr, one: u64, other: u64) {
        let of = |epoch| bucket_digest(&BTreeMap::from([(address, hold(epoch))]));
        prop_assert_eq!(of(one) == of(other), one == other);
    }
}
