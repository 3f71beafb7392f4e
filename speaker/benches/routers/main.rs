//! How long routes take to a router, and what that costs a node: the speaker's threads beside FRR in the same place, in the same
//! run, each ten times. MetalLB has FRR in that place, and before it three seconds in which it collects changes, and a script.
//!
//! Takes root and the routers' programs; without them nothing is measured, and that is said. Words after `--` choose the rows that
//! contain them.

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

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use monitor::Monitor;
use node::{Bfd, Node, Place, Router, Running, resident_kib};
use site::{NODE, Site};

const RUNS: usize = 10;
const BUSY_LOOPS: usize = 8;
const BUSY: Duration = Duration::from_secs(15);

fn main() {
    if let Some(what) = ferrolb_routers::missing() {
        println!("{what}: nothing is measured");
        return;
    }
    netns::remove_leftovers();
    println!(
        "{:68} {:>22} {:>22} {:>8}",
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
    let first = |place| start(place, 1, Bfd::Off);
    row("start to route, FRR router, ms", first, RUNS);
    let watched = |place| start(place, 1, Bfd::Every(300));
    row("the same with BFD, 300 ms x 3", watched, RUNS);
    let cold = |place| start(place, 10_000, Bfd::Off);
    row("10,000 routes from cold, FRR router, ms", cold, RUNS / 2);
    for (router, time) in [(Router::Frr, 300), (Router::Frr, 50), (Router::Bird, 50)] {
        let found = |place| silent(place, router, time);
        let what = format!("silent node until its route is gone, {time} ms x 3, {router:?} router, ms");
        row(&what, found, RUNS);
    }
    busy_rows();
}

fn busy_rows() {
    for (time, priority) in [(10, true), (50, true), (50, false)] {
        let without = if priority { "" } else { ", no SYS_NICE" };
        let what = format!("false downs in 15 s with 8 busy loops, {time} ms x 3{without}");
        row(&what, |place| busy(place, time, priority), 3);
    }
}

/// One line: median, least and most of each, and the ratio of the medians.
fn row(what: &str, measure: impl Fn(Place) -> f64, runs: usize) {
    let asked_for = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    if asked_for.is_some_and(|words| !what.contains(&words)) {
        return;
    }
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
    let ratio = match theirs.0 {
        0.0 => "-".to_owned(),
        theirs => format!("{:.2}", ours.0 / theirs),
    };
    println!("{what:68} {:>22} {:>22} {ratio:>8}", shown(ours), shown(theirs));
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
    let _router = Router::Frr.start(&site, Bfd::Off);
    let before = resident_kib();
    let node = Node::start(place, &site, count, Bfd::Off);
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
    let _router = router.start(&site, Bfd::Off);
    let mut node = Node::start(place, &site, 1000, Bfd::Off);
    monitor.until_routes(1000);
    let began = Instant::now();
    node.add(1000);
    milliseconds(monitor.until_routes(1001) - began)
}

fn start(place: Place, count: usize, bfd: Bfd) -> f64 {
    let site = Site::new();
    let monitor = Monitor::start(&site.router);
    let _router = Router::Frr.start(&site, bfd);
    let began = Instant::now();
    let _node = Node::start(place, &site, count, bfd);
    milliseconds(monitor.until_routes(count) - began)
}

/// From the last packet of BFD, while the connection stays, until the router's kernel has no route.
fn silent(place: Place, router: Router, time: u32) -> f64 {
    let site = Site::new();
    let monitor = Monitor::start(&site.router);
    let bfd = Bfd::Every(time);
    let router = router.start(&site, bfd);
    let mut node = Node::start(place, &site, 1, bfd);
    router.until_watching();
    monitor.until_routes(1);
    let began = Instant::now();
    node.fall_silent();
    milliseconds(monitor.until_gone(began) - began)
}

/// How often the router's BFD, which is never late itself, misses the node on a busy machine.
fn busy(place: Place, time: u32, priority: bool) -> f64 {
    let site = Site::new();
    let frr = match Router::Frr.start(&site, Bfd::Every(time)) {
        Running::Frr(frr) => frr,
        Running::Bird(_) => unreachable!("it is FRR"),
    };
    frr.hurry_bfd();
    let _node = Node::start(place, &site, 1, Bfd::Every(time));
    if !priority {
        take_priority();
    }
    ferrolb_routers::until("both to be watched", || frr.watches(NODE[1]));
    let before = frr.downs(NODE[1]);
    let mut loops: Vec<Child> = (0..BUSY_LOOPS)
        .map(|_| {
            Command::new("sh")
                .args(["-c", "while :; do :; done"])
                .spawn()
                .unwrap()
        })
        .collect();
    std::thread::sleep(BUSY);
    for one in &mut loops {
        one.kill().unwrap();
        one.wait().unwrap();
    }
    let downs = frr.downs(NODE[1]) - before;
    f64::from(u32::try_from(downs).unwrap())
}

/// The speaker's thread of BFD is as any other from now on, as in a process without CAP_SYS_NICE.
fn take_priority() {
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap();
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if name.trim() == "bfd" {
            let id = task.file_name();
            let done = Command::new("renice")
                .args(["--priority", "0", "-p"])
                .arg(id)
                .output();
            assert!(done.unwrap().status.success(), "renice");
        }
    }
}
