//! Objects of the kinds that matter, wherever they come from, and the world that the controller makes of them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_controller::alloc::{World, addresses_of, api_server_of, doubts, labels_of, subnets_of};
use ferrolb_crds::api::core::{self, EndpointSlice, Namespace, Service};
use ferrolb_crds::api::{
    BFDProfile, BGPAdvertisement, BGPPeer, BGPSessionState, Community, ConfigurationState, IPAddressPool,
    L2Advertisement, ServiceBGPStatus, ServiceL2Status,
};
use ferrolb_crds::domain::{Invalid, Node, NodeName, Pool, PoolName, Pools, ServiceKey, ServiceView};
use kube::{Resource, ResourceExt};

use crate::problem::{ObjectId, Problem};

/// Objects, each at most once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    pub(crate) pools: Vec<IPAddressPool>,
    pub(crate) adverts: Vec<L2Advertisement>,
    pub(crate) bgp: BgpObjects,
    pub(crate) services: Vec<Service>,
    pub(crate) slices: Vec<EndpointSlice>,
    pub(crate) nodes: Vec<core::Node>,
    pub(crate) namespaces: Vec<Namespace>,
    /// What speakers tell of their nodes.
    pub(crate) states: Vec<ConfigurationState>,
    /// Which node announces which Service.
    pub(crate) statuses: Vec<ServiceL2Status>,
    /// Which node tells which peers of which Service.
    pub(crate) bgp_statuses: Vec<ServiceBGPStatus>,
    /// What the sessions of nodes with peers are at.
    pub(crate) sessions: Vec<BGPSessionState>,
    /// The addresses in the status of Services that cannot be read.
    pub(crate) held_by_odd: BTreeMap<IpAddr, ServiceKey>,
    /// The addresses of nodes that cannot be read.
    pub(crate) addresses_of_odd: BTreeMap<IpAddr, NodeName>,
}

/// Those of BGP.
#[derive(Clone, Debug, Default)]
pub(crate) struct BgpObjects {
    pub(crate) peers: Vec<BGPPeer>,
    pub(crate) profiles: Vec<BFDProfile>,
    pub(crate) adverts: Vec<BGPAdvertisement>,
    pub(crate) communities: Vec<Community>,
}

impl BgpObjects {
    /// What they are called.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ObjectId> + '_ {
        let peers = self.peers.iter().map(id);
        let others = self.profiles.iter().map(id).chain(self.adverts.iter().map(id));
        peers.chain(others).chain(self.communities.iter().map(id))
    }
}

impl Objects {
    /// What the controller decides on; pools that it would skip become problems.
    pub(crate) fn world(&self, class: Option<&str>, problems: &mut Vec<Problem>) -> World {
        let (pools, overlaps) = Pools::new(self.pools.iter().map(Pool::read));
        let ids: BTreeMap<String, ObjectId> =
            self.pools.iter().map(|one| (one.name_any(), id(one))).collect();
        let problem = |(pool, why): (PoolName, Invalid)| Problem::new(ids[pool.as_str()].clone(), why);
        problems.extend(overlaps.into_iter().map(&problem));
        let views = self
            .services
            .iter()
            .map(|service| Arc::new(ServiceView::read(service)));
        let mut nodes = self.addresses_of_odd.clone();
        nodes.extend(addresses_of(&self.nodes()));
        let world = World {
            services: views.map(|view| (view.key.clone(), view)).collect(),
            pools,
            namespaces: labels_of(&self.namespaces),
            nodes,
            api_server: api_server_of(&self.slices),
            subnets: subnets_of(&self.states),
            unreadable: self.held_by_odd.clone(),
            class: class.map(str::to_owned),
            ..World::default()
        };
        problems.extend(doubts(&world).into_iter().map(problem));
        world
    }

    pub(crate) fn nodes(&self) -> BTreeMap<NodeName, Node> {
        self.nodes.iter().map(Node::read).collect()
    }
}

/// Kind, namespace and name of an object.
pub(crate) fn id<K: Resource<DynamicType = ()>>(object: &K) -> ObjectId {
    ObjectId::new(
        &K::kind(&()),
        object.namespace().unwrap_or_default(),
        object.name_any(),
    )
}

/// The valid ones; the others become problems.
pub(crate) fn parse_all<K, T>(
    objects: &[K],
    parse: impl Fn(&K) -> Result<T, Invalid>,
    problems: &mut Vec<Problem>,
) -> Vec<T>
where
    K: Resource<DynamicType = ()>,
{
    let mut valid = Vec::new();
    for object in objects {
        match parse(object) {
            Ok(value) => valid.push(value),
            Err(invalid) => problems.push(Problem::new(id(object), invalid)),
        }
    }
    valid
}
