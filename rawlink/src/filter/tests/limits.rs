//! Long lists: exact up to the limit, more than is wanted beyond it, never less.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use rstest::rstest;

use super::frames::{self, Arp, Neighbour};
use super::{Interest, REPLY, REQUEST, passes, wanted};
use crate::filter::{MAX_COMPARISONS, MAX_ETHER_TYPES};

/// Every second address, so that each costs a comparison.
fn scattered_ipv4(count: usize) -> BTreeSet<Ipv4Addr> {
    (0..count)
        .map(|nth| Ipv4Addr::from_bits(0xc633_6400 + 2 * nth as u32))
        .collect()
}

/// Each in its own prefix, so that each costs four comparisons.
fn scattered_ipv6(count: usize) -> BTreeSet<Ipv6Addr> {
    (0..count)
        .map(|nth| Ipv6Addr::new(0x2001, 0xdb8, nth as u16, 0, 0, 0, 0, 1))
        .collect()
}

fn with_ipv4(ipv4: BTreeSet<Ipv4Addr>) -> Interest {
    Interest {
        ipv4,
        ..Interest::default()
    }
}

fn with_ipv6(ipv6: BTreeSet<Ipv6Addr>) -> Interest {
    Interest {
        ipv6,
        ..Interest::default()
    }
}

fn arp(opcode: u16, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    Arp {
        opcode,
        sender,
        target,
    }
    .frame()
}

const FOREIGN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

#[test]
fn a_list_at_the_limit_is_exact_for_each_of_its_addresses() {
    let interest = with_ipv4(scattered_ipv4(MAX_COMPARISONS));
    for each in &interest.ipv4 {
        let beside = Ipv4Addr::from_bits(each.to_bits() + 1);
        assert!(passes(&interest, &arp(REQUEST, FOREIGN, *each)), "{each}");
        assert!(passes(&interest, &arp(REPLY, *each, FOREIGN)), "{each}");
        assert!(!passes(&interest, &arp(REQUEST, FOREIGN, beside)), "{beside}");
    }
}

#[test]
fn beyond_the_limit_the_narrow_gaps_pass_and_the_widest_do_not() {
    let block = |first: u32| (0..MAX_COMPARISONS as u32).map(move |nth| Ipv4Addr::from_bits(first + 2 * nth));
    let interest = with_ipv4(block(0xc633_6400).chain(block(0xcb00_7100)).collect());
    let asked = |target| passes(&interest, &arp(REQUEST, FOREIGN, target));
    assert!(interest.ipv4.iter().all(|each| asked(*each)));
    let narrow = interest
        .ipv4
        .iter()
        .map(|each| Ipv4Addr::from_bits(each.to_bits() + 1));
    assert!(narrow.filter(|each| asked(*each)).count() > MAX_COMPARISONS);
    for outside in [
        FOREIGN,
        Ipv4Addr::new(198, 51, 99, 255),
        Ipv4Addr::new(200, 0, 0, 1),
    ] {
        assert!(!asked(outside), "{outside}");
        assert!(!passes(&interest, &arp(REPLY, outside, FOREIGN)), "{outside}");
    }
}

#[test]
fn a_full_pool_costs_little_whatever_its_size() {
    let pool = (0..4096)
        .map(|nth| Ipv4Addr::from_bits(0xc633_0000 + nth))
        .collect();
    let interest = with_ipv4(pool);
    assert!(passes(
        &interest,
        &arp(REQUEST, FOREIGN, Ipv4Addr::new(198, 51, 15, 255))
    ));
    assert!(!passes(
        &interest,
        &arp(REQUEST, FOREIGN, Ipv4Addr::new(198, 51, 16, 0))
    ));
}

#[test]
fn prefixes_at_the_limit_are_exact_for_each_of_their_addresses() {
    let interest = with_ipv6(scattered_ipv6(MAX_COMPARISONS / 4));
    let of = |target| Neighbour { kind: 135, target }.frame();
    for each in &interest.ipv6 {
        let beside = Ipv6Addr::from_bits(each.to_bits() + 1);
        assert!(passes(&interest, &of(*each)), "{each}");
        assert!(!passes(&interest, &of(beside)), "{beside}");
    }
}

#[test]
fn a_prefix_with_many_addresses_passes_nothing_outside_of_them() {
    let many = (0..4 * MAX_COMPARISONS as u128)
        .map(|nth| Ipv6Addr::from_bits((0x2001_0db8 << 96) + 0x1000 + 2 * nth));
    let interest = with_ipv6(many.collect());
    let asked = |target: Ipv6Addr| passes(&interest, &Neighbour { kind: 135, target }.frame());
    assert!(interest.ipv6.iter().all(|each| asked(*each)));
    for outside in ["2001:db8::1", "2001:db8::ffff", "2001:db8:1::1000"] {
        assert!(!asked(outside.parse().unwrap()), "{outside}");
    }
}

#[rstest]
#[case::solicitations(135, true)]
#[case::advertisements(136, true)]
#[case::other_messages(134, false)]
fn with_too_many_prefixes_all_neighbour_discovery_passes(#[case] kind: u8, #[case] expected: bool) {
    let interest = with_ipv6(scattered_ipv6(MAX_COMPARISONS / 4 + 1));
    let target = "2001:db8:ffff::2".parse().unwrap();
    assert_eq!(passes(&interest, &Neighbour { kind, target }.frame()), expected);
}

#[test]
fn one_family_beyond_the_limit_leaves_the_other_exact() {
    let mut interest = with_ipv4(scattered_ipv4(MAX_COMPARISONS + 1));
    interest.ipv6 = scattered_ipv6(1);
    let target = "2001:db8:1::1".parse().unwrap();
    assert!(!passes(&interest, &Neighbour { kind: 135, target }.frame()));
}

#[test]
fn too_many_ether_types_let_everything_pass() {
    let interest = Interest {
        ether_types: (0..=MAX_ETHER_TYPES).map(|nth| 0x8800 + 2 * nth as u16).collect(),
        ..Interest::default()
    };
    assert!(passes(&interest, &frames::ethernet(0x1234, &[])));
}

proptest! {
    #[test]
    fn lists_of_any_length_never_drop_what_is_wanted(
        ipv4 in 0_usize..2 * MAX_COMPARISONS,
        ipv6 in 0_usize..MAX_COMPARISONS / 2,
        more in frames::interests(),
        frame in frames::frames(),
    ) {
        let mut interest = more;
        interest.ipv4.extend(scattered_ipv4(ipv4));
        interest.ipv6.extend(scattered_ipv6(ipv6));
        prop_assert!(passes(&interest, &frame) || !wanted(&interest, &frame));
    }
}
