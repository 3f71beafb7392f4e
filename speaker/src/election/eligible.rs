//! Which nodes may announce a group, and why the others may not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use ferrolb_crds::domain::{AdvertName, Endpoints, Labels, Node, NodeName, ServiceKey, SoftReason};

use super::court::Court;
use super::demand::Demand;
use super::view::{Exclusion, View};
use super::{Ineligible, Interfaces};

/// All nodes, judged for a group of addresses.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// Nodes that may announce.
    pub eligible: BTreeMap<NodeName, Eligible>,
    judged: Arc<Judged>,
    local: Vec<Local>,
    ineligible: OnceLock<Arc<BTreeMap<NodeName, Ineligible>>>,
}

/// A node that may announce while there is no better one, whether it is alive or not.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Suitable {
    /// What speaks against it while there is another one: 0 for nothing, more for graver.
    pub against: u8,
    /// The weights of all preferences that match it.
    pub preference: u32,
}

/// A node that may announce.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Eligible {
    /// The weights of all preferences that match it, of the advertisements that select it.
    pub preference: u32,
}

/// All nodes, judged without regard to local endpoints: the same for many groups.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Judged {
    by_node: BTreeMap<NodeName, Judgement>,
    /// The nodes that an advertisement selects.
    selected: Arc<BTreeSet<NodeName>>,
    /// The advertisements that ask for a node.
    adverts: BTreeSet<AdvertName>,
}

/// What speaks against a node, in this order with a missing local endpoint in between.
#[derive(Debug, PartialEq)]
pub(super) struct Judgement {
    pub(super) node: Option<Ineligible>,
    pub(super) links: Result<(Option<Soft>, Eligible), Ineligible>,
}

/// A Service of policy Local and where its endpoints are.
pub(super) type Local = (ServiceKey, Arc<Endpoints>);

/// A reason that counts only as long as another node has a lesser one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Soft {
    OffLink,
    Cordoned,
    EndpointsTerminating,
    OutOfService,
}

impl Field {
    /// The nodes that have an endpoint of each of these Services, out of all that were judged.
    pub(super) fn of(judged: Arc<Judged>, local: Vec<Local>) -> Self {
        let fit = judged.fit(&local);
        let least = fit.iter().map(|(_, soft, _)| *soft).min().unwrap_or_default();
        let best = fit.iter().filter(|(_, soft, _)| *soft == least);
        Self {
            eligible: best.map(|(name, _, found)| ((*name).clone(), *found)).collect(),
            judged,
            local,
            ineligible: OnceLock::new(),
        }
    }

    /// Whether it was made of these very parts.
    pub(super) fn is_of<'a>(
        &self,
        judged: &Arc<Judged>,
        local: impl Iterator<Item = (&'a ServiceKey, &'a Arc<Endpoints>)>,
    ) -> bool {
        let mut own = self.local.iter();
        let same = |(key, endpoints): (&ServiceKey, &Arc<Endpoints>)| {
            own.next()
                .is_some_and(|one| one.0 == *key && Arc::ptr_eq(&one.1, endpoints))
        };
        Arc::ptr_eq(&self.judged, judged) && { local }.all(same) && own.next().is_none()
    }

    /// The nodes that could announce if they were alive: for those who know better which are.
    pub fn suitable(&self) -> BTreeMap<&NodeName, Suitable> {
        let alive_or_not = self.judged.by_node.iter().filter_map(|(name, judgement)| {
            let (soft, found) = judgement.fit_if_alive()?;
            lacking(&self.local, name).is_empty().then(|| {
                let suitable = Suitable {
                    against: soft
                        .max(ending(&self.local, name))
                        .map_or(0, |soft| soft as u8 + 1),
                    preference: found.preference,
                };
                (name, suitable)
            })
        });
        alive_or_not.collect()
    }

    /// The nodes that an advertisement selects, whatever else speaks against them.
    pub fn selected(&self) -> &Arc<BTreeSet<NodeName>> {
        &self.judged.selected
    }

    /// The interfaces that a node with these labels may use.
    pub fn interfaces(&self, view: &View, node: &Labels) -> Interfaces {
        let selecting = self
            .judged
            .adverts
            .iter()
            .filter_map(|name| view.adverts.get(name));
        let selecting = selecting.filter(|advert| advert.selects_node(node));
        let union = selecting.map(Interfaces::of).reduce(Interfaces::union);
        union.unwrap_or(Interfaces::Any)
    }

    /// All other nodes, and why each may not announce.
    pub fn ineligible(&self) -> &Arc<BTreeMap<NodeName, Ineligible>> {
        self.ineligible.get_or_init(|| {
            let others = self
                .judged
                .by_node
                .iter()
                .filter(|(name, _)| !self.eligible.contains_key(*name));
            let reason = |(name, judgement): (&NodeName, &Judgement)| {
                let (lacking, ending) = (lacking(&self.local, name), ending(&self.local, name));
                Some((name.clone(), judgement.reason(lacking, ending)?))
            };
            Arc::new(others.filter_map(reason).collect())
        })
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

impl Judged {
    /// Judges every node for addresses that ask for all of `demands`, as far as it does not depend on local endpoints.
    pub(super) fn of(view: &View, exclusion: Exclusion, demands: &[&Demand<'_>]) -> Self {
        let court = Court {
            view,
            exclusion,
            demands,
        };
        let judged = |(name, node): (&NodeName, &Node)| (name.clone(), court.judge(name, node));
        let by_node: BTreeMap<NodeName, Judgement> = view.nodes.iter().map(judged).collect();
        let selected = by_node
            .iter()
            .filter(|(_, judgement)| judgement.node != Some(Ineligible::NotSelected));
        Self {
            selected: Arc::new(selected.map(|(name, _)| name.clone()).collect()),
            by_node,
            adverts: demands
                .iter()
                .flat_map(|demand| &demand.adverts)
                .map(|name| (*name).clone())
                .collect(),
        }
    }

    /// The nodes that nothing speaks against but soft reasons, in order of their names.
    fn fit(&self, local: &[Local]) -> Vec<Fit<'_>> {
        let Some(((_, first), others)) = local.split_first() else {
            return self.by_node.iter().filter_map(fit).collect();
        };
        let everywhere = |name: &&NodeName| others.iter().all(|(_, endpoints)| endpoints.serving_on(name));
        let present = first.serving_nodes().filter(everywhere);
        let judged = present.filter_map(|name| self.by_node.get_key_value(name));
        let mut found: Vec<Fit<'_>> = judged.filter_map(fit).collect();
        if local.iter().any(|(_, endpoints)| endpoints.any_terminating()) {
            for (name, soft, _) in &mut found {
                *soft = (*soft).max(ending(local, name));
            }
        }
        found
    }
}

/// A node that may announce unless another has a lesser soft reason.
type Fit<'a> = (&'a NodeName, Option<Soft>, Eligible);

fn fit<'a>((name, judgement): (&'a NodeName, &Judgement)) -> Option<Fit<'a>> {
    let (soft, found) = judgement.fit()?;
    Some((name, soft, found))
}

impl Judgement {
    fn fit_if_alive(&self) -> Option<(Option<Soft>, Eligible)> {
        match self.node {
            Some(Ineligible::NotAlive) | None => self.links.as_ref().ok().copied(),
            Some(_) => None,
        }
    }

    fn fit(&self) -> Option<(Option<Soft>, Eligible)> {
        match self.node {
            Some(_) => None,
            None => self.links.as_ref().ok().copied(),
        }
    }

    /// Why such a node is not eligible if it lacks endpoints of these, or if those it has are `ending`; nothing if nothing
    /// speaks against it.
    fn reason(&self, lacking: BTreeSet<ServiceKey>, ending: Option<Soft>) -> Option<Ineligible> {
        match (&self.node, &self.links) {
            (Some(reason), _) => Some(reason.clone()),
            (None, _) if !lacking.is_empty() => Some(Ineligible::NoLocalEndpoint(lacking)),
            (None, Err(reason)) => Some(reason.clone()),
            (None, Ok((soft, _))) => soft.max(&ending).map(Ineligible::from),
        }
    }
}

/// Those of these Services that have no endpoint on the node that can serve.
fn lacking(local: &[Local], node: &NodeName) -> BTreeSet<ServiceKey> {
    let lacks = |(_, endpoints): &&Local| !endpoints.serving_on(node);
    local.iter().filter(lacks).map(|(key, _)| key.clone()).collect()
}

/// A node whose endpoints of any of these Services are all terminating loses them soon. It serves as long as they last, so
/// that the address can go ahead of them.
fn ending(local: &[Local], node: &NodeName) -> Option<Soft> {
    let last = |(_, endpoints): &Local| endpoints.ready_on(node) == 0;
    local.iter().any(last).then_some(Soft::EndpointsTerminating)
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
            Soft::EndpointsTerminating => Self::EndpointsTerminating,
            Soft::OutOfService => Self::OutOfService,
        }
    }
}
