//! A planned move: the holder names an heir, the heir takes over, the holder sees it and lets go.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::facts::Facts;
use super::groups::Split;
use super::pass::Look;
use crate::Moment;
use crate::message::{Entry, Hold, NodeId, State};
use crate::order;
use crate::peer::Peer;

/// How long an heir may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// After this one that refused is asked again: it may have learned more of the cluster.
const RECONSIDERED: Duration = Duration::from_secs(10);

/// What is to become of an address that is held.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decision {
    /// It stays as it is.
    Keep,
    /// That node is to take it.
    YieldTo(NodeId),
    /// It is yielded no more.
    Cancel,
    /// No node may hold it.
    GiveUp,
}

/// The moves of addresses that are held here.
#[derive(Clone, Debug, Default)]
pub(super) struct Handover {
    yields: BTreeMap<IpAddr, Yield>,
    /// Addresses whose group is to be on another node.
    pub(super) splits: BTreeMap<IpAddr, Split>,
}

/// An address that is to go to another node.
#[derive(Clone, Debug)]
struct Yield {
    since: Moment,
    /// Those that would not, or did not, take it.
    refused: BTreeMap<NodeId, Moment>,
}

impl Handover {
    /// Whether an address that is held stays here, goes to another, or to none. `able`: this instance may claim.
    pub(super) fn review(&mut self, look: &Look<'_>, hold: &Hold, able: bool, now: Moment) -> Decision {
        if look.group.fit.is_empty() {
            return Decision::GiveUp; // H8
        }
        let (address, facts) = (look.address, look.facts);
        let heir = self.heir(look);
        let heir = heir.or_else(|| self.gather(look, hold, able, now));
        match (heir, hold.yield_to) {
            (Some(heir), Some(current)) if self.may_still_take(address, current, heir, facts) => {
                Decision::Keep
            }
            (Some(heir), _) => {
                let refused = BTreeMap::new();
                let new = Yield { since: now, refused };
                self.yields.entry(address).or_insert(new).since = now;
                Decision::YieldTo(heir)
            }
            // One that refused may learn better: until then the address stays where it is.
            (None, _) if nobody_suits(look) => Decision::GiveUp, // H8
            (None, Some(_)) => Decision::Cancel,                 // H7
            (None, None) => Decision::Keep,
        }
    }

    pub(super) fn has_refused(&self, address: IpAddr, node: NodeId) -> bool {
        let one = self.yields.get(&address);
        one.is_some_and(|one| one.refused.contains_key(&node))
    }

    /// An heir that was named stays it while it may still take the address.
    fn may_still_take(&self, address: IpAddr, current: NodeId, best: NodeId, facts: &Facts) -> bool {
        let mut peers = facts.roll.of_node(current);
        current == best || (peers.any(Peer::is_well) && !self.has_refused(address, current))
    }

    /// The node that should have the address instead of this one; none if it is to stay (H1).
    fn heir(&self, look: &Look<'_>) -> Option<NodeId> {
        if let Some(asked) = self.asked_heir(look) {
            return Some(asked);
        }
        let facts = look.facts;
        if facts.is_best(look.group) {
            return None;
        }
        let (own, leaving) = (look.own(), facts.state == State::Leaving);
        let others = look.contenders().into_iter();
        let mut others = others.filter(|one| one.node != facts.me.node && !one.joining);
        let heir = others.find(|one| {
            let better = own.is_none_or(|own| order::moves(one, &own));
            (leaving || better) && !self.has_refused(look.address, one.node)
        });
        heir.map(|one| one.node)
    }

    /// The node that the operator wants to have the address (`SegmentView::moves`), while it takes part and is no worse
    /// (H10).
    fn asked_heir(&self, look: &Look<'_>) -> Option<NodeId> {
        let (address, me) = (look.address, look.facts.me.node);
        let asked = *look.facts.view.moves.get(&address)?;
        let mine = look.group.fit.get(&me)?;
        let mut others = look.contenders().into_iter().filter(|one| one.node != me);
        let heir = others.find(|one| one.node == asked)?;
        let able = !heir.joining && !heir.last_resort && heir.fitness.rank() <= mine.rank();
        (able && !self.has_refused(address, asked)).then_some(asked)
    }

    pub(super) fn forget(&mut self, address: IpAddr) {
        self.yields.remove(&address);
        self.splits.remove(&address);
    }

    /// The addresses whose heirs refuse, take too long or are gone, and those of which an heir may be asked again.
    pub(super) fn failed(&mut self, facts: &Facts, now: Moment) -> Vec<(IpAddr, Hold)> {
        let mut failed = Vec::new();
        self.yields.retain(|address, one| {
            let Some(hold) = facts.ledger.own.hold(*address).copied() else {
                return false;
            };
            let changed = match hold.yield_to {
                Some(heir) => one.fails(*address, heir, &hold, facts, now),
                None => one.reconsiders(now),
            };
            failed.extend(changed.then_some((*address, hold)));
            true
        });
        failed
    }

    /// Whether it suits this node, which would not pass it on at once: nodes that disagree about which is better would
    /// pass it round. From a node that leaves it is taken in any case, and from one that drains or was away although the
    /// group belongs elsewhere (H2).
    pub(super) fn would_keep(&self, look: &Look<'_>, holder: &Peer) -> bool {
        let standing = holder.standing();
        let any = standing.draining || standing.hold_down;
        let gatherer = || self.gatherer(look); // G4
        let belongs_here = || any || gatherer().is_none_or(|node| node == holder.instance.node);
        let keeps = || self.heir(look).is_none() && belongs_here();
        look.group.suits(look.facts.me.node) && (holder.is_leaving() || keeps())
    }
}

impl Yield {
    /// Whether the heir is passed over from now on (H5).
    fn fails(&mut self, address: IpAddr, heir: NodeId, hold: &Hold, facts: &Facts, now: Moment) -> bool {
        let declined = Entry::Declined { epoch: hold.epoch };
        let declines = |peer: &Peer| peer.claims.entry(address) == Some(&declined);
        let late = now.since(self.since) >= PATIENCE;
        let mut peers = facts.roll.of_node(heir);
        let fails = late || peers.clone().any(declines) || !peers.any(Peer::is_up);
        if fails {
            self.refused.insert(heir, now);
        }
        fails
    }

    /// Whether one that was passed over may be asked again (H5).
    fn reconsiders(&mut self, now: Moment) -> bool {
        let before = self.refused.len();
        self.refused.retain(|_, at| now.since(*at) < RECONSIDERED);
        self.refused.len() < before
    }
}

/// Neither this node nor any that lives may hold the addresses.
fn nobody_suits(look: &Look<'_>) -> bool {
    let me = look.facts.me.node;
    let suits = |node| look.group.suits(node);
    let any = suits(me) || look.living.iter().any(|one| suits(one.node));
    look.facts.state != State::Leaving && !any
}
