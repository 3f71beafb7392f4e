//! Occupants of addresses that no Service of ours has, and why an address is not given out by itself.

use ipnetwork::IpNetwork;
use thiserror::Error;

use crate::domain::{NodeName, ServiceKey};

/// The user of an address that no Service of ours has. The sentences follow the address.
#[derive(Clone, Debug, Eq, Error, Ord, PartialEq, PartialOrd)]
pub enum Occupant {
    /// A node has it (`status.addresses`).
    #[error("belongs to node {0}")]
    Node(NodeName),
    /// It is an endpoint of Service `default/kubernetes`.
    #[error("belongs to the API server (endpoints of Service default/kubernetes)")]
    ApiServer,
    /// It is in the status of a Service, and not from us.
    #[error("is in the status of Service {0}, and not from this controller")]
    Status(ServiceKey),
    /// kube-proxy serves it on every node.
    #[error("is an external IP of Service {0} (spec.externalIPs)")]
    ExternalIp(ServiceKey),
}

/// Why an address of a pool is given out on request only, or not at all. The sentences follow the address.
#[derive(Clone, Debug, Eq, Error, Ord, PartialEq, PartialOrd)]
pub enum Withheld {
    /// Somebody else uses it.
    #[error("{0}")]
    Used(Occupant),
    /// A node asked for it on the wire a short while ago, and a station that is no node answered.
    #[error("was another station's a short while ago (reason WireTaken)")]
    Taken,
    /// The pool has `avoidBuggyIPs`.
    #[error("ends in .0 or .255 (avoidBuggyIPs)")]
    Buggy,
    /// It stands for the subnet itself.
    #[error("is the network address of {0}")]
    Network(IpNetwork),
    /// All machines of the subnet hear it.
    #[error("is the broadcast address of {0}")]
    Broadcast(IpNetwork),
    /// Every router of the subnet answers to it (RFC 4291, section 2.6.1).
    #[error("is a subnet-router anycast address")]
    Anycast,
}
