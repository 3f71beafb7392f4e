//! A process goes on with the session of the one before it.

use super::*;

fn successor() -> Stage {
    let mut stage = Stage::new(Profile::default());
    stage.session = Session::taking_over(Profile::default(), number(1), 3, stage.now);
    stage
}

#[test]
fn a_peer_that_has_not_missed_the_process_before_misses_nothing() {
    let mut stage = successor();
    stage.pass(ms(200));
    assert!(stage.sent.is_empty());
    stage.hear(packet(State::Up));
    assert_eq!(stage.state(), State::Up);
    assert_eq!(
        (stage.last_sent().state, stage.last_sent().your_discriminator),
        (State::Up, Some(number(2)))
    );
    stage.pass_hearing(ms(1000), packet(State::Up));
    let gaps = stage.sent.windows(2).map(|pair| pair[1].0.since(pair[0].0));
    assert!(
        gaps.max().unwrap() <= ms(300),
        "it goes on at the pace of a session that is up"
    );
    assert!(stage.sent.iter().all(|(_, packet)| packet.state == State::Up));
}

#[test]
fn a_peer_that_is_not_heard_in_time_or_is_down_sees_a_session_that_begins() {
    let mut stage = successor();
    stage.pass(ms(599));
    assert!(stage.sent.is_empty());
    stage.pass(ms(1));
    assert_eq!(stage.last_sent().state, State::Down);
    stage.hear(packet(State::Up));
    assert_eq!(stage.state(), State::Down);

    let mut stage = successor();
    stage.hear(packet(State::Down)).hear(packet(State::Up));
    assert_eq!(stage.state(), State::Up, "by way of Init");
    assert_eq!(stage.sent[0].1.state, State::Init);
}

#[test]
fn a_peer_that_is_up_with_another_session_says_nothing_of_this_one() {
    let mut stage = successor();
    stage.hear(Packet {
        your_discriminator: Some(number(9)),
        ..packet(State::Up)
    });
    assert_eq!(stage.state(), State::Down);
    assert!(stage.sent.is_empty());
}
