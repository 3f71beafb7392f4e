use std::net::Ipv4Addr;

use proptest::prelude::*;
use rstest::rstest;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn node(number: u32) -> NodeId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    NodeId(id)
}

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + number).into()
}

/// Addresses held by so many nodes, in turn.
fn held(addresses: u32, nodes: u32) -> Holders {
    let holders = (0..addresses).map(|number| (address(number), node(number % nodes)));
    holders.collect()
}

/// The node that is the witness of an address: any one, but the same for all.
fn witness(address: IpAddr, nodes: u32) -> u32 {
    let IpAddr::V4(v4) = address else { unreachable!() };
    let number = v4.to_bits() - 0x0a00_0000;
    (number + 1 + number / nodes % (nodes - 1)) % nodes
}

/// What all nodes ask for, and when: each has its own clock and chance.
fn questions(addresses: u32, nodes: u32, length: Duration) -> Vec<(Duration, IpAddr)> {
    let holders = held(addresses, nodes);
    let mut asked = Vec::new();
    for me in 0..nodes {
        let mut turns = Turns::default();
        let mut now = SECOND.mul_f64(f64::from(me) / f64::from(nodes));
        let mut chance = f64::from(me) / f64::from(nodes);
        while now < length {
            chance = (chance * 7.3 + 0.37) % 1.0;
            turns.follow(&holders, Moment::after_origin(now));
            let taken = turns.take(TURNS as usize, Moment::after_origin(now), chance);
            assert!(taken.len() <= TURNS as usize);
            let own = taken.into_iter().filter(|address| witness(*address, nodes) == me);
            asked.extend(own.map(|address| (now, address)));
            now += SECOND.mul_f64(1.0 + 0.05 * chance);
        }
    }
    asked.sort();
    asked
}

/// The longest time between two questions that `which` puts together, from the start and to the end on.
fn longest_gap(asked: &[(Duration, IpAddr)], length: Duration, which: impl Fn(IpAddr) -> bool) -> Duration {
    let times = asked
        .iter()
        .filter(|(_, address)| which(*address))
        .map(|(at, _)| *at);
    let times: Vec<Duration> = [Duration::ZERO]
        .into_iter()
        .chain(times)
        .chain([length])
        .collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
}

/// Rule W3.
#[rstest]
#[case::few(10, 3, 40)]
#[case::hundred(100, 5, 40)]
#[case::thousand(1000, 10, 40)]
#[case::ten_thousand(10_000, 20, 300)]
fn each_address_is_asked_for_in_time_and_a_segment_sees_at_most_fifty_questions_a_second(
    #[case] addresses: u32,
    #[case] nodes: u32,
    #[case] within: u64,
) {
    let length = Duration::from_secs(700);
    let asked = questions(addresses, nodes, length);
    for number in (0..addresses).step_by(addresses as usize / 10) {
        let gap = longest_gap(&asked, length, |one| one == address(number));
        assert!(gap <= Duration::from_secs(within), "{number} after {gap:?}");
    }
    for start in (0..690).step_by(10) {
        let window = Duration::from_secs(start)..Duration::from_secs(start + 10);
        let count = asked.iter().filter(|(at, _)| window.contains(at)).count();
        assert!(count <= 500, "{count} questions in the 10 s from {start} s on");
    }
}

/// Rule W3: with the questions that follow, a holder of which no answer arrives is found within 12 s.
#[rstest]
#[case::few(10, 3)]
#[case::one_each(20, 20)]
#[case::thousand(1000, 10)]
#[case::ten_thousand(10_000, 60)]
fn every_holder_is_asked_within_eight_seconds(#[case] addresses: u32, #[case] nodes: u32) {
    let length = Duration::from_secs(200);
    let asked = questions(addresses, nodes, length);
    for holder in 0..nodes {
        let gap = longest_gap(&asked, length, |one| {
            let IpAddr::V4(v4) = one else { unreachable!() };
            (v4.to_bits() - 0x0a00_0000) % nodes == holder
        });
        assert!(gap <= Duration::from_millis(8_500), "{holder} after {gap:?}");
    }
}

#[rstest]
#[case::fifty(50, 3)]
#[case::hundred(100, 5)]
#[case::thousand(1000, 20)]
fn it_takes_a_twentieth_of_a_question_for_each_address_and_second(
    #[case] addresses: u32,
    #[case] nodes: u32,
) {
    let length = Duration::from_secs(300);
    let asked = questions(addresses, nodes, length).len() as f64;
    let all = f64::from(addresses) * length.as_secs_f64();
    assert!(asked <= 0.05 * all, "{asked} of {all}");
}

fn after(seconds: f64) -> Moment {
    Moment::after_origin(Duration::from_secs_f64(seconds))
}

/// Rule W3.
#[test]
fn an_address_that_moved_has_its_turn_within_two_seconds() {
    let mut turns = Turns::default();
    turns.follow(&held(1000, 3), after(0.0));
    turns.take(46, after(1.0), 0.5);
    let mut holders: BTreeMap<IpAddr, NodeId> = held(1000, 3).iter().collect();
    let moved: Vec<IpAddr> = (0..30).map(|number| address(number * 3)).collect();
    holders.extend(moved.iter().map(|address| (*address, node(1))));
    turns.follow(&holders.into_iter().collect(), after(1.2));
    let taken = turns.take(46, after(2.1), 0.5);
    assert!(moved.iter().all(|address| taken.contains(address)), "{taken:?}");
}

#[test]
fn what_was_held_before_this_node_was_there_has_not_moved() {
    let mut turns = Turns::default();
    let holders = held(1000, 3);
    assert_eq!(turns.follow(&holders, after(0.0)).len(), 1000);
    assert!(turns.follow(&holders, after(0.1)).is_empty());
    assert!(turns.take(46, after(1.0), 0.5).len() < 10);
}

#[test]
fn the_other_addresses_of_a_holder_in_doubt_come_sooner_but_slowly() {
    let mut turns = Turns::default();
    turns.follow(&held(1000, 10), after(0.0));
    turns.hurry(node(3));
    let mut rest: BTreeSet<IpAddr> = (0..100).map(|number| address(number * 10 + 3)).collect();
    for second in 1..=8 {
        for address in turns.take(46, after(f64::from(second)), 0.5) {
            rest.remove(&address);
        }
    }
    assert!(rest.is_empty(), "{} are left", rest.len());
}

#[test]
fn where_nobody_holds_anything_nothing_has_a_turn() {
    let mut turns = Turns::default();
    turns.follow(&held(10, 2), after(0.0));
    turns.follow(&Holders::default(), after(0.5));
    assert!((1..100).all(|second| turns.take(46, after(f64::from(second)), 0.5).is_empty()));
}

proptest! {
    /// Rule W3.
    #[test]
    fn there_are_never_more_turns_than_there_is_room_for(
        addresses in 0..200_u32,
        nodes in 1..50_u32,
        steps in prop::collection::vec((0.0..5.0, 0..47_usize, any::<bool>(), 0..50_u32), 1..50),
    ) {
        let mut turns = Turns::default();
        let mut now = 0.0;
        for (step, most, moves, holder) in steps {
            now += step;
            let shift = u32::from(moves);
            let holders = (0..addresses).map(|number| (address(number), node((number + shift) % nodes)));
            turns.follow(&holders.collect(), after(now));
            turns.hurry(node(holder));
            prop_assert!(turns.take(most, after(now), step / 5.0).len() <= most);
        }
    }
}
