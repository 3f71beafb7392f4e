//! What is shown, in the shape that `-o json` prints; stable, documented in `docs/explain.md`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_crds::api::core::Service;
use ferrolb_crds::api::{BGPSessionStateStatus, Condition, IPAddressPool};
use ferrolb_crds::domain::{
    InterfaceName, Node, NodeLink, NodeLinks, NodeName, PoolName, ServiceKey, ServiceView, TrafficPolicy,
};
use ferrolb_crds::names::{ANNOUNCED, CONDITION_ANNOUNCED, CONDITION_ASSIGNED};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde::Serialize;

use crate::conditions::{self, ASSIGNED};
use crate::holding::{Holder, Holdings, Teller};
use crate::objects::Objects;
use crate::problem::Problem;
use crate::sessions;
use crate::speakers::{Pod, Speaker, speakers};

/// The state of a Service whose conditions nobody has written yet.
const PENDING: &str = "Pending";

/// The whole answer.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) services: Vec<ServiceRow>,
    pub(super) pools: Vec<PoolRow>,
    pub(super) nodes: Vec<NodeRow>,
    /// The sessions of the nodes with BGP peers.
    pub(super) sessions: Vec<SessionRow>,
    /// Objects that cannot be read.
    pub(super) problems: Vec<Problem>,
}

/// A Service of ours.
#[derive(Debug, Serialize)]
pub(super) struct ServiceRow {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) policy: TrafficPolicy,
    pub(super) addresses: Vec<AddressRow>,
    /// The word of the condition that says what is wrong or odd; `Announced` if nothing is.
    pub(super) state: String,
    /// How good that is.
    pub(super) health: Health,
    /// The sentence of that condition.
    pub(super) message: String,
}

/// How a Service does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(super) enum Health {
    Good,
    /// It works, and something is odd.
    Odd,
    Bad,
}

/// An address of a Service.
#[derive(Debug, Serialize)]
pub(super) struct AddressRow {
    pub(super) address: IpAddr,
    pub(super) pool: Option<PoolName>,
    /// The nodes that say that they announce the Service, the latest first.
    pub(super) holders: Vec<Holder>,
    /// The nodes that say that they tell of the Service by BGP, over sessions that are up.
    pub(super) tellers: Vec<Teller>,
    /// What the speakers found on the wire, if they say so.
    pub(super) wire: Option<String>,
}

/// A pool. Its numbers are those that the controller wrote; none if it wrote none yet.
#[derive(Debug, Serialize)]
pub(super) struct PoolRow {
    pub(super) name: String,
    pub(super) addresses: Vec<String>,
    pub(super) auto_assign: bool,
    pub(super) used_ipv4: Option<i64>,
    pub(super) free_ipv4: Option<i64>,
    pub(super) used_ipv6: Option<i64>,
    pub(super) free_ipv6: Option<i64>,
}

/// A node.
#[derive(Debug, Serialize)]
pub(super) struct NodeRow {
    pub(super) name: NodeName,
    pub(super) ready: bool,
    /// How many addresses it says that it announces, of the Services that were read.
    pub(super) addresses: usize,
    #[serde(flatten)]
    pub(super) speaker: Speaker,
    /// The interfaces on which it could announce.
    pub(super) links: BTreeMap<InterfaceName, NodeLink>,
}

/// A session of a node with a BGP peer.
#[derive(Debug, Serialize)]
pub(super) struct SessionRow {
    pub(super) node: String,
    /// The name of the `BGPPeer`.
    pub(super) peer: String,
    /// Its address.
    pub(super) address: String,
    /// The state by its name in RFC 4271.
    pub(super) state: String,
    pub(super) up: bool,
    /// `up`, `down`, or `N/A` without BFD.
    pub(super) bfd: String,
    /// Since when it is up, or not.
    pub(super) since: Option<Time>,
    /// How many prefixes the peer was told; none while the session is not up.
    pub(super) sent_ipv4: Option<i64>,
    pub(super) sent_ipv6: Option<i64>,
    /// Why the last session or attempt ended.
    pub(super) last_error: String,
}

fn sessions(objects: &Objects) -> Vec<SessionRow> {
    let row = |status: &BGPSessionStateStatus| SessionRow {
        node: status.node.clone(),
        peer: status.bgp_peer.clone(),
        address: status.peer.clone(),
        state: status.bgp_status.clone(),
        up: status.is_up(),
        bfd: status.bfd_status.clone(),
        since: status.since.clone(),
        sent_ipv4: status.prefixes_sent.as_ref().map(|sent| sent.ipv4),
        sent_ipv6: status.prefixes_sent.as_ref().map(|sent| sent.ipv6),
        last_error: status.last_error.clone(),
    };
    let mut rows: Vec<SessionRow> = sessions::statuses(&objects.sessions).map(row).collect();
    rows.sort_by(|one, other| (&one.node, &one.peer).cmp(&(&other.node, &other.peer)));
    rows
}

impl Status {
    /// What these objects show. `class` is that of Services of ours.
    pub(super) fn of(seen: &Seen, class: Option<&str>) -> Self {
        let objects = &seen.objects;
        let holdings = Holdings::of(objects);
        let mut services: Vec<ServiceRow> = objects
            .services
            .iter()
            .filter(|service| seen.shows(service))
            .filter_map(|service| ServiceRow::of(service, &holdings, class))
            .collect();
        services.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
        let mut pools: Vec<PoolRow> = objects.pools.iter().map(PoolRow::of).collect();
        pools.sort_by(|one, other| one.name.cmp(&other.name));
        Self {
            services,
            pools,
            nodes: nodes(seen, &holdings),
            sessions: sessions(objects),
            problems: seen.problems.clone(),
        }
    }
}

/// What was read of a cluster.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) objects: Objects,
    /// The pods of the speakers; none where they may not be listed.
    pub(super) pods: Option<Vec<Pod>>,
    pub(super) problems: Vec<Problem>,
    /// The namespace whose Services are shown; none for all.
    pub(super) namespace: Option<String>,
}

impl Seen {
    fn shows(&self, service: &Service) -> bool {
        let here = || service.namespace().unwrap_or_default();
        self.namespace
            .as_ref()
            .is_none_or(|namespace| *namespace == here())
    }
}

impl ServiceRow {
    /// None if it is not ours, and bears nothing of ours.
    fn of(service: &Service, holdings: &Holdings<'_>, class: Option<&str>) -> Option<Self> {
        let view = ServiceView::read(service);
        let assigned = service.condition(CONDITION_ASSIGNED);
        if !view.class.is_ours(class) && assigned.is_none() {
            return None;
        }
        let announced = service.condition(CONDITION_ANNOUNCED);
        let address = |address: IpAddr| AddressRow {
            address,
            pool: view.origin(address).cloned(),
            holders: holdings.holders(&view.key, address),
            tellers: holdings.tellers(&view.key),
            wire: conditions::wire(announced),
        };
        let telling = telling(assigned, announced);
        Some(Self {
            namespace: view.key.namespace.to_string(),
            name: view.key.name.to_string(),
            policy: view.policy,
            addresses: view.ingress.iter().map(address).collect(),
            state: telling.map_or(PENDING, |one| &one.reason).to_owned(),
            health: match telling {
                Some(one) if one.status != "True" => Health::Bad,
                Some(one) if one.reason == ANNOUNCED => Health::Good,
                _ => Health::Odd,
            },
            message: telling.map(|one| one.message.clone()).unwrap_or_default(),
        })
    }
}

/// The condition that says most: that it has no address, then that it is not announced, then that something is odd.
fn telling<'a>(assigned: Option<&'a Condition>, announced: Option<&'a Condition>) -> Option<&'a Condition> {
    let bad = |one: &&Condition| one.status != "True";
    let odd = |one: &&Condition| one.reason != ASSIGNED;
    assigned
        .filter(bad)
        .or_else(|| announced.filter(bad))
        .or_else(|| assigned.filter(odd))
        .or(announced)
        .or(assigned)
}

impl PoolRow {
    fn of(pool: &IPAddressPool) -> Self {
        let status = pool.status.as_ref();
        Self {
            name: pool.name_any(),
            addresses: pool.spec.addresses.clone(),
            auto_assign: pool.spec.auto_assign,
            used_ipv4: status.map(|one| one.assigned_ipv4),
            free_ipv4: status.map(|one| one.available_ipv4),
            used_ipv6: status.map(|one| one.assigned_ipv6),
            free_ipv6: status.map(|one| one.available_ipv6),
        }
    }
}

fn nodes(seen: &Seen, holdings: &Holdings<'_>) -> Vec<NodeRow> {
    let objects = &seen.objects;
    let nodes: BTreeMap<NodeName, Node> = objects.nodes();
    let mut speakers = speakers(nodes.keys(), &objects.states, seen.pods.as_deref());
    let sizes: BTreeMap<ServiceKey, usize> = objects
        .services
        .iter()
        .map(|service| {
            let view = ServiceView::read(service);
            (view.key, view.ingress.len())
        })
        .collect();
    let held = holdings.by_node();
    let row = |(name, node): (NodeName, Node)| {
        let services = held.get(&name).into_iter().flatten();
        let links = holdings.links(&name).into_iter().flat_map(NodeLinks::iter);
        Some(NodeRow {
            ready: node.ready,
            addresses: services.filter_map(|key| sizes.get(*key)).sum(),
            speaker: speakers.remove(&name)?,
            links: links
                .map(|(interface, link)| (interface.clone(), link.clone()))
                .collect(),
            name,
        })
    };
    nodes.into_iter().filter_map(row).collect()
}
