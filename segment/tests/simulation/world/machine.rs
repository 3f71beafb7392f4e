//! Machines that stand still with their clocks, as virtual ones do, and frames that are replayed.

use std::time::Duration;

use ferrolb_segment::Moment;
use ferrolb_segment::message::Message;

use super::{Node, World};

impl Node {
    /// What its clock shows when it is `now` elsewhere.
    pub(super) fn clock(&self, now: Moment) -> Moment {
        Moment::ORIGIN + now.since(Moment::ORIGIN + self.lag)
    }

    pub(super) fn is_frozen(&self, now: Moment) -> bool {
        self.frozen_until.is_some_and(|until| until > now)
    }

    /// Whether the frame is newer than the last one of the same boot; from now on it is that one.
    pub(super) fn counts(&mut self, message: &Message) -> bool {
        let last = self.last.entry(message.from.boot).or_default();
        let newer = message.sequence > *last;
        *last = message.sequence.max(*last);
        newer
    }
}

impl World {
    /// What the clock of the node shows.
    pub(crate) fn clock(&self, node: usize) -> Moment {
        self.nodes[node].clock(self.now)
    }

    /// The clock of the node is behind by so much; to be set before it starts.
    pub(crate) fn set_behind(&mut self, node: usize, time: Duration) {
        self.nodes[node].lag = time;
    }

    /// The clock of the node jumps ahead; it must have been behind by as much.
    pub(crate) fn leap(&mut self, node: usize, time: Duration) {
        self.nodes[node].lag -= time;
    }

    /// The machine stands still, and its clock too.
    pub(crate) fn freeze(&mut self, node: usize, time: Duration, keeps_frames: bool) {
        let until = self.now + time;
        let one = &mut self.nodes[node];
        one.frozen_until = Some(until);
        one.keeps_frames = keeps_frames;
        one.lag += time;
        one.paused_until = Some(until);
        // What was due later is due later by as much.
        let due = one.wake.max(self.now) + time;
        self.wake(node, due);
    }

    /// Somebody without a key says again what was recorded; whether the frame counts.
    pub(crate) fn replay(&mut self, to: usize, message: &Message) -> bool {
        let now = self.clock(to);
        let node = &mut self.nodes[to];
        let counts = node.counts(message);
        if let Some(segment) = node.segment.as_mut().filter(|_| counts) {
            segment.receive(message, now, now);
        }
        self.wake(to, self.now);
        counts
    }
}
