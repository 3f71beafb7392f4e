//! One pass over addresses, and what decides about each: counted once for all addresses of a group.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::facts::Facts;
use crate::message::NodeId;
use crate::order::{self, Contender, Living, Mates};
use crate::view::GroupView;

/// An address that is alone has no mates.
static NONE: Mates = Mates::new();

/// What stays the same during a pass, or is kept up to date from one address to the next.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) living: Vec<Living>,
    /// How many addresses of each group that was met each node holds, by the first address of the group.
    mates: BTreeMap<IpAddr, Mates>,
}

/// An address and its group, and what decides about it.
pub(super) struct Look<'a> {
    pub(super) address: IpAddr,
    pub(super) group: &'a GroupView,
    pub(super) facts: &'a Facts,
    pub(super) living: &'a [Living],
    /// How many addresses of the group each node holds; nothing for an address that is alone.
    pub(super) mates: &'a Mates,
}

impl Pass {
    pub(super) fn new(facts: &Facts) -> Self {
        Self {
            living: facts.living(),
            mates: BTreeMap::new(),
        }
    }

    /// To be called before something is decided about an address; returns its holder, if it is not alone.
    pub(super) fn begin(&mut self, address: IpAddr, facts: &Facts) -> Option<NodeId> {
        let group = facts
            .view
            .group(address)
            .filter(|group| group.addresses.len() > 1)?;
        let count = || order::mates(group, |mate| facts.holder(mate));
        self.mates.entry(group.first).or_insert_with(count);
        facts.holder(address)
    }

    /// To be called afterwards, with what [`Self::begin`] returned.
    pub(super) fn end(&mut self, address: IpAddr, before: Option<NodeId>, facts: &Facts) {
        let group = facts.view.group(address);
        if let Some(mates) = group.and_then(|group| self.mates.get_mut(&group.first)) {
            order::moved(mates, before, facts.holder(address));
        }
    }

    pub(super) fn look<'a>(&'a self, address: IpAddr, facts: &'a Facts) -> Option<Look<'a>> {
        let group = facts.view.group(address)?;
        Some(Look {
            address,
            group,
            facts,
            living: &self.living,
            mates: self.mates.get(&group.first).unwrap_or(&NONE),
        })
    }
}

impl Look<'_> {
    /// The living nodes that may hold the address, best first, as things are held now (C9).
    pub(super) fn contenders(&self) -> Vec<Contender> {
        self.order_of(self.living)
    }

    /// This node as one that may hold the address, whether it takes part or not.
    pub(super) fn own(&self) -> Option<Contender> {
        self.order_of(&[self.facts.own_standing()]).pop()
    }

    fn order_of(&self, living: &[Living]) -> Vec<Contender> {
        order::order(self.group, living, &self.facts.view, self.mates)
    }
}

impl Facts {
    /// The holder of one address of a group decides where the others belong: all of them are looked at.
    pub(super) fn add_mates(&self, attention: &mut BTreeSet<IpAddr>) {
        let groups = attention.iter().filter_map(|address| self.view.group(*address));
        let groups = groups.filter(|group| group.addresses.len() > 1);
        let groups: BTreeMap<IpAddr, &GroupView> = groups.map(|group| (group.first, group)).collect();
        attention.extend(groups.values().flat_map(|group| &*group.addresses));
    }
}
