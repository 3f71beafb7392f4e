//! The network between the nodes: what is lost, late, doubled or cut.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use ferrolb_segment::Moment;
use ferrolb_segment::codec::{emit, kind_of, parse};
use ferrolb_segment::message::Message;

use super::World;

/// Header, envelope and seal around a message.
const AROUND: usize = 36;

/// A frame under way to one node.
#[derive(Debug)]
struct Transit {
    at: Moment,
    /// Frames that come at the same time come in the order they were sent.
    number: u64,
    from: usize,
    to: usize,
    message: Arc<Message>,
}

/// The network, and what is wrong with it.
#[derive(Default)]
pub(crate) struct Lan {
    transit: BinaryHeap<Reverse<Transit>>,
    number: u64,
    /// When the last frame from one node to another comes: a switch keeps their order.
    last: BTreeMap<(usize, usize), Moment>,
    /// Percent of the frames that are lost at each sender's port.
    pub(crate) loss_percent: u64,
    /// Percent of the frames that are lost at each receiver's port.
    pub(crate) receive_loss_percent: u64,
    /// Percent of the frames that are lost of this sender.
    pub(crate) lossy: BTreeMap<usize, u64>,
    /// Percent of the frames that come up to 50 ms later, and that others overtake.
    pub(crate) late_percent: u64,
    /// Percent of the frames that come twice.
    pub(crate) twice_percent: u64,
    /// Ordered pairs: the second does not hear the first.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    /// Each message is written and read again.
    pub(crate) encodes: bool,
    pub(crate) frames: u64,
    /// Only counted when messages are written.
    pub(crate) bytes: u64,
}

impl PartialEq for Transit {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Transit {}

impl PartialOrd for Transit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Transit {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl Lan {
    pub(super) fn next(&self) -> Option<Moment> {
        self.transit.peek().map(|Reverse(transit)| transit.at)
    }

    pub(super) fn arrive(&mut self) -> Option<(usize, usize, Arc<Message>)> {
        let Reverse(transit) = self.transit.pop()?;
        Some((transit.from, transit.to, transit.message))
    }

    /// Nothing is lost, late or doubled from now on, and everybody hears everybody.
    pub(crate) fn mend(&mut self) {
        self.cut.clear();
        self.loss_percent = 0;
        self.receive_loss_percent = 0;
        self.late_percent = 0;
        self.twice_percent = 0;
    }

    fn post(&mut self, at: Moment, from: usize, to: usize, message: &Arc<Message>) {
        self.number += 1;
        self.transit.push(Reverse(Transit {
            at,
            number: self.number,
            from,
            to,
            message: Arc::clone(message),
        }));
    }

    fn in_order(&mut self, at: Moment, from: usize, to: usize) -> Moment {
        let last = self.last.entry((from, to)).or_default();
        *last = at.max(*last);
        *last
    }

    /// What others read, if they can.
    fn encode(&mut self, message: Message) -> Message {
        self.frames += 1;
        if !self.encodes {
            return message;
        }
        let mut bytes = Vec::new();
        emit(&message, &mut bytes).expect("what is sent can be written");
        self.bytes += (bytes.len() + AROUND) as u64;
        parse(kind_of(&message.body), &bytes).expect("what is written can be read")
    }
}

impl World {
    pub(super) fn broadcast(&mut self, from: usize, message: Message) {
        let message = Arc::new(self.lan.encode(message));
        let lossy = self.lan.lossy.get(&from).copied().unwrap_or_default();
        if !self.nodes[from].plugged || self.happens(self.lan.loss_percent) || self.happens(lossy) {
            return;
        }
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            if !self.happens(self.lan.receive_loss_percent) {
                self.post(from, to, &message);
            }
        }
    }

    fn post(&mut self, from: usize, to: usize, message: &Arc<Message>) {
        let at = self.now + Duration::from_micros(20 + self.chance(400));
        if self.happens(self.lan.late_percent) {
            let late = at + Duration::from_micros(self.chance(50_000));
            self.lan.post(late, from, to, message);
            return;
        }
        let at = self.lan.in_order(at, from, to);
        self.lan.post(at, from, to, message);
        if self.happens(self.lan.twice_percent) {
            let again = at + Duration::from_micros(self.chance(5_000));
            self.lan.post(again, from, to, message);
        }
    }

    fn happens(&mut self, percent: u64) -> bool {
        percent > 0 && self.chance(100) < percent
    }
}
