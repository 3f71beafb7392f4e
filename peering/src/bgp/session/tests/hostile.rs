//! Whatever a peer sends costs a session at most.

use proptest::prelude::*;

use super::*;
use crate::bgp::OUTGOING_MAX;

/// A message of some kind with some body, or any bytes.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let message = (0..7_u8, prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(kind, body)| {
        let [high, low] = (19 + body.len() as u16).to_be_bytes();
        [&[0xff; 16][..], &[high, low, kind], &body].concat()
    });
    let good = prop_oneof![
        Just(wire::keepalive as fn(&mut Vec<u8>)),
        Just((|out| wire::refresh(Family::V4, out)) as fn(&mut Vec<u8>)),
        Just((|out| router_open().emit(out)) as fn(&mut Vec<u8>)),
        Just((|out| wire::end_of_rib(Family::V6, out)) as fn(&mut Vec<u8>)),
    ];
    let good = good.prop_map(|emit| {
        let mut bytes = Vec::new();
        emit(&mut bytes);
        bytes
    });
    prop_oneof![8 => good, 2 => message, 1 => any::<Vec<u8>>()]
}

proptest! {
    #[test]
    fn a_peer_may_send_anything(
        pieces in prop::collection::vec((noise(), 0..5000_u64, any::<bool>()), 1..60),
        cut in 1..40_usize,
    ) {
        let mut stage = Stage::new(spec());
        stage.give(Input::Wanted(table(&["198.51.100.7/32", "2001:db8::7/128"]))).give(Input::Start);
        for (bytes, wait, stuck) in pieces {
            stage.is_stuck = stuck;
            if stage.state() == State::Connect {
                stage.give(Input::TcpUp(next_hops()));
            }
            for piece in bytes.chunks(cut) {
                stage.give(Input::Bytes(piece));
            }
            stage.pass(ms(wait));
            prop_assert!(stage.session.outgoing().len() <= OUTGOING_MAX);
            // It never stands still: there is always something to wait for.
            prop_assert!(stage.session.next(stage.now).is_some());
        }
    }

    #[test]
    fn messages_may_be_cut_anywhere(cut in 1..30_usize) {
        let mut stage = Stage::new(spec());
        stage.connect();
        let mut bytes = Vec::new();
        router_open().emit(&mut bytes);
        wire::keepalive(&mut bytes);
        for piece in bytes.chunks(cut) {
            stage.give(Input::Bytes(piece));
        }
        prop_assert_eq!(stage.state(), State::Established);
    }
}

#[test]
fn what_comes_after_the_end_is_not_read() {
    let mut stage = Stage::new(spec());
    let mut bytes = Vec::new();
    Notification::new(cease::RESET).emit(&mut bytes);
    router_open().emit(&mut bytes);
    stage.establish().give(Input::Bytes(&bytes));
    assert_eq!(stage.why(), Down::Received(Notification::new(cease::RESET)));
    stage.give(Input::Bytes(&bytes));
    assert_eq!(stage.state(), State::Idle);
}

#[test]
fn a_peer_that_asks_a_hundred_times_at_once_is_told_all_routes_once() {
    let mut stage = Stage::new(spec());
    stage.give(Input::Wanted(table(&["198.51.100.7/32"]))).establish();
    stage.pass(ms(6)).sent();
    let before = stage.session.status().counters.sent[1];
    let mut bytes = Vec::new();
    (0..100).for_each(|_| wire::refresh(Family::V4, &mut bytes));
    stage.took();
    stage.give(Input::Bytes(&bytes)).pass(ms(6));
    assert_eq!(stage.session.status().counters.sent[1], before + 1);
    let repeated = Output::Report(Report::Refresh(Family::V4));
    assert_eq!(
        stage.took().iter().filter(|output| **output == repeated).count(),
        1
    );
}
