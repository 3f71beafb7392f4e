//! What is refused, and how (RFC 4271 sections 6.1 and 6.2).

use rstest::rstest;

use super::*;

fn header(length: u16, kind: u8) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    [&[0xff; 16][..], &[high, low, kind]].concat()
}

#[rstest]
#[case::too_short(header(18, 4), Notification::with(header_error::BAD_LENGTH, vec![0, 18]))]
#[case::too_long(header(4097, 2), Notification::with(header_error::BAD_LENGTH, vec![0x10, 0x01]))]
#[case::keepalive_with_a_body(header(20, 4), Notification::with(header_error::BAD_LENGTH, vec![0, 20]))]
#[case::open_too_short(header(28, 1), Notification::with(header_error::BAD_LENGTH, vec![0, 28]))]
#[case::update_too_short(header(22, 2), Notification::with(header_error::BAD_LENGTH, vec![0, 22]))]
#[case::notification_too_short(header(20, 3), Notification::with(header_error::BAD_LENGTH, vec![0, 20]))]
#[case::unknown_type(header(19, 6), Notification::with(header_error::BAD_TYPE, vec![6]))]
#[case::no_marker(vec![0xff, 0xff, 0], Notification::new(header_error::NOT_SYNCHRONIZED))]
fn what_is_no_message_is_refused(#[case] bytes: Vec<u8>, #[case] why: Notification) {
    assert_eq!(split(&bytes, MESSAGE_MAX), Err(why));
}

#[test]
fn an_open_and_a_keepalive_are_never_longer_even_if_messages_may_be() {
    assert!(split(&header(4097, 1), MESSAGE_MAX_EXTENDED).is_err());
    assert!(split(&header(20, 4), MESSAGE_MAX_EXTENDED).is_err());
    assert_eq!(split(&header(4097, 2), MESSAGE_MAX_EXTENDED), Ok(None));
}

/// Version 4, AS 64500, hold time 90, 192.0.2.1, and these parameters.
fn open(parameters: &[u8]) -> Vec<u8> {
    let head = [4, 0xfb, 0xf4, 0, 90, 192, 0, 2, 1, parameters.len() as u8];
    [&head[..], parameters].concat()
}

#[rstest]
#[case::version([&[3][..], &open(&[])[1..]].concat(), Notification::with(open_error::VERSION, vec![0, 4]))]
#[case::length([&open(&[])[..], &[0]].concat(), Notification::new(open_error::MALFORMED))]
#[case::parameter(open(&[1, 0]), Notification::new(open_error::PARAMETER))]
#[case::parameter_length(open(&[2, 5, 0]), Notification::new(open_error::MALFORMED))]
#[case::capability_length(open(&[2, 3, 65, 4, 0]), Notification::new(open_error::MALFORMED))]
#[case::short(vec![4, 0], Notification::new(open_error::MALFORMED))]
fn a_wrong_open_is_refused(#[case] body: Vec<u8>, #[case] why: Notification) {
    assert_eq!(Open::parse(&body), Err(why));
}

#[test]
fn capabilities_of_one_parameter_or_of_many_or_in_the_long_form_are_the_same() {
    let one = open(&[2, 8, 2, 0, 65, 4, 0, 0, 0xfb, 0xf4]);
    let many = open(&[2, 2, 2, 0, 2, 6, 65, 4, 0, 0, 0xfb, 0xf4]);
    let mut long = open(&[255, 0, 11, 2, 0, 8, 2, 0, 65, 4, 0, 0, 0xfb, 0xf4]);
    long[9] = 255;
    let read = Open::parse(&one).unwrap();
    assert_eq!(Open::parse(&many).unwrap(), read);
    assert_eq!(Open::parse(&long).unwrap(), read);
    assert!(read.capabilities.route_refresh);
}

#[test]
fn a_capability_of_a_wrong_length_is_as_good_as_absent() {
    let read = Open::parse(&open(&[2, 5, 65, 3, 0, 0, 1])).unwrap();
    assert_eq!((read.asn, read.capabilities.four_octets), (Asn(64500), None));
    assert_eq!(read.capabilities.other.into_iter().collect::<Vec<_>>(), [65]);
}

#[test]
fn other_families_are_not_taken_for_ipv4() {
    let silent = Open::parse(&open(&[])).unwrap();
    assert_eq!(silent.capabilities.carried().len(), 1);
    let vpn = Open::parse(&open(&[2, 6, 1, 4, 0, 25, 0, 70])).unwrap();
    assert_eq!(vpn.capabilities.carried().len(), 0);
}

/// The N bit is the one of 0x4000 in the flags (RFC 8538).
#[test]
fn the_n_bit_is_read_and_never_written() {
    let read = Open::parse(&open(&[2, 4, 64, 2, 0xc0, 120])).unwrap();
    let restart = read.capabilities.graceful_restart.clone().unwrap();
    assert!(restart.notifications && restart.restarted);
    let mut bytes = Vec::new();
    read.emit(&mut bytes);
    assert!(bytes.ends_with(&[64, 2, 0x80, 120]));
}

#[rstest]
#[case(&[0, 1, 0, 1], Ok(Some(Family::V4)))]
#[case(&[0, 2, 0, 1], Ok(Some(Family::V6)))]
#[case::begin_of_refresh(&[0, 1, 1, 1], Ok(None))]
#[case::other_family(&[0, 25, 0, 70], Ok(None))]
#[case::with_filters(&[0, 1, 0, 1, 1, 64, 0, 0], Ok(None))]
fn a_refresh_asks_for_a_family(#[case] body: &[u8], #[case] asked: Result<Option<Family>, Notification>) {
    assert_eq!(refreshed(body), asked);
}
