//! What the core takes of a processor, without sockets and seals: at rest beside many peers, and when thousands of
//! addresses are claimed at once. `cargo bench -p ferrolb-segment --bench peers`; it prints a table and asserts nothing.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrolb_crds::domain::NodeName;
use ferrolb_segment::message::{Body, Boot, HeardPage, Instance, Message, NodeId, Part, Tag};
use ferrolb_segment::{Conduct, Effect, Fitness, GroupView, Moment, PartitionPolicy, Segment, SegmentView};

const INTERVAL: Duration = Duration::from_millis(100);
/// Tags that fit into one frame.
const PAGE: usize = 347;

fn main() {
    for policy in [PartitionPolicy::Availability, PartitionPolicy::SingleOwner] {
        for peers in [20, 100, 250, 500] {
            at_rest(peers, policy);
        }
    }
    for (addresses, group) in [
        (200, 1),
        (1000, 1),
        (5000, 1),
        (1000, 2),
        (1000, 100),
        (1000, 1000),
    ] {
        storm(addresses, group);
    }
}

fn ids(nodes: usize) -> BTreeMap<NodeId, NodeName> {
    let names = (1..=nodes).map(|n| NodeName::from(format!("n{n}").as_str()));
    names.map(|name| (NodeId::of(&name), name)).collect()
}

/// The first `suited` of the nodes may hold all addresses, which are in groups of `size`.
fn view(nodes: usize, suited: usize, addresses: u32, size: u32) -> SegmentView {
    let nodes = ids(nodes);
    let fit = nodes.keys().take(suited).map(|node| (*node, Fitness::default()));
    let fit: Arc<BTreeMap<NodeId, Fitness>> = Arc::new(fit.collect());
    let address = |last: u32| IpAddr::from(Ipv4Addr::from_bits(0xc633_6400 + last));
    let group = |first: u32| {
        let all: Box<[IpAddr]> = (first..(first + size).min(addresses + 1)).map(address).collect();
        let group = Arc::new(GroupView {
            first: address(first),
            addresses: all.clone(),
            fit: Arc::clone(&fit),
            near: Box::default(),
        });
        let each = move |place| (group.addresses[place], Arc::clone(&group));
        (0..all.len()).map(each)
    };
    SegmentView {
        groups: (1..=addresses).step_by(size as usize).flat_map(group).collect(),
        electors: Arc::new(nodes.keys().copied().collect()),
        nodes: Arc::new(nodes),
        ..SegmentView::default()
    }
}

fn core(view: &SegmentView, node: usize, policy: PartitionPolicy) -> Segment {
    let node = *view.nodes.keys().nth(node).expect("the node is in the view");
    let me = Instance { node, boot: Boot(1) };
    let conduct = Conduct {
        policy,
        ..Conduct::default()
    };
    let mut core = Segment::new(me, conduct, 1, Moment::ORIGIN);
    core.see(view.clone());
    core
}

fn bodies(core: &mut Segment) -> Vec<Body> {
    let said = core.effects().into_iter().filter_map(|effect| match effect {
        Effect::Send(body) => Some(body),
        _ => None,
    });
    said.collect()
}

/// One of `peers` + 1 nodes that all hear each other, with 20 addresses of its own: beacons come evenly spread, and the
/// list of each peer once a second.
fn at_rest(peers: usize, policy: PartitionPolicy) {
    let view = view(peers + 1, 1, 20, 1);
    let mut measured = core(&view, 0, policy);
    let me = measured.instance();
    let instances: Vec<Instance> = view
        .nodes
        .keys()
        .skip(1)
        .map(|node| Instance {
            node: *node,
            boot: Boot(1),
        })
        .collect();
    let mut tags: Vec<Tag> = instances.iter().chain([&me]).map(|one| one.tag()).collect();
    tags.sort_unstable();
    // A real instance without addresses says what all peers say.
    let mut model = core(&view, 1, policy);
    let mut beacon = None;
    let (mut spent, mut turns, mut sequence) = (Duration::ZERO, 0_u32, 0);
    let gap = INTERVAL / peers as u32;
    let mut now = Moment::ORIGIN;
    for round in 0..60 {
        model.advance(now);
        let mut said = bodies(&mut model).into_iter();
        beacon = said.rfind(|body| matches!(body, Body::Beacon(_))).or(beacon);
        let Some(Body::Beacon(mut beacon)) = beacon.clone() else {
            continue;
        };
        beacon.heard.0 = 1;
        for (index, from) in instances.iter().enumerate() {
            now = now + gap;
            let mut bodies = vec![Body::Beacon(beacon)];
            if round == 0 || (round + index) % 10 == 0 {
                let pages: Vec<&[Tag]> = tags.chunks(PAGE).collect();
                let page = |(part, tags): (usize, &&[Tag])| HeardPage {
                    version: beacon.heard,
                    part: Part {
                        index: part as u8,
                        of: pages.len() as u8,
                    },
                    mutual: tags.to_vec(),
                    one_way: Vec::new(),
                };
                bodies.extend(pages.iter().enumerate().map(page).map(Body::Heard));
            }
            let began = Instant::now();
            for body in bodies {
                sequence += 1;
                measured.receive(
                    &Message {
                        from: *from,
                        sequence,
                        body,
                    },
                    now,
                    now,
                );
                measured.advance(now);
                measured.effects();
                turns += u32::from(round >= 50);
            }
            if round >= 50 {
                spent += began.elapsed();
            }
        }
    }
    println!(
        "{peers:4} peers at rest, {policy:?}: {:6.2} µs a frame, {:6.2} % of a core; {} up, {} held",
        spent.as_secs_f64() * 1e6 / f64::from(turns),
        spent.as_secs_f64() * 100.0,
        measured.up().len(),
        measured.held().count(),
    );
}

/// Two nodes claim all addresses; one dies, and the other claims the rest. What the cores take in all, and their longest
/// turn.
fn storm(addresses: u32, group: u32) {
    let view = view(2, 2, addresses, group);
    let mut cores = [0, 1].map(|node| core(&view, node, PartitionPolicy::Availability));
    let mut sequence = 0;
    for (what, alive) in [("two start", 2), ("one of them dies", 1)] {
        let (mut spent, mut longest) = (Duration::ZERO, Duration::ZERO);
        let began = if alive == 2 { 0 } else { 2000 };
        for milliseconds in began..began + 2000 {
            let now = Moment::after_origin(Duration::from_millis(milliseconds));
            for one in 0..alive {
                let turn = Instant::now();
                let core = &mut cores[one];
                if now >= core.next(now) || milliseconds % 5 == 0 {
                    core.advance(now);
                }
                let effects = core.effects();
                let neighbours = effects.contains(&Effect::AskNeighbours);
                if neighbours {
                    core.witnessed(now);
                }
                let from = core.instance();
                let mut took = turn.elapsed();
                if alive == 2 {
                    for effect in effects {
                        let Effect::Send(body) = effect else { continue };
                        sequence += 1;
                        let turn = Instant::now();
                        cores[1 - one].receive(&Message { from, sequence, body }, now, now);
                        took += turn.elapsed();
                    }
                }
                spent += took;
                longest = longest.max(took);
            }
        }
        println!(
            "{addresses:5} addresses in groups of {group}, {what}: {spent:?} of 2 s in all, longest turn {longest:?}; the first holds {}",
            cores[0].held().count()
        );
    }
}
