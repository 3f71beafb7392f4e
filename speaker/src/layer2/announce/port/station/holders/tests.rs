use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::NodeName;
use ferrolb_segment::message::{Boot, Instance, Message};
use ferrolb_segment::{Conduct, Fitness, GroupView, Moment, Profile, Segment};

use super::*;

const NODES: [&str; 3] = ["n1", "n2", "n3"];
const STEP: Duration = Duration::from_millis(5);

fn id(name: &str) -> NodeId {
    NodeId::of(&NodeName::from(name))
}

/// Addresses of two buckets, so that few addresses fill more than one page.
fn addresses() -> impl Iterator<Item = IpAddr> {
    let all = (0x0a00_0000..).map(|number| IpAddr::from(Ipv4Addr::from_bits(number)));
    all.filter(|address| bucket_of(*address) < 2)
}

fn view(count: usize) -> SegmentView {
    let fit: BTreeMap<_, _> = NODES.map(|name| (id(name), Fitness::default())).into();
    let fit = Arc::new(fit);
    let group = |address| {
        let group = GroupView {
            first: address,
            addresses: [address].into(),
            fit: fit.clone(),
            near: Box::default(),
        };
        (address, Arc::new(group))
    };
    SegmentView {
        groups: addresses().take(count).map(group).collect(),
        nodes: Arc::new(NODES.map(|name| (id(name), name.into())).into()),
        electors: Arc::new(NODES.map(id).into()),
        ..SegmentView::default()
    }
}

/// Three nodes on a segment on which nothing is lost but to those that are cut off.
struct Simulation {
    view: SegmentView,
    nodes: Vec<(Segment, HolderIndex, u64)>,
    now: Moment,
    /// Pages of which there were more than one for a bucket.
    parts: usize,
}

impl Simulation {
    fn new(addresses: usize) -> Self {
        let conduct = Conduct {
            profile: Profile {
                interval: Duration::from_millis(20),
                ..Profile::NORMAL
            },
            ..Conduct::default()
        };
        let node = |(boot, name): (u64, &str)| {
            let me = Instance {
                node: id(name),
                boot: Boot(boot),
            };
            let core = Segment::new(me, conduct, boot, Moment::ORIGIN);
            (core, HolderIndex::default(), 0)
        };
        let mut simulation = Self {
            view: SegmentView::default(),
            nodes: (1..).zip(NODES).map(node).collect(),
            now: Moment::ORIGIN,
            parts: 0,
        };
        simulation.see(view(addresses));
        simulation
    }

    fn see(&mut self, view: SegmentView) {
        for (core, index, _) in &mut self.nodes {
            core.see(view.clone());
            index.follow(&view);
        }
        self.view = view;
    }

    /// Lets time pass; nobody hears `cut_off`, and it hears nobody. Each index is right all the time.
    fn run(&mut self, time: Duration, cut_off: Option<usize>) {
        let until = self.now + time;
        while self.now < until {
            self.now = self.now + STEP;
            (0..self.nodes.len()).for_each(|place| self.advance(place, cut_off));
            self.check();
        }
    }

    fn advance(&mut self, place: usize, cut_off: Option<usize>) {
        let (core, index, sequence) = &mut self.nodes[place];
        core.advance(self.now);
        let effects = core.effects();
        index.did(&effects);
        let from = core.instance();
        let sent = effects.into_iter().filter_map(|effect| match effect {
            Effect::Send(body) => Some(body),
            _ => None,
        });
        let messages: Vec<Message> = sent
            .map(|body| {
                *sequence += 1;
                Message {
                    from,
                    sequence: *sequence,
                    body,
                }
            })
            .collect();
        let is_part = |message: &&Message| matches!(&message.body, Body::Claims(page) if page.part.of > 1);
        self.parts += messages.iter().filter(is_part).count();
        for other in (0..self.nodes.len()).filter(|other| *other != place) {
            if [Some(place), Some(other)].contains(&cut_off) && cut_off.is_some() {
                continue;
            }
            let (core, index, _) = &mut self.nodes[other];
            for message in &messages {
                core.receive(message, self.now, self.now);
                index.heard(&message.body);
            }
        }
    }

    fn check(&mut self) {
        for (core, index, _) in &mut self.nodes {
            let all = self.view.groups.keys();
            let expected: Holders = all
                .filter_map(|address| Some((*address, core.holder(*address)?)))
                .collect();
            assert_eq!(index.renew(|address| core.holder(address)), expected);
        }
    }

    fn held(&self) -> Vec<usize> {
        self.nodes.iter().map(|(core, ..)| core.held().count()).collect()
    }
}

#[test]
fn what_is_known_is_what_a_look_at_everything_shows() {
    const WHILE: Duration = Duration::from_millis(400);
    let mut simulation = Simulation::new(500);
    simulation.run(WHILE, None);
    assert!(simulation.held().iter().all(|held| *held > 0), "all take part");
    simulation.run(WHILE, Some(1));
    let [first, _, third] = simulation.held()[..] else {
        panic!("three nodes")
    };
    assert_eq!(first + third, 500, "the others took over");
    simulation.run(WHILE, None);
    simulation.see(view(250));
    simulation.run(WHILE, None);
    assert_eq!(simulation.held().iter().sum::<usize>(), 250);
    simulation.nodes[2].0.leave();
    simulation.run(WHILE, None);
    assert_eq!(simulation.held()[2], 0);
    assert!(simulation.parts > 0, "claims took more than one page");
}

#[test]
fn a_report_shares_what_did_not_change() {
    let node = id("n1");
    let mut index = HolderIndex::default();
    index.follow(&view(100));
    let before = index.renew(|_| Some(node));
    let asked = std::cell::Cell::new(0);
    let again = index.renew(|_| {
        asked.set(asked.get() + 1);
        None
    });
    assert_eq!((again == before, asked.get()), (true, 0));
    index.follow(&view(101));
    let after = index.renew(|_| {
        asked.set(asked.get() + 1);
        Some(node)
    });
    let addresses = view(101).groups.into_keys();
    assert!(
        addresses
            .map(|address| after.of(address))
            .all(|holder| holder == Some(node))
    );
    assert!(asked.get() < 100, "one bucket was looked up");
}
