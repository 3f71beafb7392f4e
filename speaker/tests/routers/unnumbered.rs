//! Peers that are named by the interface that they are behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ferrolb_peering::Liveness;
use ferrolb_routers::{Bird, Frr, until};

use crate::announcer::{Announcer, every, external, interfaces, signed, table, unnumbered};
use crate::site::{NODE, ROUTER, Site};
use crate::trials::{neighbour, one, plain};

pub(crate) const ALL: &[(&str, fn())] = &[
    (
        "a_session_is_up_soon_after_the_node_has_the_interface",
        interface_comes,
    ),
    (
        "without_a_router_the_last_error_says_that_none_was_heard",
        no_router,
    ),
    (
        "of_two_routers_on_one_link_neither_is_dialled_until_one_is_gone",
        two_routers,
    ),
    ("frr_takes_a_signed_session_behind_an_interface", frr_signed),
    (
        "a_session_moves_from_an_address_to_an_interface",
        frr_from_address_to_interface,
    ),
    ("frr_finds_a_silent_node_behind_an_interface_by_bfd", frr_watched),
    (
        "bird_finds_a_silent_node_behind_an_interface_by_bfd",
        bird_watched,
    ),
];

/// Lines of FRR for the neighbour behind `eth0`.
fn behind(more: &str) -> String {
    format!(
        " neighbor eth0 interface remote-as 64512\n neighbor eth0 passive\n{more} address-family ipv4 unicast\n  \
         neighbor eth0 activate\n exit-address-family\n"
    )
}

/// A node with one route that watches the router behind its interface.
fn watching(site: &Site, milliseconds: i64) -> Announcer {
    let node = Announcer::start(&site.node);
    node.tell(&unnumbered(), &table(one("198.51.100.10/32"), &plain()));
    node.watch_unnumbered(every(milliseconds));
    until("both to be up", || {
        node.is_up() && node.liveness() == Some(Liveness::Up)
    });
    node
}

fn frr_watched() {
    let site = Site::without_addresses();
    let bfd = " neighbor eth0 bfd\n neighbor eth0 bfd profile usual\n";
    let frr = Frr::start(site.router.name(), &behind(bfd));
    let mut node = watching(&site, 300);
    let own = site.link_local().to_string();
    until("FRR to say so", || frr.watches(&own) && frr.count("ipv4") == 1);
    let ends = || frr.log().matches("6/10 (Cease/BFD Down)").count();
    let before = ends();
    node.go_deaf();
    until("FRR to end the session", || ends() > before);
}

fn bird_watched() {
    let site = Site::without_addresses();
    let bird = Bird::start(
        site.router.name(),
        "protocol radv { interface \"eth0\" { min ra interval 3; max ra interval 4; default lifetime 0; }; }\n\
         protocol bfd { interface \"*\" { interval 100 ms; multiplier 3; }; }\n\
         protocol bgp node { local as 64500; neighbor range fe80::/10 as 64512; interface \"eth0\"; passive; bfd yes; \
         ipv4 { extended next hop yes; import all; export none; }; }",
    );
    let mut node = watching(&site, 100);
    until("the route", || bird.count() == 1);
    node.go_deaf();
    until("the route to go", || bird.count() == 0);
}

fn interface_comes() {
    let site = Site::without_addresses();
    let frr = Frr::start(site.router.name(), &behind(""));
    let node = Announcer::start(&site.node);
    node.has(Arc::new(BTreeMap::new()));
    node.tell(&unnumbered(), &table(one("198.51.100.10/32"), &plain()));
    until("the problem", || {
        node.problem() == "the node has no interface eth0"
    });
    until("the reason", || {
        node.last() == "the node has no interface eth0 (in Connect)"
    });
    node.has(interfaces(&site.node));
    until("the session", || node.is_up() && frr.count("ipv4") == 1);
    assert_eq!(node.problem(), "");
    node.has(Arc::new(BTreeMap::new()));
    until("the problem again", || !node.problem().is_empty());
    assert!(node.is_up(), "the connection says itself when it breaks");
}

fn no_router() {
    let site = Site::without_addresses();
    let node = Announcer::start(&site.node);
    node.tell(&unnumbered(), &table([], &plain()));
    until("the reason", || {
        node.last() == "no router advertisement has come on eth0 (in Connect)"
    });
    assert_eq!(node.problem(), "", "the router may be on its way");
}

fn two_routers() {
    let site = Site::with_two_routers();
    let advertise = "protocol radv { interface \"br0\", \"second\" { min ra interval 3; max ra interval 4; default lifetime 0; }; }";
    let _routers = Bird::start(site.router.name(), advertise);
    let node = Announcer::start(&site.node);
    node.tell(&unnumbered(), &table(one("198.51.100.10/32"), &plain()));
    until("both to be heard", || node.problem().contains("several routers"));
    assert_eq!(node.problem().matches("fe80::").count(), 2, "{}", node.problem());
    let bird = Bird::start(
        site.router.name(),
        "protocol bgp node { local as 64500; neighbor range fe80::/10 as 64512; interface \"br0\"; passive; \
         ipv4 { extended next hop yes; import all; export none; }; }",
    );
    thread::sleep(Duration::from_secs(1));
    assert!(!node.is_up() && node.last().contains("several routers"));
    site.router.ip("link set second down");
    until("the session with the other one", || {
        node.is_up() && bird.count() == 1
    });
    assert_eq!(node.problem(), "");
}

fn frr_signed() {
    let site = Site::without_addresses();
    let frr = Frr::start(site.router.name(), &behind(" neighbor eth0 password hunter2\n"));
    let node = Announcer::start(&site.node);
    node.tell(
        &signed(unnumbered(), "hunter2"),
        &table(one("198.51.100.10/32"), &plain()),
    );
    until("the route", || node.is_up() && frr.count("ipv4") == 1);
}

fn frr_from_address_to_interface() {
    let site = Site::new();
    let lines = [neighbour(NODE[0], 64512, "", &["ipv4"]), behind("")];
    let frr = Frr::start(site.router.name(), &lines.concat());
    let node = Announcer::start(&site.node);
    let routes = table(one("198.51.100.10/32"), &plain());
    node.tell(&external(ROUTER[0]), &routes);
    until("the session", || node.is_up() && frr.count("ipv4") == 1);
    node.tell(&unnumbered(), &routes);
    let is_up = |neighbour| frr.neighbour(neighbour)["bgpState"] == "Established";
    until("the other session", || node.is_up() && is_up("eth0"));
    assert!(!is_up(NODE[0]));
    let next_hops = frr.path_to("ipv4", "198.51.100.10/32")["nexthops"].to_string();
    assert!(next_hops.contains(&site.link_local().to_string()), "{next_hops}");
}
