//! Which nodes may announce a group, and why the others may not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Advert, AdvertName, Node, NodeName, ServiceKey, SoftReason};

use super::demand::Demand;
use super::view::{Exclusion, LinkFacts, Liveness, View};
use super::{Ineligible, Interfaces};

/// All nodes, judged for a group of addresses.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Field {
    /// Nodes that may announce.
    pub eligible: BTreeMap<NodeName, Eligible>,
    /// All other nodes.
    pub ineligible: Arc<BTreeMap<NodeName, Ineligible>>,
}

/// A node that may announce.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Eligible {
    /// The weights of all preferences that match it, of the advertisements that select it.
    pub preference: u32,
}

/// A reason that counts only as long as another node has a lesser one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Soft {
    OffLink,
    Cordoned,
    OutOfService,
}

impl Field {
    /// Judges every node for addresses that ask for all of `demands`.
    pub(super) fn judge(view: &View, exclusion: Exclusion, demands: &BTreeSet<&Demand<'_>>) -> Self {
        let court = Court {
            view,
            exclusion,
            demands,
        };
        let (mut fit, mut ineligible) = (BTreeMap::new(), BTreeMap::new());
        for (name, node) in &view.nodes {
            match court.judge(name, node) {
                Ok(found) => drop(fit.insert(name.clone(), found)),
                Err(reason) => drop(ineligible.insert(name.clone(), reason)),
            }
        }
        let least = fit.values().map(|(soft, _)| *soft).min().unwrap_or_default();
        let mut eligible = BTreeMap::new();
        for (name, (soft, found)) in fit {
            match soft.filter(|soft| Some(*soft) > least) {
                Some(soft) => drop(ineligible.insert(name, soft.into())),
                None => drop(eligible.insert(name, found)),
            }
        }
        Self {
            eligible,
            ineligible: Arc::new(ineligible),
        }
    }

    /// The eligible nodes of the highest preference: one of them announces.
    pub fn contenders(&self) -> impl Iterator<Item = &NodeName> {
        let highest = self.eligible.values().max().copied();
        self.eligible
            .iter()
            .filter(move |(_, found)| Some(**found) == highest)
            .map(|(name, _)| name)
    }
}

struct Court<'a> {
    view: &'a View,
    exclusion: Exclusion,
    demands: &'a BTreeSet<&'a Demand<'a>>,
}

impl Court<'_> {
    fn judge(&self, name: &NodeName, node: &Node) -> Result<(Option<Soft>, Eligible), Ineligible> {
        let selected = |demand: &&Demand<'_>| demand.selecting(self.view, &node.labels).next().is_some();
        if !self.demands.iter().all(selected) {
            return Err(Ineligible::NotSelected);
        }
        if self.exclusion == Exclusion::Applies && node.excluded() {
            return Err(Ineligible::Excluded);
        }
        if node.network_unavailable {
            return Err(Ineligible::NetworkUnavailable);
        }
        if !self.alive(name) {
            return Err(Ineligible::NotAlive);
        }
        let lacking = self.lacking_endpoints(name);
        if !lacking.is_empty() {
            return Err(Ineligible::NoLocalEndpoint(lacking));
        }
        let off_link = self.links(name, node)?;
        let soft = node.soft.map(Soft::from).max(off_link);
        let preference = self.preference(node);
        Ok((soft, Eligible { preference }))
    }

    fn alive(&self, name: &NodeName) -> bool {
        match &self.view.liveness {
            Liveness::Unknown => false,
            Liveness::Known(alive) => alive.contains(name),
        }
    }

    fn lacking_endpoints(&self, name: &NodeName) -> BTreeSet<ServiceKey> {
        let serves = |key: &ServiceKey| {
            let candidate = self.view.services.get(key);
            candidate.is_some_and(|candidate| candidate.endpoints.serving_on(name))
        };
        self.demands
            .iter()
            .flat_map(|demand| demand.local.iter().copied())
            .filter(|key| !serves(key))
            .cloned()
            .collect()
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

impl From<SoftReason> for Soft {
    fn from(reason: SoftReason) -> Self {
        match reason {
            SoftReason::Cordoned => Self::Cordoned,
            SoftReason::OutOfService => Self::OutOfService,
        }
    }
}

impl From<Soft> for Ineligible {
    fn from(soft: Soft) -> Self {
        match soft {
            Soft::OffLink => Self::OffLink,
            Soft::Cordoned => Self::Cordoned,
            Soft::OutOfService => Self::OutOfService,
        }
    }
}
