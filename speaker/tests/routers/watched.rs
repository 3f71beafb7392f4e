//! Sessions that BFD watches.

use std::time::{Duration, Instant};

use ferrolb_crds::domain::BfdProfile;
use ferrolb_peering::Liveness;
use ferrolb_peering::bgp::Stop;
use ferrolb_routers::{Bird, Family, Frr, Hops, Make, Session, Signal, until};
use ferrolb_speaker::bfd::Reach;
use ferrolb_speaker::peers::Happened;

use crate::announcer::{Announcer, OURS, every, external, internal, table};
use crate::site::{NODE, ROUTER, Site};
use crate::trials::{neighbour, one, plain};

pub(crate) const ALL: &[(&str, fn())] = &[
    (
        "frr_finds_a_silent_node_by_bfd_and_ends_its_session",
        frr_silent_node,
    ),
    ("a_silent_frr_is_found_by_bfd_and_told_so", silent_frr),
    ("frr_agrees_on_other_times_without_a_break", frr_other_times),
    ("frr_watches_a_peer_that_is_several_hops_away", frr_multihop),
    ("frr_keeps_routes_while_a_watched_speaker_restarts", frr_restart),
    (
        "frr_keeps_routes_while_watched_speakers_restart_at_once",
        frr_quick_restarts,
    ),
    (
        "bird_keeps_routes_while_watched_speakers_restart_at_once",
        bird_quick_restarts,
    ),
    (
        "bird_is_watched_over_ipv6_and_finds_a_silent_node",
        bird_silent_node,
    ),
    (
        "bird_watches_internal_peers_on_the_port_of_far_ones",
        bird_internal,
    ),
    (
        "frr_10_takes_no_connection_of_a_node_that_it_is_to_watch_before_bfd_is_up",
        newer_frr_waits,
    ),
    ("a_peer_without_bfd_is_named_and_its_session_goes_on", nobody),
];

/// Lines of FRR that have a neighbour watched.
fn watched(address: &str, profile: &str) -> String {
    format!(" neighbor {address} bfd\n neighbor {address} bfd profile {profile}\n")
}

fn route() -> [String; 1] {
    ["198.51.100.10/32".to_owned()]
}

/// A session that is up, with BFD, and one route that FRR has.
fn up_with_frr(site: &Site, profile: &str, milliseconds: i64) -> (Frr, Announcer) {
    let lines = neighbour(NODE[0], 64512, &watched(NODE[0], profile), &["ipv4"]);
    let frr = Frr::start(site.router.name(), &lines);
    let node = Announcer::start(&site.node);
    node.watch(ROUTER[0], every(milliseconds), Reach::Segment);
    node.tell(&external(ROUTER[0]), &table(route(), &plain()));
    until("both ends to be watched", || {
        node.is_up() && node.liveness() == Some(Liveness::Up) && frr.watches(NODE[0])
    });
    until("the route", || frr.count("ipv4") == 1);
    (frr, node)
}

/// The node still has its connection, and dials again at once: the route is gone for a moment only.
fn frr_silent_node() {
    let site = Site::new();
    let (frr, mut node) = up_with_frr(&site, "usual", 300);
    // It may have ended one before: its BFD begins anew when BGP comes up.
    let ends = || {
        let why = "sent to neighbor 192.0.2.2 6/10 (Cease/BFD Down)";
        frr.log().matches(why).count()
    };
    let before = ends();
    node.go_deaf();
    let began = Instant::now();
    until("FRR to end the session", || ends() > before);
    eprintln!(
        "FRR ended the session {:.2?} after the last packet",
        began.elapsed()
    );
}

fn silent_frr() {
    let site = Site::new();
    let (frr, mut node) = up_with_frr(&site, "quick", 100);
    frr.signal_bfd(Signal::SIGSTOP);
    let began = Instant::now();
    until("the session to end", || {
        node.liveness() == Some(Liveness::Expired) && !node.is_up()
    });
    eprintln!(
        "the session ended {:.2?} after FRR's BFD was stopped",
        began.elapsed()
    );
    assert!(node.last().contains("BFD"), "{}", node.last());
    frr.signal_bfd(Signal::SIGCONT);
    until("both to be up again", || {
        node.is_up() && node.liveness() == Some(Liveness::Up)
    });
    let news = node.news();
    let told = |is: fn(&Happened) -> bool| news.iter().filter(|news| is(&news.what)).count();
    assert!(told(|what| matches!(what, Happened::BfdUp(_))) >= 2, "{news:?}");
    let why = |what: &Happened| matches!(what, Happened::BfdDown(why) if why == "no packet came for 300 ms");
    assert!(news.iter().any(|news| why(&news.what)), "{news:?}");
}

/// From 300 ms to 100 ms, with the peer's consent.
fn frr_other_times() {
    let site = Site::new();
    let (frr, mut node) = up_with_frr(&site, "quick", 300);
    assert_eq!(frr.bfd(NODE[0])["remote-receive-interval"], 300);
    // FRR takes its session down itself when BGP comes up.
    let _before = node.news();
    node.watch(ROUTER[0], every(100), Reach::Segment);
    until("FRR to know the new times", || {
        let known = frr.bfd(NODE[0]);
        known["remote-receive-interval"] == 100 && known["remote-transmit-interval"] == 100
    });
    assert!(node.news().is_empty() && node.is_up());
}

fn frr_multihop() {
    let site = Site::new();
    let more = format!(
        " neighbor {} ebgp-multihop 8\n{}",
        NODE[0],
        watched(NODE[0], "usual")
    );
    let frr = Frr::start(site.router.name(), &neighbour(NODE[0], 64512, &more, &["ipv4"]));
    let node = Announcer::start(&site.node);
    node.watch(ROUTER[0], every(300), Reach::Anywhere);
    let mut spec = external(ROUTER[0]);
    spec.endpoint.multihop = true;
    node.tell(&spec, &table(route(), &plain()));
    until("both ends to be watched", || {
        node.is_up() && node.liveness() == Some(Liveness::Up) && frr.watches(NODE[0])
    });
    assert_eq!(frr.bfd(NODE[0])["multihop"], true);
}

/// FRR, which keeps routes of a watched node while its speaker restarts.
fn keeping(site: &Site) -> Frr {
    let more = format!(
        " neighbor {0} graceful-restart\n{1}",
        NODE[0],
        watched(NODE[0], "usual")
    );
    Frr::start(site.router.name(), &neighbour(NODE[0], 64512, &more, &["ipv4"]))
}

/// A speaker that starts, once it is watched, and the router says so too; until then `meanwhile` is asked.
fn started(site: &Site, is_up: impl Fn() -> bool, meanwhile: impl Fn()) -> Announcer {
    let node = Announcer::start(&site.node);
    // Missed after 1.5 s: the routers of other trials run beside.
    let profile = BfdProfile {
        multiplier: 5,
        ..every(300)
    };
    node.watch(ROUTER[0], profile, Reach::Segment);
    let mut spec = external(ROUTER[0]);
    spec.graceful_restart = Some(Duration::from_secs(60));
    node.tell(&spec, &table(one("198.51.100.10/32"), &plain()));
    until("both ends to be watched", || {
        meanwhile();
        node.is_up() && node.liveness() == Some(Liveness::Up) && is_up()
    });
    until("the route in the kernel", || site.kernel_routes("-4").len() == 1);
    node
}

/// BFD falls silent with the connection, and never says that it was switched off: FRR waits for the restart.
fn frr_restart() {
    let site = Site::new();
    let frr = keeping(&site);
    let is_up = || frr.watches(NODE[0]);
    let mut node = started(&site, is_up, || ());
    node.go_deaf();
    node.stop(Stop::Restart);
    let began = Instant::now();
    // Longer than BFD needs to find the node gone.
    while began.elapsed() < Duration::from_secs(3) {
        assert_eq!(site.kernel_routes("-4").len(), 1, "after {:?}", began.elapsed());
    }
    let _node = started(&site, is_up, || ());
    assert_eq!(frr.count("ipv4"), 1);
}

/// The next process is there before the router's BFD has missed the one before, and goes on with its session.
fn restart_at_once(site: &Site, is_up: impl Fn() -> bool, log: impl Fn() -> String) {
    let mut node = started(site, &is_up, || ());
    for round in 0..5 {
        node.go_deaf();
        node.stop(Stop::Restart);
        node = started(site, &is_up, || {
            assert_eq!(site.kernel_routes("-4").len(), 1, "round {round}: {}", log());
        });
    }
}

fn frr_quick_restarts() {
    let site = Site::new();
    let frr = keeping(&site);
    restart_at_once(&site, || frr.watches(NODE[0]), || frr.log());
}

/// BIRD that watches an external node, over IPv4 (0) or IPv6 (1).
fn watching_bird(site: &Site, family: usize, milliseconds: u32) -> Bird {
    let protocols = format!(
        "protocol bfd {{ interface \"*\" {{ min rx interval {milliseconds} ms; min tx interval {milliseconds} ms; multiplier 3; }}; }}\n\
         protocol bgp n1 {{ local {} as 64500; neighbor {} as 64512; passive; bfd yes; error wait time 1, 2; \
         {} {{ import all; export none; }}; }}",
        ROUTER[family],
        NODE[family],
        ["ipv4", "ipv6"][family]
    );
    Bird::start(site.router.name(), &protocols)
}

fn bird_quick_restarts() {
    let site = Site::new();
    let bird = watching_bird(&site, 0, 300);
    restart_at_once(
        &site,
        || bird.ask("show bfd sessions").contains("Up"),
        || bird.log(),
    );
}

fn bird_silent_node() {
    let site = Site::new();
    let bird = watching_bird(&site, 1, 50);
    let mut node = Announcer::start(&site.node);
    node.watch(ROUTER[1], every(50), Reach::Segment);
    node.tell(&external(ROUTER[1]), &table(one("2001:db8:f::1/128"), &plain()));
    until("both to be up", || {
        node.is_up() && node.liveness() == Some(Liveness::Up)
    });
    until("the route", || bird.count() == 1);
    node.go_deaf();
    let began = Instant::now();
    until("the route to go", || bird.count() == 0);
    eprintln!(
        "BIRD dropped the route {:.2?} after the last packet",
        began.elapsed()
    );
}

/// BIRD takes internal peers for far ones: port 4784, and whatever TTL it sends with.
fn bird_internal() {
    let site = Site::new();
    let protocols = format!(
        "protocol bfd {{ multihop {{ interval 300 ms; multiplier 3; }}; }}\n\
         protocol bgp n1 {{ local {} as 64500; neighbor {} as 64500; passive; bfd yes; \
         ipv4 {{ import all; export none; }}; }}",
        ROUTER[0], NODE[0]
    );
    let bird = Bird::start(site.router.name(), &protocols);
    let node = Announcer::start(&site.node);
    node.watch(ROUTER[0], every(300), Reach::Either);
    node.tell(&internal(ROUTER[0]), &table(route(), &plain()));
    until("both to be up", || {
        node.is_up() && node.liveness() == Some(Liveness::Up)
    });
    until("BIRD to say so", || bird.ask("show bfd sessions").contains("Up"));
}

fn newer_frr_waits() {
    let site = Site::new();
    let session = Session {
        unnumbered: false,
        router: ROUTER[0].parse().unwrap(),
        node: NODE[0].parse().unwrap(),
        remote: OURS,
        families: vec![Family::V4],
        password: None,
        hops: Hops::One,
        bfd: true,
        graceful_restart: false,
    };
    let frr = Make::NewerFrr.start(site.router.name(), &session);
    let node = Announcer::start(&site.node);
    node.tell(&external(ROUTER[0]), &table(route(), &plain()));
    until("what the node makes of it", || {
        let last = node.last();
        ["closed the connection", "reset by peer"]
            .iter()
            .any(|why| last.contains(why))
    });
    eprintln!("{}", node.last());
    assert!(!node.is_up() && !frr.is_up());
    node.watch(ROUTER[0], every(300), Reach::Segment);
    until("the session", || node.is_up() && frr.count(Family::V4) == 1);
}

fn nobody() {
    let site = Site::new();
    let frr = Frr::start(site.router.name(), &neighbour(NODE[0], 64512, "", &["ipv4"]));
    let node = Announcer::start(&site.node);
    node.watch(ROUTER[0], every(50), Reach::Segment);
    node.tell(&external(ROUTER[0]), &table(route(), &plain()));
    until("the lack of BFD to be said", || {
        node.doubt().contains("the BFD session is not up")
    });
    eprintln!("{}", node.doubt());
    assert!(node.is_up() && frr.count("ipv4") == 1);
}
