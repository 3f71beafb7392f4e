//! What comes of an UPDATE (RFC 7606).

use rstest::rstest;

use super::*;

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfb, 0xf4];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 192, 0, 2, 1];
const LOCAL_PREF: &[u8] = &[0x40, 5, 4, 0, 0, 0, 100];
const NLRI: &[u8] = &[24, 198, 51, 100];
/// 2001:db8::/32 by 2001:db8::1.
const REACH: &[u8] = &[
    0x80, 14, 26, 0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 32, 0x20, 1, 0xd,
    0xb8,
];

fn update(attributes: &[&[u8]], nlri: &[u8]) -> Vec<u8> {
    let attributes = attributes.concat();
    let [high, low] = (attributes.len() as u16).to_be_bytes();
    [&[0, 0, high, low], &attributes[..], nlri].concat()
}

fn found(body: &[u8], internal: bool) -> Found {
    let reading = Reading {
        internal,
        four_octets: true,
    };
    check(body, reading).unwrap().found
}

/// A good external route with one more attribute.
fn with(attribute: &[u8]) -> Vec<u8> {
    update(&[ORIGIN, PATH, NEXT_HOP, attribute], NLRI)
}

#[rstest]
#[case::plain(update(&[ORIGIN, PATH, NEXT_HOP], NLRI))]
#[case::reach(update(&[REACH, ORIGIN, PATH], &[]))]
#[case::unknown_optional(with(&[0xc0, 99, 1, 7]))]
#[case::long_form(with(&[0xd0, 8, 0, 4, 0, 1, 0, 2]))]
#[case::partial(with(&[0xe0, 8, 4, 0, 1, 0, 2]))]
// Only two of the flags are looked at.
#[case::partial_well_known(update(&[&[0x60, 1, 1, 0], PATH, NEXT_HOP], NLRI))]
#[case::withdrawn_alone(vec![0, 4, 24, 198, 51, 100, 0, 0])]
fn a_good_update_is_good(#[case] body: Vec<u8>) {
    assert_eq!(found(&body, false), Found::Good);
}

#[rstest]
#[case::origin(update(&[&[0x40, 1, 1, 3], PATH, NEXT_HOP], NLRI), 1)]
#[case::origin_length(update(&[&[0x40, 1, 2, 0, 0], PATH, NEXT_HOP], NLRI), 1)]
#[case::path_segment(update(&[ORIGIN, &[0x40, 2, 6, 5, 1, 0, 0, 0, 1], NEXT_HOP], NLRI), 2)]
#[case::path_of_a_confederation(update(&[ORIGIN, &[0x40, 2, 6, 3, 1, 0, 0, 0, 1], NEXT_HOP], NLRI), 2)]
#[case::path_overrun(update(&[ORIGIN, &[0x40, 2, 6, 2, 2, 0, 0, 0, 1], NEXT_HOP], NLRI), 2)]
#[case::path_empty_segment(update(&[ORIGIN, &[0x40, 2, 2, 2, 0], NEXT_HOP], NLRI), 2)]
#[case::path_of_nobody(update(&[ORIGIN, &[0x40, 2, 6, 2, 1, 0, 0, 0, 0], NEXT_HOP], NLRI), 2)]
#[case::next_hop(update(&[ORIGIN, PATH, &[0x40, 3, 3, 1, 2, 3]], NLRI), 3)]
#[case::no_origin(update(&[PATH, NEXT_HOP], NLRI), 1)]
#[case::no_path(update(&[ORIGIN, NEXT_HOP], NLRI), 2)]
#[case::no_next_hop(update(&[ORIGIN, PATH], NLRI), 3)]
#[case::no_path_beside_reach(update(&[REACH, ORIGIN], &[]), 2)]
#[case::metric(with(&[0x80, 4, 3, 0, 0, 0]), 4)]
#[case::communities(with(&[0xc0, 8, 3, 0, 0, 0]), 8)]
#[case::no_communities(with(&[0xc0, 8, 0]), 8)]
#[case::extended_communities(with(&[0xc0, 16, 7, 0, 0, 0, 0, 0, 0, 0]), 16)]
#[case::large_communities(with(&[0xc0, 32, 4, 0, 0, 0, 0]), 32)]
#[case::flags(with(&[0x80, 8, 4, 0, 1, 0, 2]), 8)]
#[case::as4_flags(with(&[0x80, 17, 6, 2, 1, 0, 0, 0, 1]), 17)]
#[case::unknown_well_known(with(&[0x40, 99, 0]), 99)]
#[case::overrun(with(&[0xc0, 8, 9, 0]), 8)]
#[case::cut(with(&[0xc0]), 0)]
fn a_wrong_attribute_counts_as_a_withdrawal(#[case] body: Vec<u8>, #[case] kind: u8) {
    assert_eq!(found(&body, false), Found::Withdrawn(kind));
}

#[rstest]
#[case::local_pref(LOCAL_PREF, 5)]
#[case::originator(&[0x80, 9, 4, 0, 0, 0, 1], 9)]
#[case::clusters(&[0x80, 10, 4, 0, 0, 0, 1], 10)]
#[case::atomic(&[0x40, 6, 1, 0], 6)]
#[case::aggregator(&[0xc0, 7, 6, 0, 1, 192, 0, 2, 1], 7)]
#[case::as4_path(&[0xc0, 17, 1, 0], 17)]
#[case::as4_aggregator(&[0xc0, 18, 1, 0], 18)]
#[case::twice(ORIGIN, 1)]
fn what_matters_little_is_ignored_alone(#[case] attribute: &[u8], #[case] kind: u8) {
    assert_eq!(found(&with(attribute), false), Found::Discarded(kind));
}

#[test]
fn internal_routes_have_a_preference() {
    let body = update(&[ORIGIN, PATH, NEXT_HOP, LOCAL_PREF], NLRI);
    assert_eq!(found(&body, true), Found::Good);
    let body = update(&[ORIGIN, PATH, NEXT_HOP], NLRI);
    assert_eq!(found(&body, true), Found::Withdrawn(5));
}

#[rstest]
#[case::prefix_length(update(&[ORIGIN, PATH, NEXT_HOP], &[33, 1, 2, 3, 4, 5]))]
#[case::prefix_cut(update(&[ORIGIN, PATH, NEXT_HOP], &[24, 198, 51]))]
#[case::withdrawn(vec![0, 1, 24, 0, 0])]
#[case::reach_short(update(&[&[0x80, 14, 3, 0, 2, 1], ORIGIN, PATH], &[]))]
#[case::reach_next_hop(update(&[&[0x80, 14, 7, 0, 2, 1, 9, 1, 2, 3], ORIGIN, PATH], &[]))]
#[case::unreach(update(&[&[0x80, 15, 4, 0, 2, 1, 129]], &[]))]
#[case::reach_overrun(update(&[ORIGIN, PATH, &[0x80, 14, 99, 0, 2, 1]], &[]))]
#[case::unreach_overrun(update(&[&[0x90, 15, 9, 9, 0, 2, 1]], &[]))]
fn prefixes_that_cannot_be_read_do_not_end_the_session(#[case] body: Vec<u8>) {
    assert_eq!(found(&body, false), Found::Unreadable);
}

#[rstest]
#[case::withdrawn_too_long(vec![0, 9, 0, 0])]
#[case::attributes_too_long(vec![0, 0, 0, 9])]
#[case::short(vec![0, 0, 0])]
#[case::two_of_reach(update(&[REACH, REACH, ORIGIN, PATH], &[]))]
fn lengths_that_contradict_each_other_end_it(#[case] body: Vec<u8>) {
    let reading = Reading {
        internal: false,
        four_octets: true,
    };
    let why = Notification::new(update_error::MALFORMED_ATTRIBUTES);
    assert_eq!(check(&body, reading), Err(why));
}
