//! A node that announces, and a router of some make that it announces to.

use ferrolb_peering::Family;
use ferrolb_peering::bgp::{Attributes, ExportTable, PeerSpec};
use ferrolb_routers::{Family as RouterFamily, Hops, Make, Router, Session, until};

use crate::announcer::{Announcer, OURS, THEIRS, external, internal, table, unnumbered};
use crate::netns::Namespace;
use crate::site::{FAR, NODE, ROUTER, Site};

/// What the node tells.
pub(super) const V4: &str = "198.51.100.10/32";
/// The same of the other family.
pub(super) const V6: &str = "2001:db8:f::10/128";

/// Both ends, before any of them has begun.
pub(super) struct Scene {
    pub(super) make: Make,
    pub(super) site: Site,
    /// What the node holds.
    pub(super) spec: PeerSpec,
    /// What the router is configured for.
    pub(super) session: Session,
    _between: Option<Namespace>,
}

/// Both ends while they run.
pub(super) struct Started {
    pub(super) node: Announcer,
    pub(super) router: Box<dyn Router>,
}

impl Scene {
    /// An external session over IPv4 (0) or IPv6 (1), for routes of the same family.
    pub(super) fn new(make: Make, over: usize) -> Self {
        let family = [RouterFamily::V4, RouterFamily::V6][over];
        Self {
            make,
            site: Site::new(),
            spec: external(ROUTER[over]),
            session: Session {
                unnumbered: false,
                router: ROUTER[over].parse().unwrap(),
                node: NODE[over].parse().unwrap(),
                remote: OURS,
                families: vec![family],
                password: None,
                hops: Hops::One,
                bfd: false,
                graceful_restart: false,
            },
            _between: None,
        }
    }

    /// An internal session over IPv6.
    pub(super) fn internal(make: Make) -> Self {
        let mut scene = Self::new(make, 1);
        scene.spec = internal(ROUTER[1]);
        scene.session.remote = THEIRS;
        scene
    }

    /// An external session over IPv4, with another router between both ends.
    pub(super) fn with_a_hop_between(make: Make) -> Self {
        let (site, between) = Site::with_a_hop_between();
        let mut scene = Self {
            site,
            spec: external(FAR[0]),
            _between: Some(between),
            ..Self::new(make, 0)
        };
        scene.spec.endpoint.multihop = true;
        scene.session.router = FAR[0].parse().unwrap();
        scene.session.hops = Hops::Several {
            by: FAR[1].parse().unwrap(),
        };
        scene
    }

    /// An external session for routes of both families, between two ends that have no addresses but those of the link.
    pub(super) fn unnumbered(make: Make) -> Self {
        let mut scene = Self {
            site: Site::without_addresses(),
            spec: unnumbered(),
            ..Self::new(make, 1).both_families()
        };
        scene.session.unnumbered = true;
        scene
    }

    /// Routes of both families go over the session.
    pub(super) fn both_families(mut self) -> Self {
        self.spec.families = [Family::V4, Family::V6].into();
        self.session.families = vec![RouterFamily::V4, RouterFamily::V6];
        self
    }

    pub(super) fn router(&self) -> Box<dyn Router> {
        self.make.start(self.site.router.name(), &self.session)
    }

    pub(super) fn node(&self, routes: &ExportTable) -> Announcer {
        let node = Announcer::start(&self.site.node);
        node.tell(&self.spec, routes);
        node
    }

    /// Starts both ends and waits until the router has these prefixes.
    pub(super) fn start(&self, prefixes: &[&str], attributes: &Attributes) -> Started {
        let router = self.router();
        let prefixes = prefixes.iter().copied();
        let node = self.node(&table(prefixes.clone().map(str::to_owned), attributes));
        for prefix in prefixes {
            until(&format!("the route to {prefix}"), || {
                router.route(prefix).is_some()
            });
        }
        Started { node, router }
    }
}

/// Neither end has logged anything that speaks of something wrong.
pub(super) fn nothing_is_wrong(node: &Announcer, router: &dyn Router) {
    let nothing: [String; 0] = [];
    assert_eq!(router.troubles(), nothing);
    assert_eq!(node.troubles(), nothing);
}
