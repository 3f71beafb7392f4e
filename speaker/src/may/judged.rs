//! What speaks for and against each node, local endpoints aside: the same for many groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use ferrolb_crds::domain::{Advert, AdvertName, Node, NodeName, Reason, SoftReason};
use ferrolb_segment::Fitness;
use ferrolb_segment::message::NodeId;

use super::Interfaces;
use super::request::Terms;
use super::view::{Exclusion, View};

/// All nodes, judged for addresses that ask for all of some terms.
#[derive(Debug)]
pub(super) struct JudgedNodes {
    pub(super) by_node: BTreeMap<NodeName, Judgement>,
    /// The fitness of those that nothing hard speaks against.
    open: OnceLock<Arc<BTreeMap<NodeId, Fitness>>>,
}

/// What is found of one node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judgement {
    pub(super) id: NodeId,
    /// What keeps it out.
    pub(super) against: Option<Reason>,
    /// What counts while another node has a lesser reason.
    pub(super) soft: Option<Soft>,
    /// The weights of the preferences that match it, of the advertisements that select it.
    pub(super) preference: u32,
    /// Where it may announce.
    pub(super) interfaces: Interfaces,
}

/// A reason that counts only as long as another node has a lesser one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Soft {
    Cordoned,
    EndpointsTerminating,
    OutOfService,
}

impl JudgedNodes {
    /// Judges every node for addresses that ask for all of `terms`.
    pub(super) fn of(view: &View, terms: &BTreeSet<Terms>) -> Self {
        let bench = Judging {
            view,
            exclusion: view.exclusion(),
            terms,
        };
        let judged = |(name, node): (&NodeName, &Node)| (name.clone(), bench.judge(name, node));
        Self {
            by_node: view.nodes.iter().map(judged).collect(),
            open: OnceLock::new(),
        }
    }

    /// The fitness of every eligible node where no local endpoint is needed.
    pub(super) fn open(&self) -> Arc<BTreeMap<NodeId, Fitness>> {
        let fit = || {
            let eligible = self.by_node.values().filter(|one| one.against.is_none());
            Arc::new(eligible.map(|one| (one.id, one.fitness(None))).collect())
        };
        self.open.get_or_init(fit).clone()
    }

    /// The nodes that an advertisement selects, whatever else speaks against them.
    pub(super) fn selected(&self) -> impl Iterator<Item = NodeId> {
        let selected = |one: &&Judgement| one.against != Some(Reason::NotSelected);
        self.by_node.values().filter(selected).map(|one| one.id)
    }
}

struct Judging<'a> {
    view: &'a View,
    exclusion: Exclusion,
    terms: &'a BTreeSet<Terms>,
}

impl Judging<'_> {
    fn judge(&self, name: &NodeName, node: &Node) -> Judgement {
        // An advertisement counts once, for however many addresses of the group it is.
        let selecting: BTreeMap<&AdvertName, &Advert> = self
            .terms
            .iter()
            .flat_map(|terms| terms.selecting(self.view, &node.labels))
            .map(|advert| (&advert.name, advert))
            .collect();
        let interfaces = selecting.values().map(|advert| Interfaces::of(advert));
        Judgement {
            id: NodeId::of(name),
            against: self.against(name, node),
            soft: node.soft.map(Soft::from),
            preference: selecting.values().map(|advert| advert.score(&node.labels)).sum(),
            interfaces: interfaces.reduce(Interfaces::union).unwrap_or(Interfaces::Any),
        }
    }

    fn against(&self, name: &NodeName, node: &Node) -> Option<Reason> {
        let selected = |terms: &Terms| terms.selecting(self.view, &node.labels).next().is_some();
        if !self.terms.iter().all(selected) {
            Some(Reason::NotSelected)
        } else if self.exclusion == Exclusion::Applies && node.excluded() {
            Some(Reason::Excluded)
        } else if node.network_unavailable {
            Some(Reason::NetworkUnavailable)
        } else {
            self.terms
                .iter()
                .find_map(|terms| self.unreachable(terms, name, node))
        }
    }

    /// Whether frames for such an address cannot leave the node where they should. Interfaces that an advertisement names
    /// are taken as they are.
    fn unreachable(&self, terms: &Terms, name: &NodeName, node: &Node) -> Option<Reason> {
        let links = self.view.links.get(name)?;
        let allowed = terms.selecting(self.view, &node.labels).map(Interfaces::of);
        match allowed.reduce(Interfaces::union)? {
            Interfaces::Only(names) if !names.iter().any(|one| links.include(one)) => {
                Some(Reason::NoInterface)
            }
            Interfaces::Any if !terms.on_link.is_empty() && !terms.on_link.contains(name) => {
                Some(Reason::OffLink)
            }
            Interfaces::Any if links.is_empty() => Some(Reason::NoInterface),
            _ => None,
        }
    }
}

impl Judgement {
    /// `ending` is what its local endpoints add.
    pub(super) fn fitness(&self, ending: Option<Soft>) -> Fitness {
        Fitness {
            against: self.soft.max(ending).map_or(0, |soft| soft as u8 + 1),
            preference: self.preference,
        }
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

impl From<Soft> for Reason {
    fn from(soft: Soft) -> Self {
        match soft {
            Soft::Cordoned => Self::Cordoned,
            Soft::EndpointsTerminating => Self::EndpointsTerminating,
            Soft::OutOfService => Self::OutOfService,
        }
    }
}
