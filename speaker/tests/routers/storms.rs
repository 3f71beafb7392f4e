//! Peers that say too much, or read nothing, on real sockets.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ferrolb_peering::Family;
use ferrolb_peering::bgp::wire::{self, Kind};
use ferrolb_peering::bgp::{Attributes, Community, ExportTable};
use ferrolb_routers::until;

use crate::announcer::{Announcer, table};
use crate::hostile::{beside, good_update};
use crate::scripted::{Door, HOLD, Line, Steady, name, peer, said};
use crate::site::Site;
use crate::trials::{one, plain};

pub(crate) const ALL: &[(&str, fn())] = &[
    ("a_storm_of_routes_delays_no_other_session", updates),
    ("a_storm_of_requests_delays_no_other_session", requests),
    ("a_peer_that_never_reads_costs_one_buffer", unread),
];

/// What this process may grow by: less than a storm says, or what is never read.
const ROOM: usize = 24 << 20;

/// Bytes of memory that this process has.
fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// 200,000 routes, each in a message of its own, again and again: 9 MB each time.
fn updates() {
    let site = Site::new();
    let door = Door::open(&site.router, 2000);
    let (steady, node) = beside(&site, [2000]);
    let mut line = door.accept();
    line.establish();
    let routes = (0..200_000_u32).map(|number| {
        let [_, high, middle, low] = number.to_be_bytes();
        good_update(&[32, 100, high | 64, middle, low])
    });
    let all = routes.collect::<Vec<_>>().concat();
    let before = resident();
    let start = Instant::now();
    let mut rounds = 0;
    while rounds < 8 || start.elapsed() < HOLD {
        line.send(&all);
        rounds += 1;
    }
    until("all to be counted", || {
        node.report(&name(2000)).received == 200_000 * rounds
    });
    eprintln!("{rounds} times 200,000 routes in {:.2?}", start.elapsed());
    assert!(resident() < before + ROOM, "{before} {}", resident());
    assert!(node.report(&name(2000)).established);
    steady.is_untouched();
}

/// So many routes, each with something of its own: a message each.
fn different(count: u16, round: u16) -> ExportTable {
    let routes = (0..count).map(|number| {
        let [high, low] = number.to_be_bytes();
        let mut attributes = Attributes::default();
        let communities = (0..20).map(|at| Community(number, round * 20 + at));
        attributes.communities.standard.extend(communities);
        let prefix = format!("100.64.{high}.{low}/32");
        (prefix.parse().unwrap(), Arc::new(attributes))
    });
    Arc::new(routes.collect::<BTreeMap<_, _>>())
}

/// A peer that is told so many routes and reads none of them yet, beside one that is well.
fn deaf(site: &Site, count: u16) -> (Steady, Announcer, Door, Line) {
    let door = Door::open(&site.router, 2000);
    let (steady, node) = beside(site, []);
    tell(&node, &different(count, 0));
    let mut line = door.accept();
    line.establish();
    (steady, node, door, line)
}

fn tell(node: &Announcer, routes: &ExportTable) {
    let few = table(one("198.51.100.10/32"), &plain());
    node.tell_all([peer(179, &few), peer(2000, routes)]);
}

/// As many as the node takes for longer than the hold time.
fn requests() {
    let site = Site::new();
    let (steady, node, _door, mut line) = deaf(&site, 30_000);
    let storm = said(|out| {
        for _ in 0..10_000 {
            wire::refresh(Family::V4, out);
        }
    });
    let mut reading = line.stream.try_clone().unwrap();
    reading
        .set_write_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let start = Instant::now();
    let mut sent = 0;
    while start.elapsed() < HOLD * 3 / 2 {
        // What is cut stays cut.
        let rest = &storm[sent % 23..];
        sent += reading.write(rest).unwrap_or(0);
    }
    eprintln!("{} requests", sent / 23);
    assert!(sent > 23 * 100_000, "{sent}");
    let report = node.report(&name(2000));
    assert!(report.established && report.last.is_none(), "{report:?}");
    // It still answers.
    line.hear_kind(Kind::Update);
    steady.is_untouched();
}

fn unread() {
    let site = Site::new();
    let (steady, node, _door, mut line) = deaf(&site, 10_000);
    let mut saying = line.stream.try_clone().unwrap();
    let before = resident();
    for round in 1..=10 {
        tell(&node, &different(10_000, round));
        saying.write_all(&said(wire::keepalive)).unwrap();
        thread::sleep(HOLD / 12);
    }
    assert!(resident() < before + ROOM, "{before} {}", resident());
    let report = node.report(&name(2000));
    assert!(report.established && report.last.is_none(), "{report:?}");
    // Once it reads it is told what is wanted by then, and not each change that it slept through.
    let mut updates = 0;
    let last = Community(9_999, 219);
    let last = [last.0.to_be_bytes(), last.1.to_be_bytes()].concat();
    loop {
        let body = line.hear_kind(Kind::Update);
        updates += 1;
        if body.windows(4).any(|four| four == last) {
            break;
        }
        if updates % 1000 == 0 {
            line.send(&said(wire::keepalive));
        }
    }
    eprintln!("{updates} UPDATEs");
    assert!(updates < 60_000);
    steady.is_untouched();
}
