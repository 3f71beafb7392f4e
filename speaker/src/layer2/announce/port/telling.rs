//! Telling everybody unasked where addresses are.

use std::net::IpAddr;
use std::time::Duration;

use ferrolb_runtime::random;
use tokio::time::Instant;

use super::PortTask;
use crate::layer2::burst::AT_ONCE;
use crate::layer2::respond::gratuitous;

/// How long a full transmit queue is given before the round goes on.
const ROOM: Duration = Duration::from_millis(5);

/// What became of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sent {
    Yes,
    No,
    /// The transmit queue is full.
    NoRoom,
}

impl PortTask {
    /// When to tell somebody of something.
    pub(super) fn next_burst(&self) -> Option<Instant> {
        match self.half_told.is_empty() {
            true => self.bursts.next(),
            false => Some(Instant::now()),
        }
    }

    pub(super) fn is_burst_due(&self) -> bool {
        self.next_burst().is_some_and(|next| next <= Instant::now())
    }

    /// The first frame of each address first, and nothing is counted before. Returns the addresses whose first frame
    /// went out.
    pub(super) fn burst(&mut self) -> Vec<IpAddr> {
        let now = Instant::now();
        let mut due = self.bursts.due(now, chance());
        if due.is_empty() {
            self.tell_the_rest();
        }
        for place in 0..due.len() {
            let sent = self.send_frame(due[place], 0);
            if sent == Sent::NoRoom {
                let rest = due.split_off(place);
                rest.into_iter()
                    .for_each(|address| self.bursts.again(address, now + ROOM));
                break;
            }
            self.half_told.push_back((due[place], sent));
        }
        due
    }

    fn tell_the_rest(&mut self) {
        let some = self.half_told.len().min(AT_ONCE);
        let half_told: Vec<(IpAddr, Sent)> = self.half_told.drain(..some).collect();
        for (address, first) in half_told {
            if !self.held.contains(&address) {
                continue;
            }
            // A frame that finds no room is as good as lost on the wire: more rounds follow.
            let both = [first, self.send_frame(address, 1)];
            let sent = both.iter().filter(|one| **one == Sent::Yes);
            let sent = sent.map(|_| 1).sum();
            self.counters(address)
                .inspect(|counters| counters.gratuitous.inc_by(sent));
        }
    }

    /// Sends this one of the frames of an address, if there are so many. A failure ends the same as a frame lost on the
    /// wire, unless there is no room: more rounds follow.
    fn send_frame(&self, address: IpAddr, which: usize) -> Sent {
        let Some(frame) = gratuitous(address, &self.port).nth(which) else {
            return Sent::No;
        };
        match self.send(frame.bytes()) {
            Ok(()) => Sent::Yes,
            Err(error) if error.is_queue_full() => Sent::NoRoom,
            Err(_) => Sent::No,
        }
    }
}

/// Chance from 0 to 1: each `RandomState` has other keys.
pub(super) fn chance() -> f64 {
    (random::bits() >> 11) as f64 / (1u64 << 53) as f64
}
