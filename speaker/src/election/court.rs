//! What speaks against a node, local endpoints aside.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_crds::domain::{Advert, AdvertName, Node, NodeName};

use super::demand::Demand;
use super::eligible::{Eligible, Judgement, Soft};
use super::view::{Exclusion, LinkFacts, Liveness, View};
use super::{Ineligible, Interfaces};

/// Those who judge for a group of addresses.
pub(super) struct Court<'a> {
    pub(super) view: &'a View,
    pub(super) exclusion: Exclusion,
    pub(super) demands: &'a [&'a Demand<'a>],
}

impl Court<'_> {
    pub(super) fn judge(&self, name: &NodeName, node: &Node) -> Judgement {
        let found = |off_link: Option<Soft>| {
            let soft = node.soft.map(Soft::from).max(off_link);
            let preference = self.preference(node);
            (soft, Eligible { preference })
        };
        Judgement {
            node: self.against(name, node),
            links: self.links(name, node).map(found),
        }
    }

    fn against(&self, name: &NodeName, node: &Node) -> Option<Ineligible> {
        let selected = |demand: &&Demand<'_>| demand.selecting(self.view, &node.labels).next().is_some();
        if !self.demands.iter().all(selected) {
            Some(Ineligible::NotSelected)
        } else if self.exclusion == Exclusion::Applies && node.excluded() {
            Some(Ineligible::Excluded)
        } else if node.network_unavailable {
            Some(Ineligible::NetworkUnavailable)
        } else if !self.alive(name) {
            Some(Ineligible::NotAlive)
        } else {
            None
        }
    }

    fn alive(&self, name: &NodeName) -> bool {
        match &self.view.liveness {
            Liveness::Unknown => false,
            Liveness::Known(alive) => alive.contains(name),
        }
    }

    /// An advertisement counts once, for however many addresses of the group it is.
    fn preference(&self, node: &Node) -> u32 {
        let selecting: BTreeMap<&AdvertName, &Advert> = self
            .demands
            .iter()
            .flat_map(|demand| demand.selecting(self.view, &node.labels))
            .map(|advert| (&advert.name, advert))
            .collect();
        selecting.values().map(|advert| advert.score(&node.labels)).sum()
    }

    fn links(&self, name: &NodeName, node: &Node) -> Result<Option<Soft>, Ineligible> {
        let Some(links) = self.view.links.get(name) else {
            return Ok(None);
        };
        let mut worst = None;
        for demand in self.demands {
            if let Some(address) = demand.address {
                let allowed = demand.interfaces(self.view, &node.labels);
                worst = worst.max(suitable(links, &allowed, address)?);
            }
        }
        Ok(worst)
    }
}

/// Whether frames for the address can leave one of the allowed interfaces. Interfaces that are named are taken as
/// they are; of the others one must have the address on a subnet, or else the node is as good as any that has not.
fn suitable(links: &[LinkFacts], allowed: &Interfaces, address: IpAddr) -> Result<Option<Soft>, Ineligible> {
    let allowed_links: Vec<&LinkFacts> = links
        .iter()
        .filter(|link| allowed.include(&link.interface))
        .collect();
    let on_link = |link: &&LinkFacts| link.subnets.iter().any(|subnet| subnet.contains(address));
    let carrier = |link: &&LinkFacts| link.carrier;
    match allowed {
        _ if allowed_links.is_empty() => Err(Ineligible::NoInterface),
        _ if !allowed_links.iter().any(carrier) => Err(Ineligible::NoCarrier),
        Interfaces::Only(_) => Ok(None),
        Interfaces::Any if !allowed_links.iter().any(on_link) => Ok(Some(Soft::OffLink)),
        Interfaces::Any if allowed_links.iter().any(|link| on_link(link) && carrier(link)) => Ok(None),
        Interfaces::Any => Err(Ineligible::NoCarrier),
    }
}
