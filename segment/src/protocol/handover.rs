//! A planned move: the holder names an heir, the heir takes over, the holder sees it and lets go.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::{Event, Segment};
use crate::message::{Entry, Epoch, Hold, Instance, NodeId, State};
use crate::moment::Moment;
use crate::order::{self, Contender};
use crate::peer::Peer;
use crate::view::{Fitness, Place};

/// How long an heir may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// After this one who refused is asked again: it may have learned more of the cluster.
const RECONSIDERED: Duration = Duration::from_secs(10);

/// An address that is to go to another node.
#[derive(Clone, Debug)]
pub(super) struct Yield {
    since: Moment,
    /// Those who would not, or did not, take it.
    pub(super) refused: BTreeMap<NodeId, Moment>,
}

impl Segment {
    /// Whether an address that is held stays here, goes to another, or to nobody.
    pub(super) fn review(&mut self, address: IpAddr, hold: Hold, now: Moment) {
        if self.place(address).is_none_or(|place| place.fit.is_empty()) {
            self.release(address, hold, None, now);
            self.tell(Event::GaveUp(address, None));
            return;
        }
        let heir = self.heir(address).or_else(|| self.gather(address, &hold, now));
        match (heir, hold.yield_to) {
            (Some(heir), Some(current)) if self.may_still_take(address, current, heir) => {}
            (Some(heir), _) => self.yield_to(address, hold, heir, now),
            (None, _) if self.is_no_place(address) => {
                self.release(address, hold, None, now);
                self.tell(Event::GaveUp(address, None));
            }
            (None, Some(_)) => self.cancel(address, hold),
            (None, None) => {}
        }
    }

    /// Neither this node nor any that lives may hold the address. One that refused may learn better: until then
    /// the address stays where it is.
    fn is_no_place(&self, address: IpAddr) -> bool {
        let suits = |place: &Place| self.living().iter().any(|one| place.suits(one.node));
        self.state != State::Leaving && !self.suits_me(address) && !self.place(address).is_some_and(suits)
    }

    fn suits_me(&self, address: IpAddr) -> bool {
        self.place(address).is_some_and(|place| place.suits(self.me.node))
    }

    /// An heir that was named stays it while it may still take the address.
    fn may_still_take(&self, address: IpAddr, current: NodeId, best: NodeId) -> bool {
        let refused = self
            .yields
            .get(&address)
            .is_some_and(|one| one.refused.contains_key(&current));
        let lives = self
            .peers
            .values()
            .any(|peer| peer.instance.node == current && Self::is_well(peer));
        current == best || (lives && !refused)
    }

    /// Who should have the address instead of this node; nobody if it is to stay.
    fn heir(&self, address: IpAddr) -> Option<NodeId> {
        let place = self.place(address)?;
        if let Some(asked) = self.asked_heir(address, place) {
            return Some(asked);
        }
        if self.is_best_place(place) {
            return None;
        }
        let refused = self.yields.get(&address).map(|one| &one.refused);
        let others = self.contenders(place, &self.living()).into_iter().filter(|one| {
            one.node != self.me.node
                && !one.joining
                && refused.is_none_or(|refused| !refused.contains_key(&one.node))
        });
        let contenders: Vec<Contender> = others.collect();
        let own = self.contenders(place, &[self.own_standing()]);
        let better = |one: &Contender| match own.first() {
            _ if self.state == State::Leaving => true,
            None => true,
            Some(own) => order::moves(one, own),
        };
        contenders.iter().find(|one| better(one)).map(|one| one.node)
    }

    /// The node that the operator wants to have the address (`SegmentView::moves`), while it takes part and is no worse.
    fn asked_heir(&self, address: IpAddr, place: &Place) -> Option<NodeId> {
        let asked = *self.view.as_ref()?.moves.get(&address)?;
        let mine = place.fit.get(&self.me.node)?;
        let refused = self.yields.get(&address).map(|one| &one.refused);
        let contenders = self.contenders(place, &self.living());
        let heir = contenders
            .iter()
            .find(|one| one.node == asked && asked != self.me.node)?;
        let no_worse = (heir.fitness.against, Reverse(heir.fitness.preference))
            <= (mine.against, Reverse(mine.preference));
        let may = !heir.joining && !heir.last_resort && no_worse;
        (may && refused.is_none_or(|refused| !refused.contains_key(&asked))).then_some(asked)
    }

    /// Nobody can outrank this node, alive or not: with thousands of addresses the order of the living is not asked for
    /// each time that something changes.
    fn is_best_place(&self, place: &Place) -> bool {
        let draining = self.view.as_ref().is_some_and(|view| view.draining);
        let rank = |fit: &Fitness| (fit.against, Reverse(fit.preference));
        let best = |mine: &Fitness| place.fit.values().all(|fit| rank(fit) >= rank(mine));
        self.state != State::Leaving && !draining && place.fit.get(&self.me.node).is_some_and(best)
    }

    fn yield_to(&mut self, address: IpAddr, hold: Hold, heir: NodeId, now: Moment) {
        let retargeted = hold.yield_to.is_some();
        let one = self.yields.entry(address).or_insert_with(|| Yield {
            since: now,
            refused: BTreeMap::new(),
        });
        one.since = now;
        // An answer to the earlier question must lose against this claim.
        let epoch = Epoch(hold.epoch.0 + if retargeted { 2 } else { 0 });
        self.holders.saw(address, epoch);
        let hold = Hold {
            epoch,
            yield_to: Some(heir),
            ..hold
        };
        self.own.set(address, Some(Entry::Hold(hold)));
    }

    fn cancel(&mut self, address: IpAddr, hold: Hold) {
        let epoch = Epoch(hold.epoch.0 + 2);
        self.holders.saw(address, epoch);
        let hold = Hold {
            epoch,
            yield_to: None,
            ..hold
        };
        self.own.set(address, Some(Entry::Hold(hold)));
    }

    /// Gives up on heirs that refuse, take too long or are gone.
    pub(super) fn follow_yields(&mut self, now: Moment) {
        let addresses: Vec<IpAddr> = self.yields.keys().copied().collect();
        for address in addresses {
            let Some(hold) = self.own.hold(address).copied() else {
                self.yields.remove(&address);
                continue;
            };
            let Some(heir) = hold.yield_to else {
                self.reconsider(address, hold, now);
                continue;
            };
            let late = self
                .yields
                .get(&address)
                .is_some_and(|one| now.since(one.since) >= PATIENCE);
            if late || self.declined(address, heir, hold.epoch) || !self.lives(heir) {
                if let Some(one) = self.yields.get_mut(&address) {
                    one.refused.insert(heir, now);
                }
                self.review(address, hold, now);
            }
        }
    }

    fn reconsider(&mut self, address: IpAddr, hold: Hold, now: Moment) {
        let Some(one) = self.yields.get_mut(&address) else {
            return;
        };
        let before = one.refused.len();
        one.refused.retain(|_, at| now.since(*at) < RECONSIDERED);
        if one.refused.len() < before {
            self.review(address, hold, now);
        }
    }

    fn lives(&self, node: NodeId) -> bool {
        self.peers
            .values()
            .any(|peer| peer.instance.node == node && peer.is_up())
    }

    fn declined(&self, address: IpAddr, heir: NodeId, asked: Epoch) -> bool {
        let says = |peer: &Peer| match peer.claims.entry(address) {
            Some(Entry::Declined { epoch }) => *epoch == asked,
            _ => false,
        };
        self.peers
            .values()
            .any(|peer| peer.instance.node == heir && says(peer))
    }

    /// Whether it suits this node, which would not pass it on at once: nodes that disagree about who is better would
    /// pass it round. From a node that leaves it is taken in any case, and from one that drains or was away although the
    /// group belongs elsewhere.
    fn would_keep(&self, address: IpAddr, holder: Instance) -> bool {
        let Some(holder) = self.peers.get(&holder) else {
            return false;
        };
        let standing = holder.beacon.map(|beacon| beacon.standing).unwrap_or_default();
        let any = standing.draining || standing.hold_down;
        let stays =
            || self.heir(address).is_none() && (any || self.belongs_no_other(address, holder.instance.node));
        self.suits_me(address) && (holder.is_leaving() || stays())
    }

    /// Whether no third node is to have the group of the address. A holder that gathers it and yields does so on purpose.
    fn belongs_no_other(&self, address: IpAddr, holder: NodeId) -> bool {
        self.gatherer(address).is_none_or(|gatherer| gatherer == holder)
    }

    /// Takes over an address that another yields to this node, or says that it will not. Whether one did.
    pub(super) fn answer_yield(&mut self, address: IpAddr, now: Moment) -> bool {
        let me = self.me.node;
        let Some((holder, hold)) = self
            .live_holds(address)
            .find(|(_, hold)| hold.yield_to == Some(me))
        else {
            return false;
        };
        let able = self.state == State::Active && self.stunned.is_none() && self.carrier;
        if able && self.would_keep(address, holder) {
            self.claim(address, now);
            self.tell(Event::TookOver(address));
        } else {
            self.say(address, Entry::Declined { epoch: hold.epoch }, now);
        }
        true
    }
}
