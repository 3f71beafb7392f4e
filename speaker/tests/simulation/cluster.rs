//! A cluster: Services, endpoints and nodes as the API has them, and what each speaker makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::{
    BgpAdvert, BgpPeer, Endpoint, Node, NodeName, PeerName, Pool, Pools, ServiceKey, ServiceView,
};
use ferrolb_peering::Prefix;
use ferrolb_peering::bgp::State;
use ferrolb_speaker::may::{Service, View};
use ferrolb_speaker::routes::{Policy, SessionsByNode, given_up, routes};
use serde_json::{Value, json};

use crate::world::{World, ms, service};

pub(crate) const NODES: usize = 20;
pub(crate) const SERVICES: usize = 12;
/// How often speakers hear of each other's sessions.
const SLICE: Duration = ms(50);

/// What is wanted of a Service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) local: bool,
    /// The nodes of its endpoints; not ready: terminating.
    pub(crate) endpoints: BTreeMap<usize, bool>,
}

/// All of it.
pub(crate) struct Cluster {
    pub(crate) world: World,
    pub(crate) services: BTreeMap<usize, Wish>,
    pub(crate) cordoned: BTreeSet<usize>,
    view: View,
    policy: Policy,
    /// What nodes said last of their sessions.
    sessions: SessionsByNode,
}

fn name(node: usize) -> NodeName {
    format!("n{node}").as_str().into()
}

fn peer(router: usize) -> PeerName {
    format!("tor-{router}").as_str().into()
}

fn object<T: serde::de::DeserializeOwned>(name: &str, spec: Value) -> T {
    let object = json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": {"name": name}, "spec": spec});
    serde_json::from_value(object).unwrap()
}

fn policy() -> Policy {
    let peer = |router: usize| {
        let address = format!("192.0.2.{}", router + 1);
        let spec = json!({"myASN": 64512, "peerASN": 64500, "peerAddress": address,
            "dualStackAddressFamily": true});
        let peer = BgpPeer::parse(&object(peer(router).as_str(), spec)).unwrap();
        (peer.name.clone(), peer)
    };
    let advert = BgpAdvert::parse(&object("all", json!({"communities": ["64512:1"]}))).unwrap();
    Policy {
        peers: Arc::new([0, 1].map(peer).into()),
        adverts: Arc::new([(advert.name.clone(), advert)].into()),
        ..Policy::default()
    }
}

impl Cluster {
    /// All nodes run, and all Services have an endpoint on each.
    pub(crate) fn running(seed: u64) -> Self {
        let pool = object("p", json!({"addresses": ["198.18.0.0/24", "2001:db8:1::/120"]}));
        let mut cluster = Self {
            world: World::new(NODES, 2, seed),
            services: BTreeMap::new(),
            cordoned: BTreeSet::new(),
            view: View {
                pools: Arc::new(Pools::new([Pool::read(&pool)]).0),
                ..View::default()
            },
            policy: policy(),
            sessions: SessionsByNode::new(),
        };
        (0..NODES).for_each(|node| cluster.see(node, true));
        for number in 0..SERVICES {
            let endpoints = (0..NODES).map(|node| (node, true)).collect();
            let local = number % 3 == 0;
            cluster.put(number, Some(Wish { local, endpoints }));
        }
        cluster.decide();
        (0..NODES).for_each(|node| cluster.world.boot(node));
        cluster.pass(ms(5000));
        cluster
    }

    /// The Service is to be so, or not to be.
    pub(crate) fn put(&mut self, number: usize, wish: Option<Wish>) {
        let key = ServiceKey::new("shop", format!("s{number}"));
        let all = Arc::make_mut(&mut self.view.services);
        let Some(wish) = wish else {
            all.remove(&key);
            self.services.remove(&number);
            return;
        };
        let policy = if wish.local { "Local" } else { "Cluster" };
        let address = service(number).network().to_string();
        let object = json!({"metadata": {"namespace": "shop", "name": format!("s{number}")},
            "spec": {"type": "LoadBalancer", "externalTrafficPolicy": policy},
            "status": {"loadBalancer": {"ingress": [{"ip": address}]}}});
        let endpoint = |(node, ready): (&usize, &bool)| Endpoint {
            node: Some(name(*node)),
            ready: *ready,
            serving: true,
        };
        let of_service = Service {
            view: Arc::new(ServiceView::read(&serde_json::from_value(object).unwrap()).into()),
            endpoints: wish.endpoints.iter().map(endpoint).collect(),
        };
        all.insert(key, of_service);
        self.services.insert(number, wish);
    }

    /// What the API says of the node.
    pub(crate) fn see(&mut self, node: usize, ready: bool) {
        let ready = if ready { "True" } else { "Unknown" };
        let object = json!({"metadata": {"name": name(node)},
            "spec": {"unschedulable": self.cordoned.contains(&node)},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        let (name, node) = Node::read(&serde_json::from_value(object).unwrap());
        Arc::make_mut(&mut self.view.nodes).insert(name, node);
    }

    pub(crate) fn cordon(&mut self, node: usize, cordoned: bool) {
        match cordoned {
            true => self.cordoned.insert(node),
            false => self.cordoned.remove(&node),
        };
        self.see(node, true);
    }

    /// What routers are told follows from all that is known.
    pub(crate) fn decide(&mut self) {
        for node in 0..NODES {
            let node_name = name(node);
            let decided = routes(&self.view, &self.policy, &node_name);
            let gone = given_up(&decided, &self.sessions, &self.view, &node_name);
            for router in [0, 1] {
                let gone = gone.get(&peer(router));
                let is_told = |prefix: &Prefix| !gone.is_some_and(|gone| gone.contains(prefix));
                let table = decided.tables[&peer(router)].iter();
                let table = table.filter(|(prefix, _)| is_told(prefix));
                let table = table.map(|(prefix, attributes)| (*prefix, Arc::new(attributes.clone())));
                let table = Arc::new(table.collect());
                if self.world.pairs[&(node, router)].wanted != table {
                    self.world.want_of(node, router, table);
                }
            }
        }
    }

    /// Nodes say what their sessions are at; of one that does not run the last word stands.
    fn report(&mut self) -> bool {
        let mut sessions = self.sessions.clone();
        for node in (0..NODES).filter(|node| self.world.nodes[*node].runs) {
            let is_up = |router: &usize| {
                let session = self.world.session(node, *router);
                session.is_some_and(|session| session.status().state == State::Established)
            };
            let up = [0, 1].into_iter().filter(is_up).map(peer);
            sessions.insert(name(node), up.collect());
        }
        let differs = sessions != self.sessions;
        self.sessions = sessions;
        differs
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.watch(time, |_, _| {});
    }

    /// Lets time pass, and looks after each event at the world and at what is wanted.
    pub(crate) fn watch(&mut self, time: Duration, look: impl Fn(&World, &BTreeMap<usize, Wish>)) {
        let end = self.world.now + time;
        while self.world.now < end {
            let slice = SLICE.min(end.since(self.world.now));
            let services = &self.services;
            self.world.watch(slice, |world| look(world, services));
            if self.report() {
                self.decide();
            }
        }
    }
}

/// Whether there is a reason for the node to tell the Service: not how the decision finds it, but what it is for.
pub(crate) fn has_reason(services: &BTreeMap<usize, Wish>, node: usize, number: usize) -> bool {
    services.get(&number).is_some_and(|wish| {
        let any_ready = wish.endpoints.values().any(|ready| *ready);
        match (wish.local, wish.endpoints.get(&node)) {
            (false, _) => !wish.endpoints.is_empty(),
            (true, None) => false,
            (true, Some(ready)) => *ready || !any_ready,
        }
    })
}
