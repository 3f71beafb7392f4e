use super::*;

const LIMIT: Duration = Duration::from_millis(300);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Compares each 100 ms for so long, the peer's clock being ahead by `ahead` at each time.
fn compare(
    clock: &mut PeerClock,
    times: std::ops::Range<u64>,
    ahead: impl Fn(u64) -> u64,
) -> Option<Duration> {
    let compared = times.step_by(100).map(|time| {
        let now = Moment::after_origin(ms(time));
        clock.compare(ms(1000 + time + ahead(time)), now, LIMIT)
    });
    compared.last().flatten()
}

#[test]
fn an_own_pause_lets_the_clock_of_the_peer_run_ahead() {
    let mut clock = PeerClock::default();
    assert_eq!(compare(&mut clock, 0..5000, |_| 0), None);
    assert_eq!(compare(&mut clock, 5000..5100, |_| 5000), Some(ms(5000)));
    assert_eq!(compare(&mut clock, 5100..5200, |_| 5000), Some(ms(5000)));
}

#[test]
fn frames_that_waited_while_this_machine_stood_still_show_it_too() {
    let mut clock = PeerClock::default();
    assert_eq!(compare(&mut clock, 0..5000, |_| 0), None);
    let now = Moment::after_origin(ms(5000));
    let read = (0..9).map(|frame| clock.compare(ms(6000 + 100 * frame), now, LIMIT));
    assert_eq!(read.last().flatten(), Some(ms(800)));
}

#[test]
fn frames_that_were_late_for_a_while_are_no_pause() {
    let mut clock = PeerClock::default();
    assert_eq!(compare(&mut clock, 0..4000, |_| 500), None);
    assert_eq!(compare(&mut clock, 4000..6000, |_| 100), None);
    assert_eq!(compare(&mut clock, 6000..6100, |_| 500), None);
}

#[test]
fn first_frames_that_were_late_are_no_pause() {
    let mut clock = PeerClock::default();
    assert_eq!(compare(&mut clock, 0..1000, |_| 0), None);
    assert_eq!(compare(&mut clock, 1000..5000, |_| 400), None);
}

/// Rule P5.
#[test]
fn a_clock_that_is_faster_by_a_thousandth_is_no_pause() {
    let mut clock = PeerClock::default();
    assert_eq!(compare(&mut clock, 0..3_600_000, |time| time / 1000), None);
}

#[test]
fn a_clock_may_show_anything() {
    let mut clock = PeerClock::default();
    for time in 0..9 {
        let uptime = [Duration::MAX, Duration::ZERO][time as usize % 2];
        clock.compare(uptime, Moment::after_origin(ms(time)), LIMIT);
    }
}
