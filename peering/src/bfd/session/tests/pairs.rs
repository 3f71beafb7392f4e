//! Two sessions with each other.

use proptest::prelude::*;

use super::*;

/// Two ends and what is on its way to each, with the moment at which it arrives.
struct Pair {
    ends: [Session; 2],
    wire: [Vec<(Moment, Packet)>; 2],
    now: Moment,
    downs: usize,
    loses: fn(u64) -> bool,
    count: u64,
}

impl Pair {
    fn new(profiles: [Profile; 2], seed: u64) -> Self {
        let now = Moment::ORIGIN;
        let [one, other] = profiles;
        Self {
            ends: [
                Session::new(one, number(1), seed, now),
                Session::new(other, number(2), seed ^ 99, now),
            ],
            wire: Default::default(),
            now,
            downs: 0,
            loses: |_| false,
            count: 0,
        }
    }

    fn give(&mut self, end: usize, input: Input<'_>) {
        for output in self.ends[end].handle(input, self.now) {
            match output {
                Output::Send(packet) => {
                    self.count += 1;
                    if !(self.loses)(self.count) {
                        self.wire[1 - end].push((self.now + ms(1), packet));
                    }
                }
                Output::Report(Report::State { from: State::Up, .. }) => self.downs += 1,
                Output::Report(_) => {}
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let ticks = self.ends.iter().filter_map(|end| end.next(self.now));
            let arrivals = self.wire.iter().flatten().map(|(at, _)| *at);
            let Some(next) = ticks.chain(arrivals).min().filter(|next| *next <= until) else {
                break;
            };
            self.now = self.now.max(next);
            for end in 0..2 {
                let (due, later) = self.wire[end].drain(..).partition(|(at, _)| *at <= self.now);
                self.wire[end] = later;
                let due: Vec<(Moment, Packet)> = due;
                for (_, packet) in due {
                    self.give(
                        end,
                        Input::Packet {
                            packet: &packet,
                            ttl: 255,
                        },
                    );
                }
                if self.ends[end].next(self.now).is_some_and(|next| next <= self.now) {
                    self.give(end, Input::Tick);
                }
            }
        }
        self.now = until;
    }

    fn states(&self) -> [State; 2] {
        self.ends.each_ref().map(|end| end.status().state)
    }
}

fn profile() -> impl Strategy<Value = Profile> {
    let interval = prop_oneof![10..60_u64, 200..1000_u64];
    (interval.clone(), interval, 2..6_u8).prop_map(|(transmit, receive, multiplier)| Profile {
        transmit: ms(transmit),
        receive: ms(receive),
        multiplier,
        ..Profile::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn two_ends_find_each_other_and_stay_up(profiles in [profile(), profile()], passive: bool, seed: u64) {
        let [one, other] = profiles;
        let mut pair = Pair::new([Profile { passive, ..one }, other], seed);
        pair.pass(ms(3100));
        prop_assert_eq!(pair.states(), [State::Up; 2]);
        pair.pass(ms(20_000));
        prop_assert_eq!(pair.downs, 0);
        // What each sends is what the other reckons with.
        let [one, other] = pair.ends.each_ref().map(Session::status);
        prop_assert_eq!(other.detection, one.transmit.map(|time| time * profiles[0].multiplier.into()));
        prop_assert_eq!(one.detection, other.transmit.map(|time| time * profiles[1].multiplier.into()));
    }

    #[test]
    fn changes_on_the_way_bring_no_session_down(
        profiles in [profile(), profile()],
        changes in prop::collection::vec((0..2_usize, profile(), 0..2500_u64), 1..12),
        seed: u64,
    ) {
        let mut pair = Pair::new(profiles, seed);
        pair.pass(ms(4000));
        for (end, profile, wait) in changes {
            pair.give(end, Input::Profile(profile));
            pair.pass(ms(wait));
        }
        pair.pass(ms(5000));
        prop_assert_eq!((pair.downs, pair.states()), (0, [State::Up; 2]));
    }

    /// Two of three packets may be lost.
    #[test]
    fn a_packet_lost_now_and_then_is_no_down(seed: u64) {
        let mut pair = Pair::new([Profile::default(), Profile::default()], seed);
        pair.pass(ms(4000));
        pair.loses = |count| count % 7 == 0;
        pair.pass(ms(60_000));
        prop_assert_eq!(pair.downs, 0);
    }
}

#[test]
fn a_cut_is_seen_at_both_ends_within_the_detection_time_and_mended() {
    let mut pair = Pair::new([Profile::default(), Profile::default()], 5);
    pair.pass(ms(4000));
    pair.loses = |_| true;
    pair.pass(ms(902));
    assert_eq!(pair.states(), [State::Down; 2]);
    pair.loses = |_| false;
    pair.pass(ms(3100));
    assert_eq!(pair.states(), [State::Up; 2]);
}

#[test]
fn an_end_that_begins_anew_is_up_again_soon() {
    let mut pair = Pair::new([Profile::default(), Profile::default()], 5);
    pair.pass(ms(4000));
    pair.ends[0] = Session::new(Profile::default(), number(9), 8, pair.now);
    pair.pass(ms(4000));
    assert_eq!(pair.states(), [State::Up; 2]);
}

/// RFC 5880 section 6.8.3: what is slower waits for the peer. The answer to a poll with 10 ms says nothing of 22 ms.
#[test]
fn of_two_changes_in_a_row_the_answer_to_the_first_does_not_confirm_the_second() {
    let quick = |milliseconds| Profile {
        transmit: ms(milliseconds),
        receive: ms(10),
        multiplier: 2,
        ..Profile::default()
    };
    for seed in 0..200 {
        let mut pair = Pair::new([quick(201), quick(10)], seed);
        pair.pass(ms(4000));
        pair.give(0, Input::Profile(quick(10)));
        pair.pass(ms(0));
        pair.give(0, Input::Profile(quick(22)));
        pair.pass(ms(1000));
        assert_eq!((pair.downs, pair.states()), (0, [State::Up; 2]), "seed {seed}");
        assert_eq!(pair.ends[0].status().transmit, Some(ms(22)));
    }
}
