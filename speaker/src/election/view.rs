//! What an election depends on, all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{
    Advert, AdvertName, Endpoints, InterfaceName, Node, NodeName, Pools, ServiceKey, ServiceView,
};
use ipnetwork::IpNetwork;

/// The cluster at one moment.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// All Services, ours or not.
    pub services: BTreeMap<ServiceKey, Candidate>,
    /// All valid pools.
    pub pools: Pools,
    /// All valid advertisements.
    pub adverts: BTreeMap<AdvertName, Advert>,
    /// All nodes.
    pub nodes: BTreeMap<NodeName, Node>,
    /// Which nodes are alive.
    pub liveness: Liveness,
    /// Interfaces of nodes, as far as they are known; of a node that is missing here nothing is checked.
    pub links: BTreeMap<NodeName, Vec<LinkFacts>>,
    /// Who holds an address now. Only [`Ranking::Full`] asks.
    pub holders: BTreeMap<IpAddr, NodeName>,
    /// What the command line says.
    pub options: Options,
}

/// A Service and where its endpoints are.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The Service.
    pub service: Arc<ServiceView>,
    /// Its endpoints.
    pub endpoints: Arc<Endpoints>,
}

/// Which nodes are alive.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Liveness {
    /// Not known yet: nothing new is announced.
    #[default]
    Unknown,
    /// These and no others.
    Known(BTreeSet<NodeName>),
}

/// One interface of a node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LinkFacts {
    /// Its name.
    pub interface: InterfaceName,
    /// Whether frames can leave it.
    pub carrier: bool,
    /// The subnets it is on.
    pub subnets: Vec<IpNetwork>,
}

/// What the command line says about elections.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// `--lb-class`: the class of Services that are ours; none means those without a class.
    pub class: Option<String>,
    /// `--ignore-exclude-lb`: the exclude label of nodes means nothing.
    pub ignore_exclude_label: bool,
    /// How eligible nodes are ranked.
    pub ranking: Ranking,
}

/// How eligible nodes are ranked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Ranking {
    /// Preference, then hash: a pod that moves, or a Service that comes or goes, moves no address. For daemons that
    /// do not know who holds what.
    #[default]
    Stable,
    /// Preference alone: holders are seated afterwards ([`super::Elections::seat`]), so that only whether there is
    /// somebody matters, and nothing need be hashed.
    Seated,
    /// Preference, holder, load bound, locality, hash.
    Full,
}

impl View {
    /// Whether the exclude label keeps nodes out: not if it is ignored, nor if every node carries it.
    pub(super) fn exclusion(&self) -> Exclusion {
        let everywhere = !self.nodes.is_empty() && self.nodes.values().all(Node::excluded);
        match (self.options.ignore_exclude_label, everywhere) {
            (true, _) => Exclusion::Ignored,
            (false, true) => Exclusion::Everywhere,
            (false, false) => Exclusion::Applies,
        }
    }
}

/// What the exclude label of nodes means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Exclusion {
    /// Nodes that carry it announce nothing.
    Applies,
    /// Every node carries it; taken at its word nobody would announce anything.
    Everywhere,
    /// It was asked to ignore it.
    Ignored,
}
