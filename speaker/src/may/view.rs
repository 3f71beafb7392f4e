//! What depends on the cluster alone: the input of [`super::may`].

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_crds::domain::{
    Addresses, Advert, AdvertName, Endpoints, Labels, Node, NodeLinks, NodeName, Origins, Pools,
    ServiceClass, ServiceKey, ServiceView, TrafficPolicy,
};
use itertools::Itertools;

/// The cluster at one moment. Parts that did not change since the last view are the same [`Arc`].
#[derive(Clone, Debug, Default)]
pub struct View {
    /// All Services, ours or not.
    pub services: Arc<BTreeMap<ServiceKey, Service>>,
    /// All valid pools.
    pub pools: Arc<Pools>,
    /// All valid advertisements.
    pub adverts: Arc<BTreeMap<AdvertName, Advert>>,
    /// All nodes.
    pub nodes: Arc<BTreeMap<NodeName, Node>>,
    /// The interfaces of nodes, as far as their speakers told; of a node that is missing here nothing is checked.
    pub links: Arc<BTreeMap<NodeName, NodeLinks>>,
    /// What the command line says.
    pub options: Options,
}

/// A Service and where its endpoints are.
#[derive(Clone, Debug)]
pub struct Service {
    /// What it says.
    pub view: Arc<Exposure>,
    /// Its endpoints.
    pub endpoints: Endpoints,
}

/// What a Service says that is announced, and nothing else: a speaker keeps it of every Service. Of a Service that is no
/// load balancer only that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposure {
    /// Whether it wants a load balancer, and whose.
    pub class: ServiceClass,
    /// Its labels.
    pub labels: PackedLabels,
    /// Whether the sharing annotation is there at all, even empty.
    pub sharing_annotated: bool,
    /// `externalTrafficPolicy`.
    pub policy: TrafficPolicy,
    /// The addresses in its status.
    pub ingress: Addresses,
    /// The pools they came from, as its annotations say.
    pub allocated_from: Origins,
    /// The UDP ports it serves.
    pub udp_ports: Box<[u16]>,
}

impl From<ServiceView> for Exposure {
    fn from(service: ServiceView) -> Self {
        if service.class == ServiceClass::NotLoadBalancer {
            return Self::default();
        }
        let udp = service.ports.iter().filter(|port| port.protocol == "UDP");
        Self {
            udp_ports: udp.filter_map(|port| u16::try_from(port.number).ok()).collect(),
            class: service.class,
            labels: PackedLabels::of(&service.labels),
            sharing_annotated: service.sharing_annotated,
            policy: service.policy,
            ingress: service.ingress,
            allocated_from: service.allocated_from,
        }
    }
}

/// Labels in a fraction of the room that a map of them takes: of most Services nobody ever asks for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackedLabels(Box<str>);

/// Ends each name and each value, none of which may hold it.
const END: char = '\0';

impl PackedLabels {
    fn of(labels: &Labels) -> Self {
        let texts = labels.iter().flat_map(|(name, value)| [name, value]);
        Self(texts.flat_map(|text| text.chars().chain([END])).collect())
    }

    /// The labels themselves.
    pub(crate) fn unpack(&self) -> Labels {
        let texts = self.0.split_terminator(END).map(str::to_owned);
        texts.tuples().collect()
    }
}

/// What the command line says about announcing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// `--lb-class`: the class of Services that are ours; none means those without a class.
    pub class: Option<String>,
    /// `--ignore-exclude-lb`: the exclude label of nodes means nothing.
    pub ignore_exclude_label: bool,
}

impl Service {
    /// Whether both are the very same objects.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.view, &other.view) && self.endpoints.is(&other.endpoints)
    }
}

impl View {
    /// Whether the exclude label keeps nodes out: not if it is ignored, nor if every node carries it.
    pub(crate) fn exclusion(&self) -> Exclusion {
        let everywhere = !self.nodes.is_empty() && self.nodes.values().all(Node::excluded);
        match (self.options.ignore_exclude_label, everywhere) {
            (true, _) => Exclusion::Ignored,
            (false, true) => Exclusion::Everywhere,
            (false, false) => Exclusion::Applies,
        }
    }

    /// Whether all is the very same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.has_rules_of(other) && Arc::ptr_eq(&self.services, &other.services)
    }

    /// Whether all is the very same but for the Services.
    pub(super) fn has_rules_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pools, &other.pools)
            && Arc::ptr_eq(&self.adverts, &other.adverts)
            && Arc::ptr_eq(&self.nodes, &other.nodes)
            && Arc::ptr_eq(&self.links, &other.links)
            && self.options == other.options
    }
}

/// What the exclude label of nodes means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exclusion {
    /// Nodes that carry it announce nothing.
    Applies,
    /// Every node carries it; taken at its word nobody would announce anything.
    Everywhere,
    /// It was asked to ignore it.
    Ignored,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_same_after_they_were_packed() {
        for labels in [
            &[][..],
            &[("app", "web")],
            &[("a", ""), ("example.com/b", "c-1.2_3")],
        ] {
            let labels: Labels = labels
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect();
            assert_eq!(PackedLabels::of(&labels).unpack(), labels);
        }
    }
}
