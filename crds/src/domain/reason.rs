//! Why not: every reason for which a Service gets no address, nobody announces one, or a node may not. Word, metric label
//! and sentence all come from here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use heck::ToSnakeCase;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use strum::{IntoStaticStr, VariantNames};
use thiserror::Error;

use super::{
    Addresses, AdvertName, Families, InterfaceName, Invalid, NodeName, PeerName, PoolName, ServiceKey,
};
use words::{families, of_nodes};

mod occupant;
mod proxy;
mod tried;
mod unshared;
mod unsuitable;
mod wire;
mod words;

pub use occupant::{Occupant, Withheld};
pub use proxy::ProxyFault;
pub use tried::Tried;
pub use unshared::Unshared;
pub use unsuitable::PoolRefusal;
pub use wire::{Disputed, Taken, Unanswered};
pub use words::{NOT_ANNOUNCED, listed};

/// A refusal. Printed as a sentence; serialized as `{"reason": word, "message": sentence}`.
#[derive(Clone, Debug, Eq, Error, IntoStaticStr, Ord, PartialEq, PartialOrd, VariantNames)]
pub enum Reason {
    // The Service gets no address.
    /// It is of another type or class.
    #[error("not of type LoadBalancer, or of another spec.loadBalancerClass")]
    NotOurs,
    /// There is no pool at all.
    #[error("there is no IPAddressPool")]
    NoPools,
    /// The families wanted are not known, or contradict each other.
    #[error("{0}")]
    InvalidFamilies(Invalid),
    /// The request cannot be read.
    #[error("{0}")]
    InvalidRequest(Invalid),
    /// Addresses of other families are asked for than the Service has (`spec.clusterIPs`).
    #[error("asks for {asked}, but wants {}", families(*.wanted))]
    FamilyMismatch {
        /// What is asked for.
        asked: Addresses,
        /// What the Service's cluster addresses call for.
        wanted: Families,
    },
    /// The pool asked for does not exist.
    #[error("pool {0} does not exist or is invalid")]
    UnknownPool(PoolName),
    /// The address asked for is in no pool.
    #[error("{0} is in no pool")]
    NotInAnyPool(IpAddr),
    /// The address asked for is not in the pool asked for.
    #[error("{address} is not in pool {pool}")]
    NotInPool {
        /// The address asked for.
        address: IpAddr,
        /// The pool asked for.
        pool: PoolName,
    },
    /// The pool of the address asked for is not for this Service.
    #[error("pool {pool} of {address} does not admit the Service (spec.serviceAllocation)")]
    NotAdmitted {
        /// The address asked for.
        address: IpAddr,
        /// Its pool.
        pool: PoolName,
    },
    /// The address asked for is another Service's.
    #[error("{address} is in use by {by}: {why}")]
    InUse {
        /// The address asked for.
        address: IpAddr,
        /// The Service that has it.
        by: ServiceKey,
        /// Why the two cannot share.
        why: Unshared,
    },
    /// The address asked for is used by somebody else than a Service of ours.
    #[error("{address} {by}")]
    Occupied {
        /// The address asked for.
        address: IpAddr,
        /// The occupant that uses it.
        by: Occupant,
    },
    /// No pool has what is wanted.
    #[error("{0}")]
    NoAddress(Arc<Tried>),
    /// As `why` says; and what another implementation wrote into the status stays there.
    #[error("{why}; {addresses} in the status is not from this controller and is left alone")]
    StatusLeft {
        /// What is in the status.
        addresses: Addresses,
        /// Why there is nothing to replace it with.
        why: Arc<Reason>,
    },

    // Nobody announces the address.
    /// It is in no pool, and the Service does not say which pool it came from.
    #[error("the address is in no IPAddressPool")]
    OutsidePools,
    /// No advertisement is for the address's pool.
    #[error("no L2Advertisement selects pool {pool}")]
    NotAdvertised {
        /// The address's pool.
        pool: PoolName,
    },
    /// Advertisements are for the pool, but their `serviceSelectors` are for other Services.
    #[error("no L2Advertisement of pool {pool} selects the Service (spec.serviceSelectors)")]
    ServiceNotSelected {
        /// The address's pool.
        pool: PoolName,
    },
    /// MetalLB's reason `sharedIPWithServiceSelector`.
    #[error(
        "the Service allows to share its address (annotation metallb.io/allow-shared-ip), but L2Advertisement {advert} has serviceSelectors"
    )]
    SharedWithServiceSelectors {
        /// The first such advertisement.
        advert: AdvertName,
    },
    /// No endpoint of any Service of the address can serve, anywhere.
    #[error("no endpoint can serve")]
    NoEndpoints,
    /// Another station has it, as a node found when it asked before the first use.
    #[error("{0}")]
    WireTaken(Box<Taken>),
    /// The speakers cannot talk to each other.
    #[error("the speakers have no key (Secret memberlist)")]
    NoKey,
    /// There is no node.
    #[error("there is no node")]
    NoNodes,
    /// Each node has a reason of its own.
    #[error("no node may announce it: {}", of_nodes(.0))]
    NoEligibleNode(Arc<BTreeMap<NodeName, Reason>>),

    // A node announces the address, and the wire does not agree. The sentences follow "announced from node n1".
    /// The node that asks for it on the wire gets no answer.
    #[error("{0}")]
    WireSilent(Box<Unanswered>),
    /// The node that asks for it on the wire gets the answer of another station.
    #[error("{0}")]
    WireDisputed(Box<Disputed>),

    // A node announces the address, and does not do all that packets need to get on from there. The sentences follow
    // "announced from node n1".
    /// None of the interfaces on which it announces is connected.
    #[error("{0} has no carrier: nobody hears the node there")]
    NoCarrier(InterfaceName),
    /// Its kernel has no IPv6 on the interface.
    #[error("IPv6 is off on {0}: the kernel drops the packets that follow")]
    Ipv6Off(InterfaceName),
    /// Its kernel has IPv6 on the interface, and cannot ask its neighbours there.
    #[error("no link-local IPv6 address is on {0}: the kernel drops the packets that follow")]
    NoLinkLocal(InterfaceName),
    /// Strict reverse path filtering (RFC 3704 section 2.2), and the default route leaves by another interface.
    #[error(
        "the kernel drops packets that clients beyond the segment of {interface} send: answers would leave by {route}"
    )]
    StrictReversePath {
        /// The interface on which clients ask.
        interface: InterfaceName,
        /// The one by which answers to other networks leave.
        route: InterfaceName,
    },
    /// kube-proxy does not say that it is well: what changes now does not reach the kernel.
    #[error("kube-proxy there {0}: changes of endpoints may not reach the kernel")]
    KubeProxyDown(ProxyFault),
    /// No node is known to have the address on a subnet, and no advertisement names interfaces for it.
    #[error(
        "it is on no subnet of any node, so no neighbour asks for it by ARP or NDP without a route to it"
    )]
    OffSubnet,

    // A node may not announce the address. The sentences follow the node's name.
    /// No advertisement selects it.
    #[error("no L2Advertisement selects the node (spec.nodeSelectors)")]
    NotSelected,
    /// Label `node.kubernetes.io/exclude-from-external-load-balancers`.
    #[error("labelled node.kubernetes.io/exclude-from-external-load-balancers")]
    Excluded,
    /// Condition `NetworkUnavailable` is True.
    #[error("condition NetworkUnavailable")]
    NetworkUnavailable,
    /// Its speaker is not heard on any segment of this node.
    #[error("not alive: its speaker is not heard")]
    NotAlive,
    /// `externalTrafficPolicy: Local`, and these Services have no endpoint there that can serve.
    #[error("no local endpoint of {} can serve (externalTrafficPolicy: Local)", listed(.0))]
    NoLocalEndpoint(BTreeSet<ServiceKey>),
    /// It has none of the interfaces that the advertisements name.
    #[error("has no interface that an L2Advertisement allows")]
    NoInterface,
    /// The address is on a subnet of other nodes, and not on one of this node.
    #[error("the address is on a subnet of other nodes, not of this one")]
    OffLink,
    /// `spec.unschedulable`, and another node is eligible.
    #[error("cordoned")]
    Cordoned,
    /// `externalTrafficPolicy: Local`, and another node is eligible that has ready endpoints.
    #[error("the local endpoints are terminating (externalTrafficPolicy: Local)")]
    EndpointsTerminating,
    /// Taint `node.kubernetes.io/out-of-service`, and another node is eligible.
    #[error("out of service")]
    OutOfService,

    // By BGP nobody announces the address.
    /// None of the peers that its advertisements name is there.
    #[error("there is no BGPPeer for it")]
    NoPeer,
    /// Its peers are there, and their sessions are of the other family.
    #[error("no session with {} carries {family} (spec.dualStackAddressFamily of the BGPPeer)", listed(.peers))]
    FamilyNotCarried {
        /// That of the address.
        family: String,
        /// Its peers.
        peers: BTreeSet<PeerName>,
    },
    /// `externalTrafficPolicy: Local`, and no node with an endpoint has one of its peers.
    #[error("no node with a session has a local endpoint that can serve (externalTrafficPolicy: Local)")]
    NoEndpointBehindPeers,
    /// Nodes may announce it, and none of their sessions is up.
    #[error("no BGP session with {} is up", listed(.0))]
    NoSession(BTreeSet<PeerName>),

    // By BGP a node may not announce the address. The sentences follow the node's name.
    /// No advertisement of BGP selects it.
    #[error("no BGPAdvertisement selects the node (spec.nodeSelectors)")]
    NotSelectedForBgp,
    /// None of the peers selects it.
    #[error("no BGPPeer selects the node (spec.nodeSelectors)")]
    NoPeerHere,
}

impl Reason {
    /// The reason in one word, as it stands in conditions, events and JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::StatusLeft { why, .. } => why.word(),
            other => other.into(),
        }
    }

    /// The same refusal of a Service on which these addresses of another implementation stay.
    #[must_use]
    pub fn leaving(self, addresses: Addresses) -> Self {
        Self::StatusLeft {
            addresses,
            why: Arc::new(self),
        }
    }

    /// Whether it says only that layer 2 is not asked to announce the address; BGP may be.
    pub fn is_of_layer2_alone(&self) -> bool {
        matches!(self, Self::NotAdvertised { .. } | Self::ServiceNotSelected { .. })
    }

    /// Whether the status stays as another implementation wrote it.
    pub fn leaves_status(&self) -> bool {
        matches!(self, Self::StatusLeft { .. })
    }

    /// Whether an address that is announced is out of reach for sure, and not for some clients or some time only.
    pub fn is_certain(&self) -> bool {
        !matches!(
            self,
            Self::StrictReversePath { .. } | Self::KubeProxyDown(_) | Self::OffSubnet
        )
    }

    /// The value of a metric label: the word in snake case.
    pub fn label(&self) -> String {
        self.word().to_snake_case()
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Reason", 2)?;
        fields.serialize_field("reason", self.word())?;
        fields.serialize_field("message", &self.to_string())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests;
