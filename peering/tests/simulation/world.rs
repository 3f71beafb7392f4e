//! Nodes, routers, and what is between them.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_peering::bgp::{
    self, Asn, Attributes, Community, Endpoint, ExportTable, Interner, NextHops, PeerAsn, PeerSpec, Start,
    Stop, V6NextHop,
};
use ferrolb_peering::{Family, Liveness, Moment, Prefix, bfd};

use crate::router::{Deed, Router};
use crate::weather::Weather;

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// One way of each cable.
pub(crate) const LATENCY: Duration = ms(1);
/// The longest time after a change until the router has it: 5 ms to collect, and the cable.
pub(crate) const PROMPT: Duration = ms(7);
/// BFD's of the nodes and the routers.
pub(crate) const DETECTION: Duration = ms(900);

/// What is under way on a connection.
pub(crate) enum Item {
    Connect,
    Bytes(Vec<u8>),
    Close,
}

/// What a node runs for one router.
struct Speaker {
    bgp: bgp::Session,
    bfd: bfd::Session,
}

/// A node and a router: everything between them.
pub(crate) struct Pair {
    speaker: Option<Speaker>,
    pub(crate) router: Router,
    pub(crate) router_bfd: bfd::Session,
    /// Of the connection that counts; items of others are dropped.
    pub(crate) connection: u64,
    to_router: VecDeque<(Moment, u64, Item)>,
    pub(crate) to_node: VecDeque<(Moment, u64, Item)>,
    packets: VecDeque<(Moment, bool, bfd::Packet)>,
    pub(crate) reports: Vec<bgp::Report>,
    /// What the node is to tell the router.
    pub(crate) wanted: ExportTable,
    /// Nothing gets through.
    pub(crate) cut: bool,
    pub(crate) weather: Weather,
}

pub(crate) struct Node {
    /// The process runs, and is not held up.
    pub(crate) runs: bool,
    stuck: bool,
    start: Start,
}

pub(crate) struct World {
    pub(crate) now: Moment,
    pub(crate) nodes: Vec<Node>,
    /// By node and router.
    pub(crate) pairs: BTreeMap<(usize, usize), Pair>,
    /// Routers register BFD anew when BGP comes up, as FRR does.
    pub(crate) routers_are_frr: bool,
    interner: Interner,
    seed: u64,
}

pub(crate) fn spec(node: usize, router: usize) -> PeerSpec {
    let endpoint = Endpoint::new([192, 0, 2, 1 + router as u8].into());
    let mut spec = PeerSpec::new(
        Asn(64512),
        PeerAsn::Is(Asn(64500)),
        [10, 0, 0, 1 + node as u8].into(),
        endpoint,
    );
    spec.families = [Family::V4, Family::V6].into();
    spec
}

pub(crate) fn next_hops(node: usize) -> NextHops {
    NextHops {
        v4: Some([192, 0, 2, 11 + node as u8].into()),
        v6: Some(V6NextHop {
            address: format!("2001:db8::{}", 11 + node).parse().unwrap(),
            link_local: None,
        }),
    }
}

/// The prefix of a service: odd ones are of IPv6.
pub(crate) fn service(number: usize) -> Prefix {
    match number % 2 {
        0 => Prefix::host([198, 18, (number / 256) as u8, (number % 256) as u8].into()),
        _ => format!("2001:db8:1::{number:x}/128").parse().unwrap(),
    }
}

impl World {
    pub(crate) fn new(nodes: usize, routers: usize, seed: u64) -> Self {
        let now = Moment::ORIGIN + Duration::from_secs(10);
        let mut world = Self {
            now,
            nodes: Vec::new(),
            pairs: BTreeMap::new(),
            routers_are_frr: false,
            interner: Interner::default(),
            seed,
        };
        for node in 0..nodes {
            world.nodes.push(Node {
                runs: false,
                stuck: false,
                start: Start::Cold,
            });
            for router in 0..routers {
                let number = world.number();
                let pair = Pair {
                    speaker: None,
                    router: Router::new(Asn(64500), Duration::from_secs(90)),
                    router_bfd: bfd::Session::new(bfd::Profile::default(), number, world.seed, now),
                    connection: 0,
                    to_router: VecDeque::new(),
                    to_node: VecDeque::new(),
                    packets: VecDeque::new(),
                    reports: Vec::new(),
                    wanted: ExportTable::default(),
                    cut: false,
                    weather: Weather::default(),
                };
                world.pairs.insert((node, router), pair);
            }
        }
        world
    }

    /// All nodes run and announce these services each.
    pub(crate) fn running(nodes: usize, services: usize, seed: u64) -> Self {
        let mut world = Self::new(nodes, 2, seed);
        for node in 0..nodes {
            world.want(node, &(0..services).collect::<Vec<_>>(), None);
            world.boot(node);
        }
        world.pass(ms(5000));
        world
    }

    pub(crate) fn chance(&mut self, below: u64) -> u64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }

    pub(crate) fn number(&mut self) -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add(self.chance(u32::MAX.into()) as u32)
    }

    pub(crate) fn table(&mut self, services: &[usize], community: Option<Community>) -> ExportTable {
        let mut attributes = Attributes::default();
        attributes.communities.standard.extend(community);
        let attributes = self.interner.intern(attributes);
        let routes = services
            .iter()
            .map(|number| (service(*number), Arc::clone(&attributes)));
        Arc::new(routes.collect())
    }

    /// The node is to announce these, from now on.
    pub(crate) fn want(&mut self, node: usize, services: &[usize], community: Option<Community>) {
        let table = self.table(services, community);
        self.each(node, |world, router| {
            world.want_of(node, router, Arc::clone(&table));
        });
    }

    /// One router is to be told these by the node.
    pub(crate) fn want_of(&mut self, node: usize, router: usize, table: ExportTable) {
        self.pair(node, router).wanted = Arc::clone(&table);
        self.tell(node, router, bgp::Input::Wanted(table));
    }

    pub(crate) fn each(&mut self, node: usize, mut act: impl FnMut(&mut Self, usize)) {
        let routers: Vec<usize> = self
            .pairs
            .keys()
            .filter(|(of, _)| *of == node)
            .map(|(_, router)| *router)
            .collect();
        routers.into_iter().for_each(|router| act(self, router));
    }

    /// The process starts.
    pub(crate) fn boot(&mut self, node: usize) {
        self.nodes[node].runs = true;
        self.nodes[node].stuck = false;
        let start = self.nodes[node].start;
        self.each(node, |world, router| {
            let (seed, number) = (world.chance(u64::MAX), world.number());
            let speaker = Speaker {
                bgp: bgp::Session::new(spec(node, router), start, seed, world.now),
                bfd: bfd::Session::new(bfd::Profile::default(), number, seed, world.now),
            };
            world.pair(node, router).speaker = Some(speaker);
            let table = Arc::clone(&world.pairs[&(node, router)].wanted);
            world.tell(node, router, bgp::Input::Wanted(table));
            world.tell(node, router, bgp::Input::Start);
        });
    }

    /// The process is replaced: it stops as its shell would, and is not there until [`World::boot`].
    pub(crate) fn stop_for_restart(&mut self, node: usize) {
        self.each(node, |world, router| {
            world.tell(node, router, bgp::Input::Stop(Stop::Restart));
            world.pair(node, router).speaker = None;
        });
        self.nodes[node].runs = false;
        self.nodes[node].start = Start::Restarted;
    }

    /// The process is killed; its kernel closes the connections.
    pub(crate) fn crash(&mut self, node: usize) {
        let at = self.now + LATENCY;
        self.each(node, |world, router| {
            let pair = world.pair(node, router);
            pair.speaker = None;
            pair.to_router.push_back((at, pair.connection, Item::Close));
        });
        self.nodes[node].runs = false;
        self.nodes[node].start = Start::Restarted;
    }

    /// The power of the node fails.
    pub(crate) fn power_off(&mut self, node: usize) {
        self.each(node, |world, router| {
            let pair = world.pair(node, router);
            pair.speaker = None;
            pair.packets.clear();
        });
        self.nodes[node].runs = false;
        self.nodes[node].start = Start::Cold;
    }

    /// For good.
    pub(crate) fn leave(&mut self, node: usize) {
        self.each(node, |world, router| {
            let text = "node shutting down".to_owned();
            world.tell(node, router, bgp::Input::Stop(Stop::Final(text)));
        });
    }

    pub(crate) fn hold_up(&mut self, node: usize, stuck: bool) {
        self.nodes[node].stuck = stuck;
    }

    pub(crate) fn cut(&mut self, node: usize, cut: bool) {
        self.each(node, |world, router| world.pair(node, router).cut = cut);
    }

    pub(crate) fn pair(&mut self, node: usize, router: usize) -> &mut Pair {
        self.pairs.get_mut(&(node, router)).unwrap()
    }

    pub(crate) fn session(&self, node: usize, router: usize) -> Option<&bgp::Session> {
        self.pairs[&(node, router)]
            .speaker
            .as_ref()
            .map(|speaker| &speaker.bgp)
    }

    /// Hands something in at a node.
    pub(crate) fn tell(&mut self, node: usize, router: usize, input: bgp::Input<'_>) {
        let now = self.now;
        let pair = self.pair(node, router);
        let at = now + LATENCY + pair.weather.delay;
        let Some(speaker) = &mut pair.speaker else { return };
        for output in speaker.bgp.handle(input, now) {
            match output {
                bgp::Output::Dial => {
                    pair.connection += 1;
                    pair.to_router.push_back((at, pair.connection, Item::Connect));
                }
                bgp::Output::Close(close) => {
                    let items = [Item::Bytes(close.last), Item::Close];
                    let items = items.into_iter().map(|item| (at, pair.connection, item));
                    pair.to_router.extend(items);
                    pair.connection += 1;
                }
                bgp::Output::Send => {}
                bgp::Output::Report(report) => pair.reports.push(report),
            }
        }
        let written = speaker.bgp.outgoing().to_vec();
        if !written.is_empty() {
            let count = written.len();
            pair.to_router
                .push_back((at, pair.connection, Item::Bytes(written)));
            self.tell(node, router, bgp::Input::Sent(count));
        }
    }

    fn tell_bfd(&mut self, node: usize, router: usize, input: bfd::Input<'_>) {
        let now = self.now;
        let pair = self.pair(node, router);
        let Some(speaker) = &mut pair.speaker else { return };
        let mut said = Vec::new();
        for output in speaker.bfd.handle(input, now) {
            match output {
                bfd::Output::Send(packet) => pair.packets.push_back((now + LATENCY, true, packet)),
                bfd::Output::Report(report) => said.extend(Liveness::of(&report)),
            }
        }
        for liveness in said {
            self.tell(node, router, bgp::Input::Bfd(liveness));
        }
    }

    fn router_does(&mut self, node: usize, router: usize, deeds: Vec<Deed>) {
        let now = self.now;
        let pair = self.pair(node, router);
        let at = now + LATENCY + pair.weather.delay;
        for deed in deeds {
            let item = match deed {
                Deed::Send(bytes) => Item::Bytes(bytes),
                Deed::Close => Item::Close,
            };
            pair.to_node.push_back((at, pair.connection, item));
        }
    }

    fn tell_router_bfd(&mut self, node: usize, router: usize, input: bfd::Input<'_>) {
        let now = self.now;
        let pair = self.pair(node, router);
        let mut deeds = Vec::new();
        for output in pair.router_bfd.handle(input, now) {
            match output {
                bfd::Output::Send(packet) => pair.packets.push_back((now + LATENCY, false, packet)),
                bfd::Output::Report(report) => match Liveness::of(&report) {
                    None | Some(Liveness::Up) => {}
                    Some(_) => deeds.extend(pair.router.bfd_down()),
                },
            }
        }
        self.router_does(node, router, deeds);
    }

    /// When something happens next between these two.
    fn next(&self, node: usize, router: usize) -> Option<Moment> {
        let pair = &self.pairs[&(node, router)];
        let speaker = pair.speaker.as_ref().filter(|_| !self.nodes[node].stuck);
        let own = speaker
            .into_iter()
            .flat_map(|speaker| [speaker.bgp.next(self.now), speaker.bfd.next(self.now)]);
        let at = |queue: &VecDeque<(Moment, u64, Item)>| queue.front().map(|(at, ..)| *at);
        let to_node = at(&pair.to_node).filter(|_| !self.nodes[node].stuck);
        let connected = [at(&pair.to_router), to_node].into_iter().filter(|_| !pair.cut);
        let packets = pair.packets.front().map(|(at, ..)| *at);
        let theirs = [pair.router.next(), pair.router_bfd.next(self.now), packets];
        own.chain(connected).chain(theirs).flatten().min()
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.watch(time, |_| {});
    }

    /// Lets time pass, and looks after each event.
    pub(crate) fn watch(&mut self, time: Duration, mut look: impl FnMut(&mut Self)) {
        let end = self.now + time;
        let keys: Vec<(usize, usize)> = self.pairs.keys().copied().collect();
        loop {
            let due = keys
                .iter()
                .filter_map(|&(node, router)| Some((self.next(node, router)?, node, router)));
            let Some((at, node, router)) = due.min().filter(|(at, ..)| *at <= end) else {
                break;
            };
            self.now = self.now.max(at);
            self.happen(node, router);
            look(self);
        }
        self.now = end;
    }

    /// Everything that is due between these two: what waits is read before a timer is judged.
    fn happen(&mut self, node: usize, router: usize) {
        let now = self.now;
        let stuck = self.nodes[node].stuck;
        let due = |at: Moment| at <= now;
        while let Some((_, to_router, packet)) =
            self.pair(node, router).packets.pop_front_if(|(at, ..)| due(*at))
        {
            let input = bfd::Input::Packet {
                packet: &packet,
                ttl: 255,
            };
            match (self.is_lost(node, router, to_router), to_router) {
                (true, _) => {}
                (false, true) => self.tell_router_bfd(node, router, input),
                // What waits at a process that is held up is found there later, but for what its kernel drops.
                (false, false) if stuck => {}
                (false, false) => self.tell_bfd(node, router, input),
            }
        }
        if !self.pair(node, router).cut {
            while let Some((_, connection, item)) = self
                .pair(node, router)
                .to_router
                .pop_front_if(|(at, ..)| due(*at))
            {
                self.arrive_at_router(node, router, connection, item);
            }
            while !stuck
                && let Some((_, connection, item)) =
                    self.pair(node, router).to_node.pop_front_if(|(at, ..)| due(*at))
            {
                self.arrive_at_node(node, router, connection, item);
            }
        }
        if self.pair(node, router).router.next().is_some_and(due) {
            let deeds = self.pair(node, router).router.tick(now);
            self.router_does(node, router, deeds);
        }
        if self.pair(node, router).router_bfd.next(now).is_some_and(due) {
            self.tell_router_bfd(node, router, bfd::Input::Tick);
        }
        let Some(speaker) = self.pair(node, router).speaker.as_ref().filter(|_| !stuck) else {
            return;
        };
        let [bgp, bfd] = [speaker.bgp.next(now), speaker.bfd.next(now)].map(|next| next.is_some_and(due));
        if bfd {
            self.tell_bfd(node, router, bfd::Input::Tick);
        }
        if bgp {
            self.tell(node, router, bgp::Input::Tick);
        }
    }

    fn arrive_at_router(&mut self, node: usize, router: usize, connection: u64, item: Item) {
        let now = self.now;
        let is_frr = self.routers_are_frr;
        let pair = self.pair(node, router);
        if connection <= pair.weather.forgotten {
            return;
        }
        let before = pair.router.is_established;
        let deeds = match item {
            Item::Connect if connection == pair.connection => pair.router.accept(now),
            Item::Connect => return,
            Item::Bytes(bytes) => pair.router.hear(&bytes, now),
            Item::Close => {
                if pair.router.open.is_some() {
                    pair.router.closed(now);
                }
                return;
            }
        };
        let is_new = matches!(deeds.first(), Some(Deed::Send(_))) && pair.router.open.is_none();
        let comes_up = !before && pair.router.is_established;
        if is_new {
            // The answer to the SYN is before what is sent.
            let at = now + LATENCY + pair.weather.delay;
            pair.to_node.push_back((at, connection, Item::Connect));
        }
        self.router_does(node, router, deeds);
        if comes_up && is_frr {
            let (number, seed) = (self.number(), self.chance(u64::MAX));
            self.pair(node, router).router_bfd =
                bfd::Session::new(bfd::Profile::default(), number, seed, now);
        }
    }

    fn arrive_at_node(&mut self, node: usize, router: usize, connection: u64, item: Item) {
        if connection != self.pair(node, router).connection {
            return;
        }
        match item {
            Item::Connect => self.tell(node, router, bgp::Input::TcpUp(next_hops(node))),
            Item::Bytes(bytes) => self.tell(node, router, bgp::Input::Bytes(&bytes)),
            Item::Close => self.tell(node, router, bgp::Input::TcpFailed("closed by the peer")),
        }
    }

    /// Something in the names of the prefixes that a router has from a node, but should not, or the other way round.
    pub(crate) fn differences(&self) -> Vec<(usize, usize, usize, usize)> {
        let pairs = self.pairs.iter().filter_map(|(&(node, router), pair)| {
            let known = &pair.router.routes;
            let wanted = match self.nodes[node].runs {
                true => Arc::clone(&pair.wanted),
                false => ExportTable::default(),
            };
            let right = known.keys().eq(wanted.keys());
            (!right).then_some((node, router, known.len(), wanted.len()))
        });
        pairs.collect()
    }

    pub(crate) fn sum(&self, of: impl Fn(&Router) -> usize) -> usize {
        self.pairs.values().map(|pair| of(&pair.router)).sum()
    }
}
