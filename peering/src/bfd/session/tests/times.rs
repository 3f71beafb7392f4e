//! When packets go out, and when silence counts.

use rstest::rstest;

use super::*;

fn gaps(stage: &Stage) -> Vec<Duration> {
    stage
        .sent
        .windows(2)
        .map(|pair| pair[1].0.since(pair[0].0))
        .collect()
}

#[test]
fn while_it_is_not_up_a_packet_goes_out_each_second_at_most() {
    let mut stage = Stage::new(Profile {
        transmit: ms(10),
        ..Profile::default()
    });
    stage.pass(ms(20_000));
    assert!(
        gaps(&stage).iter().all(|gap| (ms(750)..=ms(1000)).contains(gap)),
        "{:?}",
        gaps(&stage)
    );
    assert!(stage.sent.len() >= 20);
    assert_eq!(stage.last_sent().desired_min_tx, ms(1000));
    // What it can receive it says from the beginning.
    assert_eq!(stage.last_sent().required_min_rx, ms(300));
}

#[rstest]
#[case(3, 75, 100)]
#[case(1, 75, 90)]
fn packets_are_early_by_chance(#[case] multiplier: u8, #[case] least: u64, #[case] most: u64) {
    let profile = Profile {
        multiplier,
        ..Profile::default()
    };
    let mut stage = Stage::up(profile);
    stage.pass_hearing(ms(60_000), packet(State::Up));
    let gaps = gaps(&stage);
    let range = ms(3 * least)..=ms(3 * most);
    assert!(gaps.iter().all(|gap| range.contains(gap)), "{gaps:?}");
    let spread = *gaps.iter().max().unwrap() - *gaps.iter().min().unwrap();
    assert!(spread > ms(3 * (most - least) * 3 / 4), "{spread:?}");
}

#[rstest]
#[case::peer_is_slow(ms(10), ms(50), ms(50))]
#[case::own_end_is_slow(ms(50), ms(10), ms(50))]
#[case::both_are_fast(ms(10), ms(10), ms(10))]
fn the_slower_end_says_how_often(
    #[case] transmit: Duration,
    #[case] their_rx: Duration,
    #[case] agreed: Duration,
) {
    let mut stage = Stage::up(Profile {
        transmit,
        ..Profile::default()
    });
    stage.hear(Packet {
        required_min_rx: their_rx,
        ..packet(State::Up)
    });
    assert_eq!(stage.session.status().transmit, Some(agreed));
    stage.sent.clear();
    stage.pass(ms(200));
    assert!(stage.sent.len() as u128 >= 200 / agreed.as_millis());
}

#[rstest]
#[case(ms(300), ms(300), 3, ms(900))]
#[case(ms(50), ms(300), 3, ms(900))]
#[case(ms(300), ms(50), 5, ms(1500))]
#[case(ms(10), ms(10), 3, ms(30))]
fn the_detection_time_is_the_peers_count_of_the_slower_interval(
    #[case] receive: Duration,
    #[case] their_tx: Duration,
    #[case] their_multiplier: u8,
    #[case] detection: Duration,
) {
    let mut stage = Stage::up(Profile {
        receive,
        ..Profile::default()
    });
    stage.hear(Packet {
        desired_min_tx: their_tx,
        multiplier: their_multiplier,
        ..packet(State::Up)
    });
    assert_eq!(stage.session.status().detection, Some(detection));
    stage.pass(detection - ms(1));
    assert_eq!(stage.state(), State::Up);
    stage.pass(ms(1));
    assert_eq!(stage.state(), State::Down);
}

#[test]
fn a_session_that_comes_up_polls_for_its_own_pace_until_it_is_confirmed() {
    let mut stage = Stage::new(Profile::default());
    stage.hear(packet(State::Down)).hear(packet(State::Init));
    assert_eq!(stage.state(), State::Up);
    let said = stage.last_sent();
    assert_eq!((said.poll, said.desired_min_tx), (true, ms(300)));
    stage.hear(packet(State::Up)).pass(ms(300));
    assert!(stage.last_sent().poll);
    stage
        .hear(Packet {
            last: true,
            ..packet(State::Up)
        })
        .pass(ms(300));
    assert!(!stage.last_sent().poll);
}

/// 6.8.3: the peer may still reckon with the old ones.
#[test]
fn a_slower_pace_counts_when_the_peer_knows_of_it_and_a_faster_one_at_once() {
    let mut stage = Stage::up(Profile::default());
    let slow = Profile {
        transmit: ms(1000),
        ..Profile::default()
    };
    stage.give(Input::Profile(slow));
    assert_eq!(stage.session.status().transmit, Some(ms(300)));
    stage.pass(ms(300));
    assert_eq!(
        (stage.last_sent().desired_min_tx, stage.last_sent().poll),
        (ms(1000), true)
    );
    stage.hear(Packet {
        last: true,
        ..packet(State::Up)
    });
    assert_eq!(stage.session.status().transmit, Some(ms(1000)));
    stage.give(Input::Profile(Profile::default()));
    assert_eq!(stage.session.status().transmit, Some(ms(300)));
}

#[test]
fn a_shorter_detection_time_counts_when_the_peer_knows_of_it() {
    let mut stage = Stage::up(Profile::default());
    stage.hear(Packet {
        desired_min_tx: ms(50),
        ..packet(State::Up)
    });
    let fast = Profile {
        receive: ms(50),
        ..Profile::default()
    };
    stage.give(Input::Profile(fast));
    assert_eq!(stage.session.status().detection, Some(ms(900)));
    stage.hear(Packet {
        desired_min_tx: ms(50),
        last: true,
        ..packet(State::Up)
    });
    assert_eq!(stage.session.status().detection, Some(ms(150)));
}

#[test]
fn another_path_or_multiplier_needs_no_poll() {
    let mut stage = Stage::up(Profile::default());
    stage.give(Input::Profile(Profile {
        multiplier: 5,
        ..Profile::default()
    }));
    stage.pass(ms(300));
    assert_eq!((stage.last_sent().multiplier, stage.last_sent().poll), (5, false));
}

#[test]
fn a_passive_end_waits_for_the_peer() {
    let mut stage = Stage::new(Profile {
        passive: true,
        ..Profile::default()
    });
    stage.pass(ms(10_000));
    assert_eq!((stage.sent.len(), stage.session.next(stage.now)), (0, None));
    stage.hear(packet(State::Down));
    assert_eq!(stage.last_sent().state, State::Init);
}

#[test]
fn a_peer_that_wants_no_packets_gets_none() {
    let mut stage = Stage::up(Profile::default());
    stage.hear(Packet {
        required_min_rx: ms(0),
        ..packet(State::Up)
    });
    stage.sent.clear();
    stage.pass(ms(800));
    assert_eq!((stage.sent.len(), stage.session.status().transmit), (0, None));
}

#[test]
fn a_peer_on_demand_gets_no_packets_but_polls() {
    let mut stage = Stage::up(Profile::default());
    let demand = Packet {
        demand: true,
        ..packet(State::Up)
    };
    stage.hear(demand).sent.clear();
    stage.pass(ms(800));
    assert_eq!(stage.sent.len(), 0);
    stage.hear(demand).give(Input::Profile(Profile {
        transmit: ms(200),
        ..Profile::default()
    }));
    stage.pass(ms(300));
    assert!(stage.last_sent().poll);
}

/// A thread that comes later than the detection time cannot know what was sent meanwhile.
#[test]
fn a_stunned_thread_gives_the_peer_the_detection_time_anew() {
    let mut stage = Stage::up(Profile::default());
    stage.now = stage.now + ms(5000);
    stage.give(Input::Tick);
    assert_eq!(stage.state(), State::Up);
    assert!(matches!(stage.reports[..], [Report::Stunned(late)] if late > ms(4000)));
    stage.pass(ms(899));
    assert_eq!(stage.state(), State::Up);
    stage.pass(ms(1));
    assert_eq!(stage.state(), State::Down);
}

#[test]
fn a_thread_that_is_late_by_less_blames_the_peer_as_ever() {
    let mut stage = Stage::up(Profile::default());
    stage.pass(ms(500));
    stage.now = stage.now + ms(500);
    stage.give(Input::Tick);
    assert_eq!(stage.state(), State::Down);
}
