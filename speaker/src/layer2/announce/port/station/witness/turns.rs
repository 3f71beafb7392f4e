//! Which addresses have their turn to be asked for: a schedule, nothing else.
//!
//! Every node goes through all addresses of the segment at the same pace, and at the turn of each the one that is its
//! witness asks (W1). So the rate on the segment is that of the turns, however the witnesses are spread and whatever the
//! number of nodes, and nobody has to know who asks for what. The turns of a node are bounded; what has none now has
//! one later, in this order: the address by which a holder is judged, those that moved, those of a holder that is in
//! doubt, all others.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_segment::Moment;
use ferrolb_segment::message::NodeId;

use crate::layer2::announce::holders::Holders;

/// Turns a second in all (W3): with what their jitter adds, 50 questions.
pub(super) const TURNS: u32 = 46;
/// Each address has a turn in this time, if there are few.
const ROUND: Duration = Duration::from_secs(25);
/// Turns a second of that: 10,000 addresses take 278 s.
const SWEPT: f64 = 36.0;
/// The lowest address of a holder, of each family, has a turn in this time: one whose answers are all lost is found
/// within 12 s, with the seconds that the three questions take.
const HOLDER: Duration = Duration::from_secs(7);
/// Turns a second of those at most.
const HOLDERS: u32 = 10;
/// How long a node that claimed an address has before it is asked for: the one that gave it up may have answered until then.
const SETTLED: Duration = Duration::from_millis(500);
/// Nobody answers for an address of a holder in doubt, so each takes as many questions as there are (W4).
const IN_DOUBT: usize = 3;

/// A holder, and whether the address is one of IPv4.
type Side = (NodeId, bool);

/// The schedule of one interface.
#[derive(Debug, Default)]
pub(super) struct Turns {
    holders: Holders,
    followed: bool,
    /// The address by which each holder is judged, and when that has its turn.
    judged: BTreeMap<Side, (IpAddr, Moment)>,
    /// The addresses that moved, and from when on they have a turn.
    moved: BTreeMap<IpAddr, Moment>,
    /// Addresses of holders that are in doubt.
    hurried: BTreeSet<IpAddr>,
    /// The last address of the round.
    last: Option<IpAddr>,
    /// Turns that are due by the pace.
    credit: f64,
    at: Option<Moment>,
}

impl Turns {
    /// Takes in which node holds which address. Returns the addresses of which that changed.
    pub(super) fn follow(&mut self, holders: &Holders, now: Moment) -> Vec<IpAddr> {
        if self.holders == *holders {
            return Vec::new();
        }
        let changed = holders.changed(&self.holders);
        self.holders = holders.clone();
        // Of what was held before this node was there, nothing moved.
        if std::mem::replace(&mut self.followed, true) {
            let held = changed.iter().filter(|(_, holder)| holder.is_some());
            self.moved
                .extend(held.map(|(address, _)| (*address, now + SETTLED)));
        }
        self.choose(now);
        changed.into_iter().map(|(address, _)| address).collect()
    }

    /// Of each holder, the lowest address of each family: all nodes choose the same.
    fn choose(&mut self, now: Moment) {
        let mut lowest: BTreeMap<Side, IpAddr> = BTreeMap::new();
        for (address, node) in self.holders.iter() {
            let known = lowest.entry((node, address.is_ipv4())).or_insert(address);
            *known = address.min(*known);
        }
        let before = std::mem::take(&mut self.judged);
        let due = |side: &Side| before.get(side).map_or(now + SETTLED, |(_, due)| *due);
        self.judged = lowest
            .into_iter()
            .map(|(side, address)| (side, (address, due(&side))))
            .collect();
    }

    /// The other addresses of this holder have their turn sooner.
    pub(super) fn hurry(&mut self, holder: NodeId) {
        let its = self.holders.iter().filter(|(_, node)| *node == holder);
        self.hurried.extend(its.map(|(address, _)| address));
    }

    /// The addresses that have their turn now, at most `most`. To be called about once a second; `chance` (0 to 1) keeps
    /// nodes out of step.
    pub(super) fn take(&mut self, most: usize, now: Moment, chance: f64) -> Vec<IpAddr> {
        let passed = self.at.map_or(Duration::ZERO, |at| now.since(at));
        self.at = Some(now);
        let mut turns = Vec::new();
        self.take_judged(most, now, chance, &mut turns);
        self.take_moved(most, now, &mut turns);
        let hurried = self.take_hurried((most - turns.len()) / IN_DOUBT);
        let most = most - hurried.len() * (IN_DOUBT - 1);
        turns.extend(hurried);
        self.sweep(most, passed.min(Duration::from_secs(2)), chance, &mut turns);
        turns
    }

    fn take_judged(&mut self, most: usize, now: Moment, chance: f64, turns: &mut Vec<IpAddr>) {
        let period = HOLDER.max(Duration::from_secs(1) * self.judged.len() as u32 / HOLDERS);
        let due = self.judged.values_mut().filter(|(_, due)| *due <= now);
        for (address, due) in due.take(most.min(HOLDERS as usize + 1)) {
            *due = now + period.mul_f64(0.9 + 0.1 * chance);
            turns.push(*address);
        }
    }

    fn take_moved(&mut self, most: usize, now: Moment, turns: &mut Vec<IpAddr>) {
        let ready = self.moved.iter().filter(|(_, from)| **from <= now);
        let ready: Vec<IpAddr> = ready
            .map(|(address, _)| *address)
            .take(most - turns.len())
            .collect();
        for address in ready {
            self.moved.remove(&address);
            turns.push(address);
        }
    }

    fn take_hurried(&mut self, most: usize) -> Vec<IpAddr> {
        (0..most).map_while(|_| self.hurried.pop_first()).collect()
    }

    fn sweep(&mut self, most: usize, passed: Duration, chance: f64, turns: &mut Vec<IpAddr>) {
        let all = self.holders.len();
        let pace = (all as f64 / ROUND.as_secs_f64()).min(SWEPT);
        self.credit = (self.credit + pace * passed.as_secs_f64()).min(SWEPT * 2.0);
        // What is kept back comes with the next.
        let due = (self.credit - 0.2 * chance).max(0.0) as usize;
        for _ in 0..due.min(most - turns.len()).min(all) {
            self.credit -= 1.0;
            self.last = self.holders.after(self.last);
            turns.extend(self.last);
        }
    }
}

#[cfg(test)]
mod tests;
