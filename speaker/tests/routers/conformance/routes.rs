//! What routers have of what they are told.

use std::net::IpAddr;

use ferrolb_peering::bgp::{Attributes, Communities, Community};
use ferrolb_routers::{Family, Make, until};
use ferrolb_speaker::peers::Happened;

use super::scene::{Scene, V4, V6, nothing_is_wrong};
use crate::announcer::table;
use crate::site::NODE;
use crate::trials::{coloured, plain};

fn basic(make: Make, over: usize, prefix: &str) -> &'static str {
    let scene = Scene::new(make, over);
    let mut started = scene.start(&[prefix], &plain());
    let next_hop: IpAddr = NODE[over].parse().unwrap();
    let route = started.router.route(prefix).unwrap();
    assert!(route.next_hops.contains(&next_hop), "{route:?}");
    if make.fills_the_kernel() {
        let routes = || scene.site.kernel_routes(["-4", "-6"][over]);
        until("the kernel's route", || routes().len() == 1);
        assert_eq!(routes()[0]["gateway"], NODE[over]);
    }
    started.node.tell(&scene.spec, &table([], &plain()));
    until("the withdrawal", || started.router.route(prefix).is_none());
    if make.fills_the_kernel() {
        let routes = || scene.site.kernel_routes(["-4", "-6"][over]);
        until("the kernel to forget", || routes().is_empty());
    }
    assert!(started.node.is_up() && started.router.is_up());
    let news = started.node.news();
    assert!(matches!(news.as_slice(), [one] if matches!(one.what, Happened::Up(_))));
    nothing_is_wrong(&started.node, &*started.router);
    "yes"
}

pub(super) fn ipv4(make: Make) -> &'static str {
    basic(make, 0, V4)
}

pub(super) fn ipv6(make: Make) -> &'static str {
    basic(make, 1, V6)
}

pub(super) fn both(make: Make) -> &'static str {
    let scene = Scene::new(make, 0).both_families();
    let started = scene.start(&[V4, V6], &plain());
    for (prefix, next_hop) in [(V4, NODE[0]), (V6, NODE[1])] {
        let next_hop: IpAddr = next_hop.parse().unwrap();
        let route = started.router.route(prefix).unwrap();
        assert!(route.next_hops.contains(&next_hop), "{route:?}");
    }
    nothing_is_wrong(&started.node, &*started.router);
    "yes"
}

pub(super) fn unnumbered(make: Make) -> &'static str {
    let scene = Scene::unnumbered(make);
    let started = scene.start(&[V4, V6], &plain());
    let node = scene.site.link_local();
    for prefix in [V4, V6] {
        let route = started.router.route(prefix).unwrap();
        assert!(route.next_hops.contains(&node.into()), "{route:?}");
    }
    let gateway = |family: &str| {
        let routes = scene.site.kernel_routes(family);
        let route = routes.first().cloned().unwrap_or_default();
        let host = [&route["gateway"], &route["via"]["host"]];
        host.into_iter().find_map(|host| host.as_str().map(str::to_owned))
    };
    for family in ["-4", "-6"] {
        until("the kernel's route", || gateway(family) == Some(node.to_string()));
    }
    assert_eq!(scene.site.default_routes(), "", "nobody is a default router");
    started.node.tell(&scene.spec, &table([], &plain()));
    until("the withdrawal", || {
        [V4, V6]
            .iter()
            .all(|prefix| started.router.route(prefix).is_none())
    });
    nothing_is_wrong(&started.node, &*started.router);
    "yes"
}

pub(super) fn of_another_as(make: Make) -> &'static str {
    let scene = Scene::new(make, 0);
    let started = scene.start(&[V4], &coloured());
    let route = started.router.route(V4).unwrap();
    assert_eq!(route.as_path, [64512]);
    assert_eq!(route.communities, ["64512:7", "65535:65281"]);
    assert_eq!(route.large, ["4200000000:1:2"]);
    assert_ne!(
        route.local_pref,
        coloured().local_pref,
        "it is for our own AS only"
    );
    nothing_is_wrong(&started.node, &*started.router);
    "yes"
}

pub(super) fn of_one_as(make: Make) -> &'static str {
    let scene = Scene::internal(make);
    let started = scene.start(&[V6], &coloured());
    let route = started.router.route(V6).unwrap();
    assert!(route.as_path.is_empty(), "{route:?}");
    assert_eq!(route.local_pref, Some(250));
    assert_eq!(route.communities, ["64512:7", "65535:65281"]);
    assert_eq!(route.large, ["4200000000:1:2"]);
    nothing_is_wrong(&started.node, &*started.router);
    "yes"
}

pub(super) fn graceful_shutdown(make: Make) -> &'static str {
    let leaving = Attributes {
        communities: Communities {
            standard: [Community::GRACEFUL_SHUTDOWN].into(),
            ..Communities::default()
        },
        ..plain()
    };
    let scene = Scene::new(make, 0);
    let started = scene.start(&[V4], &plain());
    started.node.tell(&scene.spec, &table([V4.to_owned()], &leaving));
    let route = || started.router.route(V4).unwrap_or_default();
    until("the community", || route().communities == ["65535:0"]);
    nothing_is_wrong(&started.node, &*started.router);
    if make == Make::ExaBgp {
        return "shown; it chooses no routes";
    }
    until("the preference of a last resort", || {
        route().local_pref.is_some_and(|preference| preference <= 1)
    });
    match make {
        Make::Frr | Make::NewerFrr => "yes, by itself",
        _ => "yes, by a filter",
    }
}

pub(super) fn many(make: Make) -> &'static str {
    let scene = Scene::new(make, 1);
    let router = scene.router();
    let prefixes = (1..=10_000).map(|number| format!("2001:db8:f::{number:x}/128"));
    let node = scene.node(&table(prefixes, &coloured()));
    until("all routes", || router.count(Family::V6) == 10_000);
    if make.fills_the_kernel() {
        let routes = || scene.site.kernel_routes("-6").len();
        until("the kernel's routes", || routes() == 10_000);
    }
    node.tell(&scene.spec, &table(["2001:db8:f::1/128".to_owned()], &plain()));
    until("all but one to go", || router.count(Family::V6) == 1);
    if make.fills_the_kernel() {
        until("the kernel to forget", || {
            scene.site.kernel_routes("-6").len() == 1
        });
    }
    assert!(node.is_up());
    nothing_is_wrong(&node, &*router);
    "yes"
}
