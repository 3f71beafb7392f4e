//! When to tell everybody unasked that an address is here: a schedule, nothing else.
//!
//! Neighbours that learned another station keep it for minutes, and a single frame may be lost: so a first
//! round at once, five more a second apart, and from then on one now and then, because switches forget
//! stations that are silent. Later rounds are paced, so that a thousand addresses are no storm; the first
//! is not, because clients wait for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// Rounds after the first one (MetalLB's number).
const ROUNDS: u32 = 5;
const BETWEEN_ROUNDS: Duration = Duration::from_secs(1);

/// So that who sends a round for thousands of addresses can do something else in between.
pub const AT_ONCE: usize = 64;

/// How often and how fast.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// From the last round on one more each time this has passed; zero for never.
    pub refresh: Duration,
    /// Addresses a second in rounds after the first.
    pub addresses_per_second: u32,
}

impl Default for Pace {
    /// One refresh a minute: shorter than the 5 minutes after which switches forget. 500 addresses are at
    /// most 1,000 frames.
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(60),
            addresses_per_second: 500,
        }
    }
}

/// The schedule of one interface.
#[derive(Debug)]
pub struct Bursts {
    pace: Pace,
    due: BTreeMap<IpAddr, Due>,
    first: BTreeSet<(Instant, IpAddr)>,
    later: BTreeSet<(Instant, IpAddr)>,
    /// From when on the next later round may go out.
    free_from: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    at: Instant,
    rounds_left: u32,
    first: bool,
}

impl Due {
    /// A round that does not wait for others.
    fn first(at: Instant, rounds_left: u32) -> Self {
        Self {
            at,
            rounds_left,
            first: true,
        }
    }

    /// A round at the pace.
    fn later(at: Instant, rounds_left: u32) -> Self {
        Self {
            at,
            rounds_left,
            first: false,
        }
    }
}

impl Bursts {
    /// An empty schedule.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            due: BTreeMap::new(),
            first: BTreeSet::new(),
            later: BTreeSet::new(),
            free_from: None,
        }
    }

    /// Begins a burst for an address; one that is under way begins anew.
    pub fn start(&mut self, address: IpAddr, now: Instant) {
        self.schedule(address, Due::first(now, ROUNDS));
    }

    /// Ends all rounds of an address.
    pub fn stop(&mut self, address: IpAddr) {
        if let Some(due) = self.due.remove(&address) {
            self.queue(due).remove(&(due.at, address));
        }
    }

    /// Puts off the round of an address that could not be sent, until then; first rounds of others are not kept waiting.
    pub fn again(&mut self, address: IpAddr, at: Instant) {
        if let Some(due) = self.due.get(&address).copied() {
            self.schedule(address, Due::first(at, (due.rounds_left + 1).min(ROUNDS)));
        }
    }

    /// Puts off whatever is due earlier.
    pub fn put_off(&mut self, until: Instant) {
        let early: Vec<IpAddr> = self
            .due
            .iter()
            .filter(|(_, due)| due.at < until)
            .map(|(address, _)| *address)
            .collect();
        for address in early {
            if let Some(due) = self.due.get(&address).copied() {
                self.schedule(address, Due { at: until, ..due });
            }
        }
    }

    /// Addresses whose round is due, in order and at most [`AT_ONCE`]; each is due again later. `spread` (0 to 1) is
    /// chance: it lengthens or shortens the time to the next refresh, so that nodes do not fall into step.
    pub fn due(&mut self, now: Instant, spread: f64) -> Vec<IpAddr> {
        let mut sent = Vec::new();
        while let Some(address) = self.waiting(now).filter(|_| sent.len() < AT_ONCE) {
            if let Some(due) = self.due.get(&address).copied() {
                self.after_round(address, due, now, spread);
            }
            sent.push(address);
        }
        sent
    }

    /// When to ask again; none while nothing is scheduled.
    pub fn next(&self) -> Option<Instant> {
        let first = self.first.first().map(|(at, _)| *at);
        let later = self
            .later
            .first()
            .map(|(at, _)| self.free_from.map_or(*at, |free| free.max(*at)));
        first.into_iter().chain(later).min()
    }

    fn waiting(&mut self, now: Instant) -> Option<IpAddr> {
        let earliest = |queue: &BTreeSet<(Instant, IpAddr)>| {
            queue
                .first()
                .filter(|(at, _)| *at <= now)
                .map(|(_, address)| *address)
        };
        earliest(&self.first).or_else(|| earliest(&self.later).filter(|_| self.take_turn(now)))
    }

    fn queue(&mut self, due: Due) -> &mut BTreeSet<(Instant, IpAddr)> {
        if due.first {
            &mut self.first
        } else {
            &mut self.later
        }
    }

    fn take_turn(&mut self, now: Instant) -> bool {
        if self.free_from.is_some_and(|free| now < free) {
            return false;
        }
        let turn = Duration::from_secs(1) / self.pace.addresses_per_second.max(1);
        // A timer that fires late may catch up, but by no more than a tenth of a second's worth.
        let earliest = now.checked_sub(Duration::from_millis(100)).unwrap_or(now);
        self.free_from = Some(self.free_from.map_or(now, |free| free.max(earliest)) + turn);
        true
    }

    fn after_round(&mut self, address: IpAddr, due: Due, now: Instant, spread: f64) {
        let refresh = self.pace.refresh.mul_f64(0.75 + 0.5 * spread.clamp(0.0, 1.0));
        match due.rounds_left.checked_sub(1) {
            Some(left) => self.schedule(address, Due::later(now + BETWEEN_ROUNDS, left)),
            None if refresh.is_zero() => self.stop(address),
            None => self.schedule(address, Due::later(now + refresh, 0)),
        }
    }

    fn schedule(&mut self, address: IpAddr, due: Due) {
        self.stop(address);
        self.queue(due).insert((due.at, address));
        self.due.insert(address, due);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: u32) -> IpAddr {
        Ipv4Addr::from_bits(0xc000_0200 + last).into()
    }

    /// Runs the schedule for a while, asking when it says, and notes what was sent when.
    fn run(bursts: &mut Bursts, start: Instant, length: Duration) -> Vec<(Duration, IpAddr)> {
        let mut sent = Vec::new();
        while let Some(next) = bursts.next().filter(|next| *next - start <= length) {
            sent.extend(
                bursts
                    .due(next, 0.5)
                    .into_iter()
                    .map(|address| (next - start, address)),
            );
        }
        sent
    }

    fn no_refresh() -> Pace {
        Pace {
            refresh: Duration::ZERO,
            ..Pace::default()
        }
    }

    #[test]
    fn a_burst_is_one_round_at_once_and_five_more_a_second_apart() {
        let (mut bursts, start) = (Bursts::new(no_refresh()), Instant::now());
        bursts.start(address(1), start);
        let seconds: Vec<u64> = run(&mut bursts, start, Duration::from_secs(600))
            .iter()
            .map(|(at, _)| at.as_secs())
            .collect();
        assert_eq!(seconds, [0, 1, 2, 3, 4, 5]);
        assert_eq!(bursts.next(), None);
    }

    #[test]
    fn after_the_burst_comes_a_refresh_now_and_then() {
        let (mut bursts, start) = (Bursts::new(Pace::default()), Instant::now());
        bursts.start(address(1), start);
        let seconds: Vec<u64> = run(&mut bursts, start, Duration::from_secs(200))
            .iter()
            .map(|(at, _)| at.as_secs())
            .collect();
        assert_eq!(seconds[5..], [5, 65, 125, 185]);
    }

    #[test]
    fn an_address_that_is_stopped_is_not_announced_again() {
        let (mut bursts, start) = (Bursts::new(Pace::default()), Instant::now());
        bursts.start(address(1), start);
        bursts.due(start, 0.5);
        bursts.stop(address(1));
        assert_eq!(bursts.next(), None);
    }

    #[test]
    fn a_round_that_found_no_room_is_sent_again_and_the_rest_follows() {
        let (mut bursts, start) = (Bursts::new(no_refresh()), Instant::now());
        bursts.start(address(1), start);
        bursts.due(start, 0.5);
        bursts.again(address(1), start + Duration::from_millis(5));
        let milliseconds: Vec<u128> = run(&mut bursts, start, Duration::from_secs(600))
            .iter()
            .map(|(at, _)| at.as_millis())
            .collect();
        assert_eq!(milliseconds, [5, 1005, 2005, 3005, 4005, 5005]);
    }

    #[test]
    fn a_first_round_does_not_wait_behind_later_ones() {
        let (mut bursts, start) = (Bursts::new(no_refresh()), Instant::now());
        (0..1000).for_each(|last| bursts.start(address(last), start));
        run(&mut bursts, start, Duration::ZERO);
        // In the middle of the second round, which takes two seconds.
        let middle = start + Duration::from_secs(2);
        run(&mut bursts, start, Duration::from_secs(2));
        bursts.start(address(5000), middle);
        assert_eq!(bursts.next(), Some(middle));
        assert_eq!(bursts.due(middle, 0.5).first(), Some(&address(5000)));
    }

    #[test]
    fn a_burst_that_begins_anew_sends_at_once() {
        let (mut bursts, start) = (Bursts::new(no_refresh()), Instant::now());
        bursts.start(address(1), start);
        bursts.due(start, 0.5);
        let again = start + Duration::from_millis(10);
        bursts.start(address(1), again);
        assert_eq!(bursts.due(again, 0.5), [address(1)]);
    }

    #[test]
    fn the_first_round_of_a_thousand_addresses_goes_out_at_once_and_later_ones_at_the_pace() {
        let (mut bursts, start) = (Bursts::new(no_refresh()), Instant::now());
        (0..1000).for_each(|last| bursts.start(address(last), start));
        assert_eq!(run(&mut bursts, start, Duration::ZERO).len(), 1000);
        let sent = run(&mut bursts, start, Duration::from_secs(60));
        assert_eq!(sent.len(), 5000);
        let most_in_a_second = (0..40u64)
            .map(|second| sent.iter().filter(|(at, _)| at.as_secs() == second).count())
            .max();
        assert!(most_in_a_second <= Some(551), "{most_in_a_second:?}");
    }
}
