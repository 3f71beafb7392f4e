//! Telling everybody unasked where addresses are.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::{PortTask, random};
use crate::burst::AT_ONCE;
use crate::respond::gratuitous;

/// How long a full transmit queue is given before the round goes on.
const ROOM: Duration = Duration::from_millis(5);

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

    /// The first frame of each address first.
    pub(super) fn burst(&mut self) {
        let now = Instant::now();
        let due = self.bursts.due(now, chance());
        if due.is_empty() {
            return self.tell_the_rest();
        }
        let told = due
            .iter()
            .take_while(|address| self.tell_everybody(**address, 0))
            .count();
        self.half_told.extend(&due[..told]);
        due[told..]
            .iter()
            .for_each(|address| self.bursts.again(*address, now + ROOM));
    }

    fn tell_the_rest(&mut self) {
        let some = self.half_told.len().min(AT_ONCE);
        let addresses: Vec<IpAddr> = self.half_told.drain(..some).collect();
        for address in addresses.iter().filter(|one| self.counters.contains_key(one)) {
            // A frame that finds no room is as good as lost on the wire: more rounds follow.
            let _room = self.tell_everybody(*address, 1);
        }
    }

    /// Sends this one of the frames of an address, if there are so many. Whether there was room in the transmit queue. Any
    /// other failure ends the same as a frame lost on the wire: more rounds follow.
    fn tell_everybody(&self, address: IpAddr, which: usize) -> bool {
        let mut frame = gratuitous(address, &self.port).skip(which).take(1);
        frame.all(|frame| match self.socket.try_send(frame.bytes()) {
            Ok(()) => {
                self.counters
                    .get(&address)
                    .inspect(|counters| counters.gratuitous.inc());
                true
            }
            Err(error) => !error.is_queue_full(),
        })
    }
}

/// Chance from 0 to 1: each `RandomState` has other keys.
fn chance() -> f64 {
    (random() >> 11) as f64 / (1u64 << 53) as f64
}
