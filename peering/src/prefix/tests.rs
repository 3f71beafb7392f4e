use rstest::rstest;

use super::*;

#[rstest]
#[case("192.0.2.77/24", "192.0.2.0/24")]
#[case("192.0.2.77/32", "192.0.2.77/32")]
#[case("192.0.2.77/0", "0.0.0.0/0")]
#[case("2001:db8::7:1/64", "2001:db8::/64")]
#[case("2001:db8::7/128", "2001:db8::7/128")]
#[case("2001:db8::7/0", "::/0")]
fn host_bits_are_cut_off(#[case] given: &str, #[case] is: &str) {
    assert_eq!(given.parse::<Prefix>().unwrap().to_string(), is);
}

#[rstest]
#[case("192.0.2.0/33", "a prefix of IPv4 has at most 32 bits, not 33")]
#[case("2001:db8::/129", "a prefix of IPv6 has at most 128 bits, not 129")]
#[case("192.0.2.0", "\"192.0.2.0\" is not an address, a slash and a length")]
fn what_is_no_prefix_is_said(#[case] given: &str, #[case] why: &str) {
    assert_eq!(given.parse::<Prefix>().unwrap_err().to_string(), why);
}
