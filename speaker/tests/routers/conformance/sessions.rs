//! How sessions begin and end.

use std::time::Duration;

use ferrolb_peering::Liveness;
use ferrolb_peering::bgp::Stop;
use ferrolb_routers::{Hops, Make, until};
use ferrolb_speaker::bfd::Reach;
use ferrolb_speaker::peers::{Happened, News};

use super::scene::{Scene, Started, V4, V6, nothing_is_wrong};
use crate::announcer::{Announcer, every, signed, table};
use crate::site::ROUTER;
use crate::trials::plain;

pub(super) fn md5(make: Make) -> &'static str {
    for (over, prefix) in [(0, V4), (1, V6)] {
        let mut scene = Scene::new(make, over);
        scene.session.password = Some("hunter2".to_owned());
        let router = scene.router();
        let routes = table([prefix.to_owned()], &plain());
        let node = Announcer::start(&scene.site.node);
        if over == 0 {
            node.tell(&signed(scene.spec.clone(), "hunter3"), &routes);
            until("no answer", || node.last().contains("password"));
            assert!(!node.is_up() && !router.is_up());
        }
        node.tell(&signed(scene.spec.clone(), "hunter2"), &routes);
        until("the route", || router.route(prefix).is_some());
        nothing_is_wrong(&node, &*router);
    }
    "yes"
}

/// An external session over IPv4, and an internal one over IPv6.
pub(super) fn ttl_security(make: Make) -> &'static str {
    let near = |mut scene: Scene| {
        scene.spec.endpoint.ttl_security = true;
        scene.session.hops = Hops::Proven;
        scene
    };
    let external = near(Scene::new(make, 0));
    let started = external.start(&[V4], &plain());
    nothing_is_wrong(&started.node, &*started.router);
    // Whatever these two are told, what their listening sockets answer over IPv6 has 64 hops.
    if matches!(make, Make::GoBgp | Make::ExaBgp) {
        return "over IPv4 only";
    }
    let internal = near(Scene::internal(make));
    let started = internal.start(&[V6], &plain());
    nothing_is_wrong(&started.node, &*started.router);
    "yes"
}

pub(super) fn multihop(make: Make) -> &'static str {
    let scene = Scene::with_a_hop_between(make);
    let started = scene.start(&[V4], &plain());
    if make.fills_the_kernel() {
        until("the kernel's route", || scene.site.kernel_routes("-4").len() == 1);
    }
    nothing_is_wrong(&started.node, &*started.router);
    "yes"
}

pub(super) fn bfd(make: Make) -> &'static str {
    let mut scene = Scene::new(make, 0);
    scene.session.bfd = true;
    let router = scene.router();
    let routes = table([V4.to_owned()], &plain());
    let mut node = scene.node(&routes);
    // FRR 8 takes down what was up before BGP is, and the node warns of it. FRR 10 has no session before BFD is up.
    if make != Make::NewerFrr {
        until("the session to be up", || node.is_up());
    }
    node.watch(ROUTER[0], every(300), Reach::Segment);
    node.tell(&scene.spec, &routes);
    until("both ends to be watched", || {
        node.is_up() && node.liveness() == Some(Liveness::Up) && router.watches()
    });
    until("the route", || router.route(V4).is_some());
    if make == Make::NewerFrr {
        // It takes its BFD down when BGP comes up, which has to come after: the node warns of that.
        let others = |line: &String| !line.contains("the peer says that it is down");
        let others: Vec<String> = node.troubles().into_iter().filter(others).collect();
        assert_eq!([router.troubles(), others].concat(), Vec::<String>::new());
    } else {
        nothing_is_wrong(&node, &*router);
    }
    node.go_deaf();
    let _before = node.news();
    // The node has its connection, and dials again at once: the route is gone for a moment only.
    let is_end = |news: News| matches!(news.what, Happened::Down(_));
    until("the router to end the session", || {
        node.news().into_iter().any(is_end)
    });
    "yes"
}

pub(super) fn graceful_restart(make: Make) -> &'static str {
    let mut scene = Scene::new(make, 0);
    scene.session.graceful_restart = true;
    scene.spec.graceful_restart = Some(Duration::from_secs(60));
    let routes = table([V4.to_owned()], &plain());
    let Started { node, router } = scene.start(&[V4], &plain());
    let stays = || {
        assert!(router.route(V4).is_some(), "{}", router.log());
        if make.fills_the_kernel() {
            assert_eq!(scene.site.kernel_routes("-4").len(), 1, "{}", router.log());
        }
    };
    if make.fills_the_kernel() {
        until("the kernel's route", || scene.site.kernel_routes("-4").len() == 1);
    }
    nothing_is_wrong(&node, &*router);
    node.stop(Stop::Restart);
    until("the router to notice", || !router.is_up());
    stays();
    let node = scene.node(&routes);
    until("both to be up again", || {
        stays();
        node.is_up() && router.is_up()
    });
    "yes"
}
