//! A LAN of speakers without threads, sockets or clocks: what ships decides, chance and time are this world's.

mod lan;
mod look;
mod machine;
mod process;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use ferrolb_segment::mac::Mac;
use ferrolb_segment::message::{Boot, Finding, Instance, Message, NodeId, Standing};
use ferrolb_segment::{Conduct, Effect, Event, Moment, Segment, SegmentView};

pub(crate) use lan::Lan;
pub(crate) use look::Doubles;
pub(crate) use stage::regroup;

/// Milliseconds.
pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// 198.51.100.n.
pub(crate) fn address(last: u32) -> IpAddr {
    Ipv4Addr::from_bits(0xc633_6400 + last).into()
}

/// One node and its speaker.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    /// None while it has no power.
    segment: Option<Segment>,
    sequence: u64,
    /// Frames that wait on the socket.
    waiting: Vec<(Moment, Arc<Message>)>,
    /// When nothing waited the last time.
    emptied: Moment,
    /// For so long the process stops once it decided something, and before it does it.
    stops_amid: Option<Duration>,
    /// What it is still to do.
    undone: Vec<Effect>,
    /// The last sequence of each boot: as in production, what is older does not count.
    last: BTreeMap<Boot, u64>,
    paused_until: Option<Moment>,
    wake: Moment,
    /// The switch port.
    pub(crate) plugged: bool,
    pub(crate) view: SegmentView,
    /// What it said of itself last.
    standing: Standing,
    /// What it was told to answer for.
    answers: BTreeSet<IpAddr>,
    /// How far its clock is behind.
    lag: Duration,
    /// The machine stands still until then.
    frozen_until: Option<Moment>,
    /// Frames that come while it stands still wait on its socket.
    keeps_frames: bool,
}

pub(crate) struct World {
    pub(crate) now: Moment,
    pub(crate) nodes: Vec<Node>,
    conduct: Conduct,
    random: u64,
    pub(crate) lan: Lan,
    /// When each node acts, if no frame comes before.
    agenda: BTreeSet<(Moment, usize)>,
    /// How long a frame waits before its process gets to it.
    pub(crate) wakeup: Duration,
    /// What a neighbour remembers: the node that announced an address last.
    pub(crate) cache: BTreeMap<IpAddr, usize>,
    /// Everything that happened.
    pub(crate) events: Vec<(Moment, usize, Event)>,
    /// What nodes learned of what others found on the wire.
    pub(crate) found: Vec<(usize, NodeId, Vec<Finding>)>,
    /// How often a node began to hold what does not suit it.
    pub(crate) unfit: usize,
    /// There are other stations on the segment, which answer questions.
    pub(crate) neighbours: bool,
    /// Stations that are no nodes', by the address that they have.
    pub(crate) strangers: BTreeMap<IpAddr, Mac>,
    /// So many of their answers are lost.
    pub(crate) lost_answers_percent: u64,
    /// Which node asked for which address before its first use, and when.
    pub(crate) probes: Vec<(Moment, usize, IpAddr)>,
    /// The node whose frames are recorded.
    pub(crate) records: Option<usize>,
    pub(crate) recorded: Vec<Message>,
}

impl World {
    pub(crate) fn with_conduct(mut self, conduct: Conduct) -> Self {
        self.conduct = conduct;
        self
    }

    pub(crate) fn chance(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13 | 1;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    /// A new process on the node.
    pub(crate) fn start(&mut self, node: usize) {
        let boot = self.chance(u64::MAX - 1) + 1;
        self.start_as(node, boot);
    }

    /// As [`World::start`], with this number.
    pub(crate) fn start_as(&mut self, node: usize, boot: u64) {
        let seed = self.chance(u64::MAX);
        let me = Instance {
            node: self.nodes[node].id,
            boot: Boot(boot),
        };
        let clock = self.clock(node);
        let mut segment = Segment::new(me, self.conduct, seed, clock);
        segment.see(self.nodes[node].view.clone());
        let one = &mut self.nodes[node];
        segment.carry(one.plugged);
        one.segment = Some(segment);
        one.sequence = 0;
        one.waiting.clear();
        one.last.clear();
        one.answers.clear();
        one.paused_until = None;
        one.emptied = clock;
        one.stops_amid = None;
        one.undone.clear();
        self.wake(node, self.now);
    }

    /// The process on the node is gone, without a word.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].segment = None;
        self.nodes[node].answers.clear();
    }

    pub(crate) fn is_running(&self, node: usize) -> bool {
        self.nodes[node].segment.is_some()
    }

    /// The process on the node does nothing for so long; frames wait on its socket.
    pub(crate) fn pause(&mut self, node: usize, time: Duration) {
        let until = self.now + time;
        self.nodes[node].paused_until = Some(until);
        self.wake(node, until);
    }

    /// As [`World::pause`], the next time that the process decided something.
    pub(crate) fn pause_amid(&mut self, node: usize, time: Duration) {
        self.nodes[node].stops_amid = Some(time);
    }

    pub(crate) fn plug(&mut self, node: usize, plugged: bool) {
        self.nodes[node].plugged = plugged;
        if let Some(segment) = &mut self.nodes[node].segment {
            segment.carry(plugged);
        }
    }

    /// None of `one` hears any of `other`, and the other way round.
    pub(crate) fn part(&mut self, one: &[usize], other: &[usize]) {
        for a in one {
            for b in other {
                self.lan.cut.insert((*a, *b));
                self.lan.cut.insert((*b, *a));
            }
        }
    }

    /// The node sees the cluster so from now on.
    pub(crate) fn see(&mut self, node: usize, change: impl FnOnce(&mut SegmentView)) {
        let one = &mut self.nodes[node];
        change(&mut one.view);
        if let Some(segment) = &mut one.segment {
            segment.see(one.view.clone());
            self.wake(node, self.now);
        }
    }

    pub(crate) fn on_segment<T>(&mut self, node: usize, act: impl FnOnce(&mut Segment) -> T) -> T {
        self.wake(node, self.now);
        act(self.nodes[node].segment.as_mut().expect("the node has power"))
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass and looks after each thing that happens, until `time` is over.
    pub(crate) fn watch(&mut self, time: Duration, mut look: impl FnMut(&Self)) {
        let end = self.now + time;
        while self.step(end) {
            look(self);
        }
        self.now = end;
    }

    /// How long until this holds; panics if it does not within `limit`.
    pub(crate) fn until(&mut self, limit: Duration, holds: impl Fn(&Self) -> bool) -> Duration {
        let began = self.now;
        while !holds(self) {
            assert!(self.step(began + limit), "not within {limit:?}");
        }
        self.now.since(began)
    }

    /// The next thing that happens up to then; whether there was one.
    fn step(&mut self, end: Moment) -> bool {
        let frame = self.lan.next();
        let wake = self.agenda.first().copied();
        let next = frame.into_iter().chain(wake.map(|(at, _)| at)).min();
        let Some(at) = next.filter(|at| *at <= end) else {
            return false;
        };
        self.now = self.now.max(at);
        match wake.filter(|(wake, _)| frame.is_none_or(|frame| *wake < frame)) {
            Some((_, node)) => self.act(node),
            None => self.arrive(),
        }
        true
    }

    /// The node acts then, or when its pause is over.
    fn wake(&mut self, node: usize, at: Moment) {
        let one = &mut self.nodes[node];
        let due = one.paused_until.map_or(at, |until| until.max(at));
        self.agenda.remove(&(one.wake, node));
        one.wake = due;
        self.agenda.insert((due, node));
    }
}
