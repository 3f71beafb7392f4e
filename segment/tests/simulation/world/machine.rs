//! Machines that stand still with their clocks, as virtual ones do, and frames that are replayed.

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
}
