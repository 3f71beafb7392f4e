//! What is counted, and what never reaches the process.

use std::net::Ipv4Addr;

use ferrolb_speaker::layer2::wire::Mac;
use ferrolb_speaker::layer2::wire::arp::{Arp, Operation};

use crate::Test;
use crate::bench::{Bench, NODE, STRANGER, until};

pub(crate) const TESTS: &[Test] = &[
    (
        "questions_and_answers_are_counted",
        questions_and_answers_are_counted,
    ),
    (
        "an_address_that_was_given_up_and_taken_back_is_counted_again",
        an_address_that_was_given_up_and_taken_back_is_counted_again,
    ),
    (
        "the_series_of_an_address_that_was_given_up_stay_away",
        the_series_of_an_address_that_was_given_up_stay_away,
    ),
    (
        "a_flood_of_questions_for_others_never_reaches_the_process",
        a_flood_of_questions_for_others_never_reaches_the_process,
    ),
];

const SERIES: &str = "{ip=\"192.0.2.200\"}";

fn questions_and_answers_are_counted() {
    let bench = Bench::new();
    bench.announcer.hold(&["192.0.2.200"]);
    bench.client_sends_to("192.0.2.200");
    bench.client_learns("192.0.2.200", NODE);
    let count = |metric: &str| bench.announcer.count(&format!("{metric}{SERIES}"));
    until("an answer to be counted", || {
        count("metallb_layer2_responses_sent") >= Some(1)
    });
    assert!(count("metallb_layer2_requests_received") >= Some(1));
    assert!(count("metallb_layer2_gratuitous_sent") >= Some(2));
}

fn an_address_that_was_given_up_and_taken_back_is_counted_again() {
    let bench = Bench::new();
    bench.announcer.hold(&["192.0.2.200"]);
    bench.client_sends_to("192.0.2.200");
    bench.client_learns("192.0.2.200", NODE);
    bench.announcer.hold(&[]);
    let sent = format!("metallb_layer2_gratuitous_sent{SERIES}");
    until("the series to go", || bench.announcer.count(&sent).is_none());
    bench.announcer.hold(&["192.0.2.200"]);
    until("an answer to be counted", || {
        bench.client_resolves("192.0.2.200", NODE);
        let answers = format!("metallb_layer2_responses_sent{SERIES}");
        bench.announcer.count(&answers) >= Some(1)
    });
}

fn the_series_of_an_address_that_was_given_up_stay_away() {
    let bench = Bench::new();
    let count = |address: &str| {
        let series = format!("metallb_layer2_gratuitous_sent{{ip=\"{address}\"}}");
        bench.announcer.count(&series)
    };
    bench.announcer.hold(&["192.0.2.200"]);
    until("a series", || count("192.0.2.200").is_some());
    bench.announcer.hold(&["192.0.2.201"]);
    until("the next address to be held", || count("192.0.2.201").is_some());
    until("the series to go", || count("192.0.2.200").is_none());
    bench.client_resolves("192.0.2.201", NODE);
    assert_eq!(count("192.0.2.200"), None);
}

fn a_flood_of_questions_for_others_never_reaches_the_process() {
    let bench = Bench::new();
    bench.announcer.hold(&["192.0.2.200"]);
    bench.client_sends_to("192.0.2.200");
    bench.client_learns("192.0.2.200", NODE);
    let tap = bench.tap();
    let question = |target: Ipv4Addr| Arp {
        destination: Mac::BROADCAST,
        source: STRANGER,
        operation: Operation::Request,
        sender_mac: STRANGER,
        sender: Ipv4Addr::new(192, 0, 2, 50),
        target_mac: Mac::default(),
        target,
    };
    for number in 0..20_000 {
        tap.send(&question(Ipv4Addr::from_bits(0xc633_6400 + number)).emit());
    }
    tap.send(&question(Ipv4Addr::new(192, 0, 2, 200)).emit());
    tap.next(|frame| Arp::parse(frame).filter(|arp| arp.destination == STRANGER));
    assert_eq!(
        bench
            .announcer
            .count("ferrolb_layer2_ignored_total{reason=\"not_held\"}"),
        Some(0)
    );
}
