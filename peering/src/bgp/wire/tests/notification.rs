//! Words for an end.

use rstest::rstest;

use super::*;

#[rstest]
#[case(
    Notification::new(open_error::BAD_PEER_AS),
    "OPEN message error: bad peer AS (2/2)"
)]
#[case(Notification::new(fsm::HOLD_EXPIRED), "hold timer expired (4/0)")]
#[case(
    Notification::with_text(cease::SHUTDOWN, "node shutting down"),
    "cease: administrative shutdown (6/2), \"node shutting down\""
)]
#[case(
    Notification::with_text(cease::SHUTDOWN, ""),
    "cease: administrative shutdown (6/2)"
)]
#[case(Notification::new(cease::BFD_DOWN), "cease: BFD down (6/10)")]
#[case(Notification::with(cease::HARD_RESET, vec![6, 3]), "cease: hard reset (6/9) for cease: peer de-configured (6/3)")]
#[case(Notification::new((6, 77)), "cease: subcode 77 (6/77)")]
#[case(Notification::new((99, 0)), "error 99 (99/0)")]
fn an_end_is_said_in_words_and_numbers(#[case] notification: Notification, #[case] words: &str) {
    assert_eq!(notification.to_string(), words);
}

#[test]
fn a_text_is_cut_between_two_letters() {
    let long = "ü".repeat(200);
    let text = Notification::with_text(cease::SHUTDOWN, &long).text().unwrap();
    assert_eq!(text, "ü".repeat(127));
}

#[rstest]
#[case(&[], None)]
#[case(&[0], None)]
#[case(&[5, b'a'], None)]
#[case(&[3, b'a', b'\n', b'c', b'd'], Some("a c"))]
#[case(&[2, 0xff, b'a'], Some("\u{fffd}a"))]
fn a_text_of_the_peer_is_shown_as_it_can_be(#[case] data: &[u8], #[case] text: Option<&str>) {
    let notification = Notification::with(cease::RESET, data.to_vec());
    assert_eq!(notification.text().as_deref(), text);
}

#[test]
fn hard_resets_in_each_other_are_not_followed() {
    let nested = Notification::with(cease::HARD_RESET, [6, 9].repeat(500));
    assert_eq!(nested.to_string(), "cease: hard reset (6/9)");
}
