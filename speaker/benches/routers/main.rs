//! How long routes take to a router, and what that costs a node: the speaker's threads beside FRR in the same place, in the same
//! run, each ten times. MetalLB has FRR in that place, and before it three seconds in which it collects changes, and a script.
//!
//! Takes root and the routers' programs; without them nothing is measured, and that is said.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and sets up as tests do"
)]

#[path = "../../tests/routers/announcer.rs"]
#[allow(dead_code, reason = "the trials ask it for more")]
mod announcer;
#[path = "../../tests/routers/logged.rs"]
#[allow(dead_code, reason = "the trials look at what is logged")]
mod logged;
mod monitor;
#[path = "../../tests/wire/netns.rs"]
#[allow(dead_code, reason = "what raw frames need, sessions do not")]
mod netns;
mod node;
#[path = "../../tests/routers/site.rs"]
#[allow(dead_code, reason = "the trials ask it for more")]
mod site;

use std::time::{Duration, Instant};

use monitor::Monitor;
use node::{Node, Place, Router, resident_kib};
use site::Site;

const RUNS: usize = 10;

fn main() {
    if let Some(what) = ferrolb_routers::missing() {
        println!("{what}: nothing is measured");
        return;
    }
    netns::remove_leftovers();
    println!(
        "{:58} {:>22} {:>22} {:>8}",
        "", "speaker", "FRR in its place", "ratio"
    );
    for count in [10, 10_000] {
        let memory = |place| memory(place, count);
        row(&format!("memory at {count} routes, MiB"), memory, 1);
    }
    for router in [Router::Frr, Router::Bird] {
        let change = |place| change(place, router);
        row(
            &format!("one route more, 1,000 told, {router:?} router, ms"),
            change,
            RUNS,
        );
    }
    let first = |place| start(place, 1);
    row("start to route, FRR router, ms", first, RUNS);
    let cold = |place| start(place, 10_000);
    row("10,000 routes from cold, FRR router, ms", cold, RUNS / 2);
}

/// One line: median, least and most of each, and the ratio of the medians.
fn row(what: &str, measure: impl Fn(Place) -> f64, runs: usize) {
    // By turns, so that what else the machine does concerns both.
    let pairs: Vec<[f64; 2]> = (0..runs)
        .map(|_| [measure(Place::Speaker), measure(Place::Frr)])
        .collect();
    let of = |which: usize| {
        let mut all: Vec<f64> = pairs.iter().map(|pair| pair[which]).collect();
        all.sort_by(f64::total_cmp);
        (all[all.len() / 2], all[0], all[all.len() - 1])
    };
    let (ours, theirs) = (of(0), of(1));
    let shown = |(median, least, most): (f64, f64, f64)| format!("{median:.1} [{least:.1}-{most:.1}]");
    println!(
        "{what:58} {:>22} {:>22} {:>8.2}",
        shown(ours),
        shown(theirs),
        ours.0 / theirs.0
    );
}

fn prefix(number: usize) -> String {
    format!("2001:db8:f::{number:x}/128")
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// What it takes to hold a session and to tell so many routes.
fn memory(place: Place, count: usize) -> f64 {
    let site = Site::new();
    let monitor = Monitor::start(&site.router);
    let _router = Router::Frr.start(&site);
    let before = resident_kib();
    let node = Node::start(place, &site, count);
    monitor.until_routes(count);
    let kib = match &node {
        Node::Speaker { .. } => resident_kib().saturating_sub(before),
        Node::Frr(frr) => frr.resident_kib(),
    };
    kib as f64 / 1024.0
}

fn change(place: Place, router: Router) -> f64 {
    let site = Site::new();
    let monitor = Monitor::start(&site.router);
    let _router = router.start(&site);
    let mut node = Node::start(place, &site, 1000);
    monitor.until_routes(1000);
    let began = Instant::now();
    node.add(1000);
    milliseconds(monitor.until_routes(1001) - began)
}

fn start(place: Place, count: usize) -> f64 {
    let site = Site::new();
    let monitor = Monitor::start(&site.router);
    let _router = Router::Frr.start(&site);
    let began = Instant::now();
    let _node = Node::start(place, &site, count);
    milliseconds(monitor.until_routes(count) - began)
}
