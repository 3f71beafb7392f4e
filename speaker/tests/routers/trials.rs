//! What the routers have to say.

use ferrolb_peering::Family;
use ferrolb_peering::bgp::{Attributes, Communities, Community, LargeCommunity, Stop};
use ferrolb_routers::{Bird, Frr, until};
use ferrolb_speaker::peers::Happened;

use crate::announcer::{Announcer, external, internal, signed, table};
use crate::site::{NODE, ROUTER, Site};

pub(crate) const ALL: &[(&str, fn())] = &[
    (
        "frr_has_the_routes_of_an_external_session_until_they_are_withdrawn",
        frr_external,
    ),
    ("frr_has_ten_thousand_ipv6_routes", frr_ten_thousand),
    ("frr_has_both_families_from_one_session", frr_dual_stack),
    (
        "frr_has_local_pref_and_communities_from_an_internal_session",
        frr_internal,
    ),
    ("frr_takes_a_signed_session_and_no_other", frr_signed),
    (
        "frr_hears_why_a_session_ends_for_good_and_drops_its_routes",
        frr_final,
    ),
    ("frr_keeps_routes_while_the_speaker_restarts", frr_restart),
    ("frr_loses_no_session_by_changes_of_routes", frr_changes),
    (
        "bird_has_the_routes_of_external_sessions_until_they_are_withdrawn",
        bird_external,
    ),
    (
        "bird_has_local_pref_and_communities_from_a_signed_internal_session",
        bird_internal,
    ),
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

fn coloured() -> Attributes {
    Attributes {
        local_pref: Some(250),
        communities: Communities {
            standard: [Community(64512, 7), Community::NO_EXPORT].into(),
            large: [LargeCommunity(4_200_000_000, 1, 2)].into(),
            ..Communities::default()
        },
    }
}

fn frr_external() {
    let site = Site::new();
    let frr = Frr::start(site.router.name(), &neighbour(NODE[0], 64512, "", &["ipv4"]));
    let mut node = Announcer::start(&site.node);
    node.tell(&external(ROUTER[0]), &table(one("198.51.100.10/32"), &coloured()));
    node.until_up();
    until("the route", || frr.count("ipv4") == 1);
    let path = frr.path_to("ipv4", "198.51.100.10/32");
    assert_eq!(path["nexthops"][0]["ip"], NODE[0]);
    assert_eq!(path["aspath"]["string"], "64512");
    assert_eq!(path["origin"], "IGP");
    assert_eq!(path["community"]["string"], "64512:7 no-export");
    assert_eq!(path["largeCommunity"]["string"], "4200000000:1:2");
    until("the kernel's route", || site.kernel_routes("-4").len() == 1);
    assert_eq!(site.kernel_routes("-4")[0]["gateway"], NODE[0]);
    node.tell(&external(ROUTER[0]), &table([], &plain()));
    until("the withdrawal", || frr.count("ipv4") == 0);
    until("the kernel to forget", || site.kernel_routes("-4").is_empty());
    assert!(matches!(node.news().as_slice(), [one] if matches!(one.what, Happened::Up(_))));
}

fn frr_ten_thousand() {
    let site = Site::new();
    let frr = Frr::start(site.router.name(), &neighbour(NODE[1], 64512, "", &["ipv6"]));
    let node = Announcer::start(&site.node);
    let prefixes = (1..=10_000).map(|number| format!("2001:db8:f::{number:x}/128"));
    node.tell(&external(ROUTER[1]), &table(prefixes, &plain()));
    until("all routes in the kernel", || {
        site.kernel_routes("-6").len() == 10_000
    });
    let path = frr.path_to("ipv6", "2001:db8:f::2710/128");
    assert_eq!(path["nexthops"][0]["ip"], NODE[1]);
    node.tell(&external(ROUTER[1]), &table(one("2001:db8:f::1/128"), &plain()));
    until("all but one to go", || site.kernel_routes("-6").len() == 1);
    assert!(node.is_up());
}

fn frr_dual_stack() {
    let site = Site::new();
    let frr = Frr::start(
        site.router.name(),
        &neighbour(NODE[0], 64512, "", &["ipv4", "ipv6"]),
    );
    let node = Announcer::start(&site.node);
    let mut spec = external(ROUTER[0]);
    spec.families = [Family::V4, Family::V6].into();
    let prefixes = ["198.51.100.10/32", "2001:db8:f::10/128"].map(str::to_owned);
    node.tell(&spec, &table(prefixes, &plain()));
    until("both routes", || frr.count("ipv4") + frr.count("ipv6") == 2);
    let path = frr.path_to("ipv6", "2001:db8:f::10/128");
    assert_eq!(path["nexthops"][0]["ip"], NODE[1]);
}

fn frr_internal() {
    let site = Site::new();
    let frr = Frr::start(site.router.name(), &neighbour(NODE[0], 64500, "", &["ipv4"]));
    let node = Announcer::start(&site.node);
    node.tell(&internal(ROUTER[0]), &table(one("198.51.100.10/32"), &coloured()));
    until("the route", || frr.count("ipv4") == 1);
    let path = frr.path_to("ipv4", "198.51.100.10/32");
    assert_eq!(
        (&path["locPrf"], &path["aspath"]["string"]),
        (&250.into(), &"Local".into())
    );
    assert_eq!(path["community"]["string"], "64512:7 no-export");
}

fn frr_signed() {
    let site = Site::new();
    let password = format!(" neighbor {} password hunter2\n", NODE[0]);
    let frr = Frr::start(
        site.router.name(),
        &neighbour(NODE[0], 64512, &password, &["ipv4"]),
    );
    let node = Announcer::start(&site.node);
    let routes = table(one("198.51.100.10/32"), &plain());
    node.tell(&signed(external(ROUTER[0]), "hunter3"), &routes);
    until("no answer", || node.last().contains("password"));
    assert!(!node.is_up());
    node.tell(&signed(external(ROUTER[0]), "hunter2"), &routes);
    until("the route", || frr.count("ipv4") == 1);
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

fn frr_restart() {
    let site = Site::new();
    let lines = format!(
        " bgp graceful-restart\n{}",
        neighbour(NODE[0], 64512, "", &["ipv4"])
    );
    let frr = Frr::start(site.router.name(), &lines);
    let routes = table(one("198.51.100.10/32"), &plain());
    let node = Announcer::start(&site.node);
    node.tell(&external(ROUTER[0]), &routes);
    until("the kernel's route", || site.kernel_routes("-4").len() == 1);
    node.stop(Stop::Restart);
    until("the router to notice", || {
        frr.path_to("ipv4", "198.51.100.10/32")["stale"] == true
    });
    assert_eq!(site.kernel_routes("-4").len(), 1);
    let node = Announcer::start(&site.node);
    node.tell(&external(ROUTER[0]), &routes);
    until("a fresh route", || {
        assert_eq!(site.kernel_routes("-4").len(), 1);
        node.is_up() && frr.path_to("ipv4", "198.51.100.10/32")["stale"] != true
    });
}

fn frr_changes() {
    let site = Site::new();
    let frr = Frr::start(site.router.name(), &neighbour(NODE[0], 64512, "", &["ipv4"]));
    let mut node = Announcer::start(&site.node);
    let spec = external(ROUTER[0]);
    for number in 1..=250 {
        let prefixes = (1..=number).map(|number| format!("198.51.100.{number}/32"));
        let attributes = if number % 2 == 0 { plain() } else { coloured() };
        node.tell(&spec, &table(prefixes, &attributes));
    }
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

fn bird_external() {
    let site = Site::new();
    let bird = Bird::start(site.router.name(), &protocol(0, 64512, ""));
    let node = Announcer::start(&site.node);
    let mut spec = external(ROUTER[0]);
    spec.families = [Family::V4, Family::V6].into();
    let of_ipv6 = (1..=10_000).map(|number| format!("2001:db8:f::{number:x}/128"));
    let prefixes = of_ipv6.chain(one("198.51.100.10/32"));
    node.tell(&spec, &table(prefixes, &coloured()));
    until("all routes", || bird.count() == 10_001);
    until("the kernel's routes", || {
        (site.kernel_routes("-4").len(), site.kernel_routes("-6").len()) == (1, 10_000)
    });
    let said = bird.ask("show route 198.51.100.10/32 all");
    for part in [
        "BGP.next_hop: 192.0.2.2",
        "BGP.as_path: 64512",
        "(64512,7)",
        "(4200000000, 1, 2)",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    node.tell(&spec, &table([], &plain()));
    until("the withdrawals", || bird.count() == 0);
    assert!(node.is_up());
}

fn bird_internal() {
    let site = Site::new();
    let bird = Bird::start(site.router.name(), &protocol(1, 64500, "password \"hunter2\";"));
    let node = Announcer::start(&site.node);
    let spec = signed(internal(ROUTER[1]), "hunter2");
    node.tell(&spec, &table(one("2001:db8:f::10/128"), &coloured()));
    until("the route", || bird.count() == 1);
    let said = bird.ask("show route 2001:db8:f::10/128 all");
    for part in ["BGP.local_pref: 250", "BGP.next_hop: 2001:db8::2", "(64512,7)"] {
        assert!(said.contains(part), "{part}: {said}");
    }
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
