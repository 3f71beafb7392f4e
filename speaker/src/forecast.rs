//! Which node would hold each address: what [`crate::may`] says, in the protocol's order of nodes. For the tools, such as
//! `ferrolb plan`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{InterfaceName, NodeLinks, NodeName, Reason};
use ferrolb_segment::message::{NodeId, Standing};
use ferrolb_segment::order::{self, Contender, Living, Loads};
use ferrolb_segment::{GroupView, SegmentView};

use crate::may::{Eligibility, Interfaces, Judged, May, View};
use crate::see::interfaces;

/// What is known beside the view.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The nodes whose speakers are alive.
    pub alive: BTreeSet<NodeName>,
    /// Which node holds which address.
    pub holders: BTreeMap<IpAddr, NodeName>,
}

/// What would become of one address.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// What was judged.
    pub judged: Arc<Judged>,
    /// The node that would hold it, or why none would.
    pub outcome: Result<Winner, Reason>,
    /// The living nodes that may hold it, best first, as the speakers order them if nobody holds it. The load bound may
    /// put another in front.
    pub order: Vec<Ranked>,
}

/// The node that would hold an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Winner {
    /// Its name.
    pub node: NodeName,
    /// Where it may announce.
    pub interfaces: Interfaces,
}

/// A living node that may hold an address.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// Its name.
    pub node: NodeName,
    /// What it is ordered by.
    pub contender: Contender,
}

/// Where each address would be once the speakers that are alive have agreed: the holder keeps it, unless a better node
/// is there; what nobody holds is placed in order of addresses. All nodes count as one segment.
pub fn forecast(view: &View, may: &May, known: &Known) -> BTreeMap<IpAddr, Foreseen> {
    let segment = segment_of(view, may);
    let living: Vec<Living> = known.alive.iter().filter_map(|name| living(view, name)).collect();
    let cast = Cast { segment, living };
    let holders = cast.holders(may, known);
    let mut outcomes: BTreeMap<IpAddr, NodeId> = holders.clone();
    outcomes.extend(cast.moved(&holders));
    outcomes.extend(cast.placed(&holders));
    let foreseen = |(address, judged): (&IpAddr, &Arc<Judged>)| {
        let foreseen = Foreseen {
            judged: judged.clone(),
            outcome: cast.outcome(judged, outcomes.get(address)),
            order: cast.order(*address, &holders),
        };
        (*address, foreseen)
    };
    may.by_address.iter().map(foreseen).collect()
}

/// The interfaces on which a node announces the address, by what its speaker told of it and what advertisements allow.
pub fn interfaces_of(told: &NodeLinks, allowed: &Interfaces, address: IpAddr) -> BTreeSet<InterfaceName> {
    interfaces::choose_of(told, allowed, address)
}

/// Reason nobody holds an address that these nodes may hold, none of which is alive.
pub(crate) fn none_alive(eligibility: &Eligibility) -> Reason {
    let mut nodes = (**eligibility.ineligible()).clone();
    let dead = eligibility.nodes().map(|name| (name.clone(), Reason::NotAlive));
    nodes.extend(dead);
    Reason::NoEligibleNode(Arc::new(nodes))
}

fn segment_of(view: &View, may: &May) -> SegmentView {
    let group = |(address, judged): (&IpAddr, &Arc<Judged>)| {
        let eligibility = judged.eligible.as_ref().ok()?;
        Some((*address, eligibility.group.clone()))
    };
    let names = view.nodes.keys().map(|name| (NodeId::of(name), name.clone()));
    SegmentView {
        groups: may.by_address.iter().filter_map(group).collect(),
        nodes: Arc::new(names.collect()),
        ..SegmentView::default()
    }
}

fn living(view: &View, name: &NodeName) -> Option<Living> {
    let node = view.nodes.get(name)?;
    Some(Living {
        node: NodeId::of(name),
        standing: Standing {
            draining: node.soft.is_some(),
            ..Standing::default()
        },
        joining: false,
    })
}

/// The nodes that take part.
struct Cast {
    segment: SegmentView,
    living: Vec<Living>,
}

impl Cast {
    /// Those who are alive and may hold what they hold.
    fn holders(&self, may: &May, known: &Known) -> BTreeMap<IpAddr, NodeId> {
        let alive: BTreeSet<NodeId> = self.living.iter().map(|one| one.node).collect();
        let keeps = |(address, name): (&IpAddr, &NodeName)| {
            let eligibility = may.by_address.get(address)?.eligible.as_ref().ok()?;
            let node = NodeId::of(name);
            (eligibility.includes(name) && alive.contains(&node)).then_some((*address, node))
        };
        known.holders.iter().filter_map(keeps).collect()
    }

    fn ordered(&self, group: &GroupView, holders: &BTreeMap<IpAddr, NodeId>) -> Vec<Contender> {
        let mates = order::mates(group, |mate| holders.get(&mate).copied());
        order::order(group, &self.living, &self.segment, &mates)
    }

    /// Where the holder would hand an address over.
    fn moved(&self, holders: &BTreeMap<IpAddr, NodeId>) -> BTreeMap<IpAddr, NodeId> {
        let heir = |(address, holder): (&IpAddr, &NodeId)| {
            let group = self.segment.groups.get(address)?;
            let contenders = self.ordered(group, holders);
            let mine = contenders.iter().find(|one| one.node == *holder)?;
            let heir = contenders.iter().find(|one| order::moves(one, mine))?;
            Some((*address, heir.node))
        };
        holders.iter().filter_map(heir).collect()
    }

    /// Which node would claim each address that none holds.
    fn placed(&self, holders: &BTreeMap<IpAddr, NodeId>) -> BTreeMap<IpAddr, NodeId> {
        let orphans = self.segment.groups.keys().copied();
        let orphans = orphans.filter(|address| !holders.contains_key(address));
        let mut loads = Loads {
            addresses: self.segment.groups.len(),
            ..Loads::default()
        };
        for node in holders.values() {
            *loads.by_node.entry(*node).or_default() += 1;
        }
        let holder = |mate| holders.get(&mate).copied();
        order::each(&self.segment, orphans, &self.living, loads, holder)
            .into_iter()
            .filter_map(|(address, contenders)| Some((address, contenders.first()?.node)))
            .collect()
    }

    fn order(&self, address: IpAddr, holders: &BTreeMap<IpAddr, NodeId>) -> Vec<Ranked> {
        let Some(group) = self.segment.groups.get(&address) else {
            return Vec::new();
        };
        let named = |contender: Contender| {
            let node = self.segment.nodes.get(&contender.node)?.clone();
            Some(Ranked { node, contender })
        };
        self.ordered(group, holders)
            .into_iter()
            .filter_map(named)
            .collect()
    }

    fn outcome(&self, judged: &Judged, node: Option<&NodeId>) -> Result<Winner, Reason> {
        let eligibility = judged.eligible.as_ref().map_err(|why| (**why).clone())?;
        let winner = node.and_then(|node| {
            let node = self.segment.nodes.get(node)?.clone();
            let interfaces = eligibility.interfaces(&node)?.clone();
            Some(Winner { node, interfaces })
        });
        winner.ok_or_else(|| none_alive(eligibility))
    }
}

impl Foreseen {
    /// The node that would hold the address for this one of its Services, or why none would.
    ///
    /// # Errors
    /// The reason of this Service, even where the address is announced for another one.
    pub fn of_service(&self, service: &ferrolb_crds::domain::ServiceKey) -> Result<&Winner, &Reason> {
        match self.judged.refused(service) {
            Some(why) => Err(why),
            None => self.outcome.as_ref(),
        }
    }
}
