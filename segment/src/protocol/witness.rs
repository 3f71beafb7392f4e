//! Which instance asks on the wire for an address that another node holds.

use std::net::IpAddr;

use super::Segment;
use crate::Moment;
use crate::message::{NodeId, State};
use crate::order::hash::hash_of;
use crate::order::{self, Living, Mates};
use crate::view::GroupView;

impl Segment {
    /// The holder of the address, if this instance is its witness.
    ///
    /// The order of one address is asked for and no more, so that ten thousand addresses cost nothing until it is the
    /// turn of each. Mates count for nothing, as they are with the holder.
    pub fn to_check(&self, address: IpAddr) -> Option<NodeId> {
        let facts = &self.facts;
        let holder = facts.holder(address)?;
        let group = facts.view.group(address)?;
        let others = facts.living().into_iter();
        let others: Vec<Living> = others.filter(|one| one.node != holder && !one.joining).collect();
        let first = order::order(group, &others, &facts.view, &Mates::new())
            .into_iter()
            .next();
        let witness = first
            .map(|one| one.node)
            .or_else(|| self.bystander(group, &others));
        (witness == Some(facts.me.node)).then_some(holder)
    }

    /// The witness of an address that only its holder may hold (W1): a Service of policy Local with one endpoint is not
    /// to go without. It is a node that an advertisement selects, since others may know nothing of the address.
    fn bystander(&self, group: &GroupView, others: &[Living]) -> Option<NodeId> {
        let (view, first) = (&self.facts.view, group.first.to_string());
        let electors = others.iter().map(|one| one.node);
        let electors = electors.filter(|node| view.electors.contains(node));
        let hashed = electors.filter_map(|node| Some((hash_of(view.nodes.get(&node)?, &first), node)));
        hashed.min().map(|(_, node)| node)
    }

    /// Whether this instance may ask, and silence proves something (W2): it takes part, and neither is it held up nor are
    /// its own questions or the answers likely to be lost.
    pub fn may_check(&self, now: Moment) -> bool {
        self.facts.state == State::Active && self.may_act() && self.may_tell(now)
    }
}
