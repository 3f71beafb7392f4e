//! Two nodes, each with a session to one peer, and what both tell it of a Service of policy Local.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::{BgpAdvert, BgpPeer, NodeName, PeerName, Sessions};
use ferrolb_peering::bgp::{Attributes, Community};
use serde_json::json;
use tokio::time::Instant;

use super::arriving::Arriving;
use super::ending::Ending;
use super::turnover::Turnover;
use crate::may::View;
use crate::may::fixture::{cluster, local_service};
use crate::routes::{Policy, SessionsByNode, Table, routes};

const ADDRESS: &str = "192.0.2.1";
const NODES: [&str; 2] = ["n1", "n2"];

/// Peer `tor`, which is told of everything.
fn policy() -> Policy {
    let peer = json!({"metadata": {"name": "tor"},
        "spec": {"myASN": 64512, "peerASN": 64500, "peerAddress": "198.51.100.1"}});
    let peer = BgpPeer::parse(&serde_json::from_value(peer).unwrap()).unwrap();
    let advert = json!({"metadata": {"name": "all"}, "spec": {}});
    let advert = BgpAdvert::parse(&serde_json::from_value(advert).unwrap()).unwrap();
    Policy {
        peers: Arc::new([(peer.name.clone(), peer)].into()),
        adverts: Arc::new([(advert.name.clone(), advert)].into()),
        ..Policy::default()
    }
}

#[derive(Default)]
struct Speaker {
    turnover: Turnover,
    arriving: Arriving,
    ending: Ending,
    told: Option<Table>,
}

/// Nodes n1 and n2 with a session each, Service shop/web of policy Local, and what their speakers make of it.
pub(super) struct Scene {
    pub(super) view: View,
    pub(super) sessions: SessionsByNode,
    speakers: BTreeMap<&'static str, Speaker>,
    began: Instant,
}

impl Scene {
    /// Both have told of these endpoints already.
    pub(super) fn with_endpoints_on(nodes: &[&str]) -> Self {
        let mut view = cluster(&NODES);
        local_service(&mut view, "web", &[ADDRESS], nodes);
        let up = Sessions::from(["tor".into()]);
        let mut scene = Self {
            view,
            sessions: NODES.map(|node| (node.into(), up.clone())).into(),
            speakers: NODES.map(|node| (node, Speaker::default())).into(),
            began: Instant::now(),
        };
        for node in NODES {
            scene.tells(node, 0);
        }
        scene
    }

    /// Whether the node tells the address so many milliseconds after the beginning.
    pub(super) fn tells(&mut self, node: &'static str, milliseconds: u64) -> bool {
        self.route(node, milliseconds).is_some()
    }

    /// Whether it does so as the least, for other routes to be chosen.
    pub(super) fn tells_as_the_least(&mut self, node: &'static str, milliseconds: u64) -> bool {
        let route = self.route(node, milliseconds);
        route.is_some_and(|route| {
            (route.communities.standard).contains(&Community::GRACEFUL_SHUTDOWN)
                && route.local_pref == Some(0)
        })
    }

    /// When the node has something to tell next although nothing changes, in milliseconds after the beginning.
    pub(super) fn next(&self, node: &str, milliseconds: u64) -> Option<u64> {
        let now = self.began + Duration::from_millis(milliseconds);
        let Speaker { arriving, ending, .. } = &self.speakers[node];
        let next = arriving.next(now).into_iter().chain(ending.next()).min()?;
        Some(u64::try_from((next - self.began).as_millis()).unwrap())
    }

    fn route(&mut self, node: &'static str, milliseconds: u64) -> Option<Attributes> {
        let now = self.began + Duration::from_millis(milliseconds);
        let (name, peer) = (NodeName::from(node), PeerName::from("tor"));
        let routes = Arc::new(routes(&self.view, &policy(), &name));
        let speaker = self.speakers.get_mut(node)?;
        let changed = speaker.turnover.follow(&routes);
        speaker.arriving.follow(&routes, &changed, &name, now);
        speaker.ending.follow(&routes, &changed, &name, now);
        let table = Cow::Borrowed(&routes.tables[&peer]);
        let (told, all) = (speaker.told.as_ref(), (&*routes, &self.sessions, &self.view));
        let table = speaker.arriving.table(&peer, table, told, all, now);
        let table = speaker.ending.table(table, told).into_owned();
        let route = table.values().next().cloned();
        speaker.told = Some(table);
        route
    }
}
