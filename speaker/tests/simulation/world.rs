//! A LAN of speakers without threads, sockets or clocks: what ships decides, chance and time are this world's.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::NodeName;
use ferrolb_speaker::segment::message::{Boot, Instance, Message, NodeId};
use ferrolb_speaker::segment::{Conduct, Effect, Event, Fitness, Moment, Place, Segment, SegmentView};

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
    pub(crate) name: NodeName,
    pub(crate) id: NodeId,
    /// None while it has no power.
    segment: Option<Segment>,
    sequence: u64,
    /// Frames that wait on the socket.
    waiting: Vec<(Moment, Message)>,
    paused_until: Option<Moment>,
    wake: Moment,
    /// The switch port.
    pub(crate) plugged: bool,
    pub(crate) view: SegmentView,
}

/// A frame under way.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Transit {
    at: Moment,
    number: u64,
    to: usize,
    from: usize,
}

pub(crate) struct World {
    pub(crate) now: Moment,
    pub(crate) nodes: Vec<Node>,
    conduct: Conduct,
    random: u64,
    frames: BTreeMap<u64, Message>,
    transit: BinaryHeap<Reverse<Transit>>,
    sent: u64,
    /// Of a hundred frames at each sender's port.
    pub(crate) loss_percent: u64,
    /// Pairs that do not hear each other.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    /// What a neighbour remembers: who announced an address last.
    pub(crate) cache: BTreeMap<IpAddr, usize>,
    /// Everything that happened.
    pub(crate) events: Vec<(Moment, usize, Event)>,
    /// There are other stations on the segment, which answer questions.
    pub(crate) neighbours: bool,
}

impl World {
    /// Nodes n1, n2, …, all of which may hold the addresses 1 to `addresses`; none has power.
    pub(crate) fn new(nodes: usize, addresses: u32, seed: u64) -> Self {
        let names: Vec<NodeName> = (1..=nodes)
            .map(|n| NodeName::from(format!("n{n}").as_str()))
            .collect();
        let view = SegmentView {
            places: (1..=addresses)
                .map(|last| (address(last), place(&names, address(last))))
                .collect(),
            nodes: Arc::new(
                names
                    .iter()
                    .map(|name| (NodeId::of(name), name.clone()))
                    .collect(),
            ),
            draining: false,
        };
        let node = |name: NodeName| Node {
            id: NodeId::of(&name),
            name,
            segment: None,
            sequence: 0,
            waiting: Vec::new(),
            paused_until: None,
            wake: Moment::ORIGIN,
            plugged: true,
            view: view.clone(),
        };
        Self {
            now: Moment::ORIGIN + Duration::from_secs(1000),
            nodes: names.into_iter().map(node).collect(),
            conduct: Conduct {
                hold_down: Duration::ZERO,
                ..Conduct::default()
            },
            random: seed,
            frames: BTreeMap::new(),
            transit: BinaryHeap::new(),
            sent: 0,
            loss_percent: 0,
            cut: BTreeSet::new(),
            cache: BTreeMap::new(),
            events: Vec::new(),
            neighbours: true,
        }
    }

    /// As [`World::new`] with power on every node, until all addresses have a holder.
    pub(crate) fn running(nodes: usize, addresses: u32, seed: u64) -> Self {
        let mut world = Self::new(nodes, addresses, seed);
        (0..nodes).for_each(|node| world.start(node));
        world.run(ms(3000));
        world
    }

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
        let (boot, seed) = (self.chance(u64::MAX), self.chance(u64::MAX));
        let me = Instance {
            node: self.nodes[node].id,
            boot: Boot(boot),
        };
        let mut segment = Segment::new(me, self.conduct, seed, self.now);
        segment.see(self.nodes[node].view.clone());
        let one = &mut self.nodes[node];
        one.segment = Some(segment);
        one.sequence = 0;
        one.waiting.clear();
        one.paused_until = None;
        one.wake = self.now;
    }

    /// The process on the node is gone, without a word.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].segment = None;
    }

    /// The process on the node does nothing for so long; frames wait on its socket.
    pub(crate) fn pause(&mut self, node: usize, time: Duration) {
        self.nodes[node].paused_until = Some(self.now + time);
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
                self.cut.insert((*a, *b));
                self.cut.insert((*b, *a));
            }
        }
    }

    /// The node sees the cluster so from now on.
    pub(crate) fn see(&mut self, node: usize, change: impl FnOnce(&mut SegmentView)) {
        let one = &mut self.nodes[node];
        change(&mut one.view);
        if let Some(segment) = &mut one.segment {
            segment.see(one.view.clone());
            one.wake = self.now;
        }
    }

    pub(crate) fn on_segment<T>(&mut self, node: usize, act: impl FnOnce(&mut Segment) -> T) -> T {
        let now = self.now;
        let one = &mut self.nodes[node];
        one.wake = now;
        act(one.segment.as_mut().expect("the node has power"))
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
        let frame = self.transit.peek().map(|Reverse(transit)| transit.at);
        let wake = (0..self.nodes.len())
            .filter_map(|node| Some((self.wake_of(node)?, node)))
            .min();
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

    fn wake_of(&self, node: usize) -> Option<Moment> {
        let one = &self.nodes[node];
        one.segment.as_ref()?;
        Some(one.paused_until.map_or(one.wake, |until| until.max(one.wake)))
    }

    fn arrive(&mut self) {
        let Some(Reverse(transit)) = self.transit.pop() else {
            return;
        };
        let message = self.frames[&transit.number].clone();
        if !self.nodes[transit.to].plugged || self.cut.contains(&(transit.from, transit.to)) {
            return;
        }
        let now = self.now;
        let node = &mut self.nodes[transit.to];
        if node.segment.is_none() {
            return;
        }
        node.waiting.push((now, message));
        if node.paused_until.is_none_or(|until| until <= now) {
            self.act(transit.to);
        }
    }

    /// The process reads what waits, then judges, then acts: as the shell does.
    fn act(&mut self, node: usize) {
        let now = self.now;
        let one = &mut self.nodes[node];
        one.paused_until = None;
        let Some(segment) = &mut one.segment else { return };
        for (at, message) in one.waiting.drain(..) {
            segment.receive(&message, at, now);
        }
        segment.advance(now);
        one.wake = segment.next(now);
        let effects = segment.effects();
        for effect in effects {
            self.follow(node, effect);
        }
    }

    fn follow(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Send(body) => {
                let one = &mut self.nodes[node];
                one.sequence += 1;
                let from = one.segment.as_ref().expect("it acts").instance();
                let message = Message {
                    from,
                    sequence: one.sequence,
                    body,
                };
                self.broadcast(node, message);
            }
            Effect::Announce(address) => {
                let may = self.nodes[node]
                    .segment
                    .as_ref()
                    .is_some_and(|segment| segment.may_tell(self.now));
                if self.nodes[node].plugged && may {
                    self.cache.insert(address, node);
                }
            }
            Effect::AskNeighbours => {
                if self.neighbours && self.nodes[node].plugged {
                    let now = self.now;
                    self.on_segment(node, |segment| segment.witnessed(now));
                }
            }
            Effect::Tell(event) => self.events.push((self.now, node, event)),
            Effect::Hold(_) | Effect::Release(_) => {}
        }
    }

    fn broadcast(&mut self, from: usize, message: Message) {
        if !self.nodes[from].plugged || self.chance(100) < self.loss_percent {
            return;
        }
        self.sent += 1;
        self.frames.insert(self.sent, message);
        self.frames.remove(&(self.sent.saturating_sub(10_000)));
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let delay = Duration::from_micros(20 + self.chance(400));
            let transit = Transit {
                at: self.now + delay,
                number: self.sent,
                to,
                from,
            };
            self.transit.push(Reverse(transit));
        }
    }

    /// The nodes that would answer a question for the address now.
    pub(crate) fn answering(&self, address: IpAddr) -> Vec<usize> {
        let answers = |node: &usize| {
            let one = &self.nodes[*node];
            let awake = one.paused_until.is_none_or(|until| until <= self.now);
            let holds = |segment: &Segment| {
                segment.may_answer(self.now) && segment.held().any(|held| held == address)
            };
            one.plugged && awake && one.segment.as_ref().is_some_and(holds)
        };
        (0..self.nodes.len()).filter(answers).collect()
    }

    /// The nodes whose process says that it holds the address.
    pub(crate) fn holding(&self, address: IpAddr) -> Vec<usize> {
        let holds = |node: &usize| self.held(*node).contains(&address);
        (0..self.nodes.len()).filter(holds).collect()
    }

    pub(crate) fn held(&self, node: usize) -> BTreeSet<IpAddr> {
        self.nodes[node].segment.iter().flat_map(Segment::held).collect()
    }

    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        self.nodes[0].view.places.keys().copied().collect()
    }

    /// Each address has one holder.
    pub(crate) fn is_settled(&self) -> bool {
        self.addresses()
            .iter()
            .all(|address| self.holding(*address).len() == 1)
    }

    /// A client that remembers who announced last reaches the address.
    pub(crate) fn is_reachable(&self, address: IpAddr) -> bool {
        self.cache.get(&address).is_some_and(|node| {
            let one = &self.nodes[*node];
            one.plugged && one.segment.is_some() && self.held(*node).contains(&address)
        })
    }

    /// Who holds what.
    pub(crate) fn table(&self) -> BTreeMap<IpAddr, Vec<usize>> {
        self.addresses()
            .into_iter()
            .map(|address| (address, self.holding(address)))
            .collect()
    }
}

/// All nodes suit alike; the hash decides.
fn place(names: &[NodeName], address: IpAddr) -> Place {
    let fit = |name: &NodeName| (NodeId::of(name), Fitness::default());
    Place {
        first: address,
        group: Arc::new(BTreeSet::from([address])),
        fit: Arc::new(names.iter().map(fit).collect()),
    }
}
