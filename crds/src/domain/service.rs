//! A Service as both daemons see it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kube::ResourceExt;
use serde::Serialize;

use super::pool::created_unix_seconds;
use super::{Addresses, Families, Family, Invalid, Labels, PoolName, ServiceKey, Taken};
use crate::api::core::{Service, ServicePort, ServiceSpec};
use crate::names;

mod asked;
mod origins;

pub use origins::Origins;

use asked::{Annotations, asked, give_up};

/// What a Service says and what its status holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceView {
    /// Namespace and name.
    pub key: ServiceKey,
    /// When it was made (Unix time in seconds); not yet made comes last.
    pub created_unix_seconds: i64,
    /// Its labels.
    pub labels: Labels,
    /// Whether it wants a load balancer, and whose.
    pub class: ServiceClass,
    /// Families it wants addresses of.
    ///
    /// An error says why that cannot be known: no cluster address, or `RequireDualStack` with one family.
    pub families: Result<Families, Invalid>,
    /// What it asks for; an error quotes the value that cannot be read.
    pub asked: Result<Asked, Invalid>,
    /// Whether, and with which others, it may share an address.
    pub sharing: Option<Sharing>,
    /// Whether the sharing annotation is there at all, even empty (MetalLB's layer-2 rule asks that).
    pub sharing_annotated: bool,
    /// Annotations in use that carry the deprecated prefix, as written.
    pub deprecated_annotations: Vec<String>,
    /// The ports it serves.
    pub ports: BTreeSet<Port>,
    /// `externalTrafficPolicy`.
    pub policy: TrafficPolicy,
    /// Whether it selects pods; without a selector the endpoints are somebody's own.
    pub has_selector: bool,
    /// Addresses in `status.loadBalancer.ingress`; entries with a host name only are left out.
    pub ingress: Addresses,
    /// Entries of the ingress that are no address of ours to keep: unreadable, or a second of a family.
    pub surplus_ingress: Vec<String>,
    /// Addresses of `spec.externalIPs`, which kube-proxy serves on every node.
    pub external_ips: BTreeSet<IpAddr>,
    /// The annotations `metallb.io/ip-allocated-from-pool`, also with MetalLB's older prefix, and
    /// `ferrolb.io/second-allocated-from-pool`.
    pub allocated_from: Origins,
    /// Addresses that it gives up for others (annotation `ferrolb.io/give-up`); an error quotes what cannot be read.
    pub give_up: Result<BTreeSet<IpAddr>, Invalid>,
    /// Its addresses that another station has, as condition `ferrolb.io/Announced` says: no node ever announced them.
    pub taken: Addresses,
    /// Since when condition `ferrolb.io/Assigned` is True (Unix time in seconds).
    pub assigned_since_unix_seconds: Option<i64>,
}

/// Whether a Service wants a load balancer, and whose.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ServiceClass {
    /// It has another type than `LoadBalancer`.
    #[default]
    NotLoadBalancer,
    /// `spec.loadBalancerClass`.
    LoadBalancer(Option<String>),
}

impl ServiceClass {
    /// What the Service's `spec.type` and `spec.loadBalancerClass` say.
    pub fn of(service: &Service) -> Self {
        match &service.spec {
            Some(spec) if spec.type_.as_deref() == Some("LoadBalancer") => {
                Self::LoadBalancer(spec.load_balancer_class.clone())
            }
            _ => Self::NotLoadBalancer,
        }
    }

    /// Whether the Service is ours: of our class, or of none where we have none (`--lb-class`).
    pub fn is_ours(&self, ours: Option<&str>) -> bool {
        matches!(self, Self::LoadBalancer(class) if class.as_deref() == ours)
    }
}

/// What the owner of a Service asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Asked {
    /// Nothing in particular.
    Anything,
    /// Addresses of this pool.
    Pool(PoolName),
    /// These addresses, if a pool was named also from that pool.
    Addresses(Addresses, Option<PoolName>),
}

/// Two Services may share an address when these are equal and no port is taken twice.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Sharing {
    /// The value of the annotation.
    pub key: String,
    /// Where the traffic goes.
    pub backends: Backends,
}

/// Services with policy Local share an address only if they select the same pods, because the address
/// is on one node at a time. Empty for policy Cluster, and for Local without a selector (MetalLB's rule).
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Backends(BTreeMap<String, String>);

impl Backends {
    /// Whether the traffic goes to pods of the Service's own namespace only, on the node that it reaches.
    pub fn are_local(&self) -> bool {
        !self.0.is_empty()
    }
}

/// A port of a Service.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Port {
    /// `spec.ports[].protocol`.
    pub protocol: String,
    /// `spec.ports[].port`.
    pub number: i32,
}

/// `externalTrafficPolicy`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub enum TrafficPolicy {
    /// Any node forwards to any endpoint.
    #[default]
    Cluster,
    /// A node serves its own endpoints only, and the client's address is kept.
    Local,
}

impl ServiceView {
    /// Reads a Service. What cannot be read is an error in its field, so that the rest can still be used.
    pub fn read(service: &Service) -> Self {
        let spec = service.spec.clone().unwrap_or_default();
        let policy = match spec.external_traffic_policy.as_deref() {
            Some("Local") => TrafficPolicy::Local,
            _ => TrafficPolicy::Cluster,
        };
        let annotations = Annotations(service.annotations());
        let (ingress, surplus_ingress) = ingress(service);
        Self {
            key: ServiceKey::new(service.namespace().unwrap_or_default(), service.name_any()),
            created_unix_seconds: created_unix_seconds(&service.metadata),
            labels: service.labels().clone(),
            class: ServiceClass::of(service),
            families: families(&spec),
            asked: asked(&spec, &annotations),
            sharing: sharing(&spec, policy, &annotations),
            sharing_annotated: annotations.find(names::ALLOW_SHARED_IP).is_some(),
            deprecated_annotations: annotations.deprecated(),
            ports: spec.ports.iter().flatten().map(port).collect(),
            policy,
            has_selector: spec.selector.is_some_and(|selector| !selector.is_empty()),
            ingress,
            surplus_ingress,
            external_ips: spec
                .external_ips
                .iter()
                .flatten()
                .filter_map(|text| text.parse().ok())
                .collect(),
            allocated_from: annotations.allocated_from(),
            give_up: give_up(&annotations),
            taken: taken(service, ingress),
            assigned_since_unix_seconds: assigned_since(service),
        }
    }

    /// Whether the addresses in its status are from us or from MetalLB, and not from another implementation.
    pub fn is_written_by_us(&self) -> bool {
        self.allocated_from.first.is_some() || self.assigned_since_unix_seconds.is_some()
    }

    /// The pool that an address in its status was given from, as far as the annotations say.
    pub fn origin(&self, address: IpAddr) -> Option<&PoolName> {
        self.allocated_from.of_address(&self.ingress, address)
    }

    /// All addresses in its status, also a second one of a family.
    pub fn in_status(&self) -> impl Iterator<Item = IpAddr> {
        let surplus = self.surplus_ingress.iter();
        self.ingress
            .iter()
            .chain(surplus.filter_map(|text| text.parse().ok()))
    }

    /// Whether it asks for this address by number.
    pub fn asks_for(&self, address: IpAddr) -> bool {
        matches!(&self.asked, Ok(Asked::Addresses(asked, _)) if asked.contains(address))
    }

    /// What to say of annotations with the deprecated prefix, if it has any.
    pub fn deprecation(&self) -> Option<String> {
        let (old, prefix) = (names::DEPRECATED_PREFIX, names::PREFIX);
        let which = self.deprecated_annotations.join(", ");
        (!which.is_empty())
            .then(|| format!("annotation prefix {old} is deprecated, use {prefix} instead of: {which}"))
    }

    /// Whether any of its ports is one of UDP.
    pub fn serves_udp(&self) -> bool {
        self.ports.iter().any(|port| port.protocol == "UDP")
    }

    /// Whether the other serves the same ports on the same terms of sharing.
    pub fn shares_like(&self, other: &Self) -> bool {
        self.sharing == other.sharing && self.ports == other.ports
    }
}

fn families(spec: &ServiceSpec) -> Result<Families, Invalid> {
    let cluster_ips: Vec<&String> = match &spec.cluster_ips {
        Some(all) => all.iter().collect(),
        None => spec.cluster_ip.iter().collect(),
    };
    let parsed: Vec<IpAddr> = cluster_ips.iter().filter_map(|text| text.parse().ok()).collect();
    let policy = spec.ip_family_policy.as_deref();
    match (parsed.as_slice(), policy) {
        ([], _) => Err(Invalid::new(
            "spec.clusterIPs",
            "holds no address, so the family is not known",
        )),
        ([_], Some("RequireDualStack")) => Err(Invalid::new(
            "spec.ipFamilyPolicy",
            "RequireDualStack, but spec.clusterIPs holds one family only",
        )),
        ([only], _) => Ok(Families::One(Family::of(*only))),
        (_, Some("RequireDualStack")) => Ok(Families::Both),
        ([first, ..], _) => {
            let mut named = spec.ip_families.iter().flatten();
            let named = named.find_map(|name| name.parse().ok());
            Ok(Families::Prefer {
                first: named.unwrap_or(Family::of(*first)),
            })
        }
    }
}

fn sharing(spec: &ServiceSpec, policy: TrafficPolicy, annotations: &Annotations<'_>) -> Option<Sharing> {
    let (_, key) = annotations.find_filled(names::ALLOW_SHARED_IP)?;
    let backends = match policy {
        TrafficPolicy::Cluster => Backends::default(),
        TrafficPolicy::Local => Backends(spec.selector.clone().unwrap_or_default()),
    };
    Some(Sharing {
        key: key.to_owned(),
        backends,
    })
}

fn port(port: &ServicePort) -> Port {
    Port {
        protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
        number: port.port,
    }
}

fn ingress(service: &Service) -> (Addresses, Vec<String>) {
    let texts = service.ingress().iter().filter_map(|one| one.ip.clone());
    let (mut addresses, mut surplus) = (Addresses::default(), Vec::new());
    for text in texts {
        match text.parse::<IpAddr>() {
            Ok(address) if addresses.of(Family::of(address)).is_none() => addresses.set(address),
            _ => surplus.push(text),
        }
    }
    (addresses, surplus)
}

/// What it says of an address that the Service has no more is over.
fn taken(service: &Service, ingress: Addresses) -> Addresses {
    let condition = service.condition(names::CONDITION_ANNOUNCED);
    let said = condition.filter(|condition| condition.status == "False");
    let taken = said.map(|condition| Taken::addresses_in(&condition.message));
    let taken = taken.unwrap_or_default();
    taken
        .iter()
        .filter(|address| ingress.contains(*address))
        .collect()
}

fn assigned_since(service: &Service) -> Option<i64> {
    let condition = service.condition(names::CONDITION_ASSIGNED)?;
    let since = condition.last_transition_time.as_ref()?;
    (condition.status == "True").then(|| since.0.as_second())
}

#[cfg(test)]
mod tests;
