//! What the routers have to say.

use ferrolb_peering::bgp::{Attributes, Communities, Community, LargeCommunity, Stop};
use ferrolb_routers::{Bird, Frr, until};

use crate::announcer::{Announcer, external, table};
use crate::site::{NODE, ROUTER, Site};

pub(crate) const ALL: &[(&str, fn())] = &[
    (
        "frr_hears_why_a_session_ends_for_good_and_drops_its_routes",
        frr_final,
    ),
    ("frr_loses_no_session_by_changes_of_routes", frr_changes),
    ("bird_hears_why_a_session_ends_for_good", bird_final),
];

/// Lines of FRR for a neighbour of these families.
pub(crate) fn neighbour(address: &str, remote: u32, more: &str, families: &[&str]) -> String {
    let families = families.iter().map(|family| {
        format!(" address-family {family} unicast\n  neighbor {address} activate\n exit-address-family\n")
    });
    let families: String = families.collect();
    format!(" neighbor {address} remote-as {remote}\n neighbor {address} passive\n{more}{families}")
}

pub(crate) fn one(prefix: &str) -> Vec<String> {
    vec![prefix.to_owned()]
}

pub(crate) fn plain() -> Attributes {
    Attributes::default()
}

pub(crate) fn coloured() -> Attributes {
    Attributes {
        local_pref: Some(250),
        communities: Communities {
            standard: [Community(64512, 7), Community::NO_EXPORT].into(),
            large: [LargeCommunity(4_200_000_000, 1, 2)].into(),
            ..Communities::default()
        },
    }
}

fn frr_final() {
    let site = Site::new();
    let frr = Frr::start(site.router.name(), &neighbour(NODE[0], 64512, "", &["ipv4"]));
    let node = Announcer::start(&site.node);
    node.tell(&external(ROUTER[0]), &table(one("198.51.100.10/32"), &plain()));
    until("the route", || frr.count("ipv4") == 1);
    node.stop(Stop::Final("node shutting down".to_owned()));
    until("the route to go", || frr.count("ipv4") == 0);
    // What it shows of the last session is that of an attempt before, if there was one.
    let why = "6/2 (Cease/Administrative Shutdown) \"node shutting down\"";
    until("the reason to be logged", || frr.log().contains(why));
}

fn frr_changes() {
    let site = Site::new();
    let frr = Frr::start(site.router.name(), &neighbour(NODE[0], 64512, "", &["ipv4"]));
    let mut node = Announcer::start(&site.node);
    let spec = external(ROUTER[0]);
    // A thousand of which routes there are, and of these a hundred of what is said of them.
    for number in 1..=1000 {
        let prefixes = (0..=number % 250).map(|number| format!("198.51.100.{number}/32"));
        let attributes = if number / 10 % 2 == 0 { plain() } else { coloured() };
        node.tell(&spec, &table(prefixes, &attributes));
    }
    let routes = (0..250).map(|number| format!("198.51.100.{number}/32"));
    node.tell(&spec, &table(routes, &plain()));
    until("all routes", || frr.count("ipv4") == 250);
    assert_eq!(frr.neighbour(NODE[0])["connectionsEstablished"], 1);
    assert_eq!(node.news().len(), 1);
}

/// A protocol of BIRD for a neighbour.
fn protocol(at: usize, remote: u32, more: &str) -> String {
    let (node, router) = (NODE[at], ROUTER[at]);
    format!(
        "protocol bgp n{at} {{ local {router} as 64500; neighbor {node} as {remote}; passive yes; {more}\n \
         ipv4 {{ import all; export none; }}; ipv6 {{ import all; export none; }}; }}\n"
    )
}

fn bird_final() {
    let site = Site::new();
    let bird = Bird::start(site.router.name(), &protocol(0, 64512, ""));
    let node = Announcer::start(&site.node);
    node.tell(&external(ROUTER[0]), &table(one("198.51.100.10/32"), &plain()));
    until("the route", || bird.count() == 1);
    node.stop(Stop::Final("node shutting down".to_owned()));
    until("the route to go", || bird.count() == 0);
    assert!(bird.log().contains("node shutting down"), "{}", bird.log());
}
