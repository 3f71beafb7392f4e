//! Who holds what: conflicts are ended, and what nobody holds is claimed.

use std::net::IpAddr;
use std::time::Duration;

use super::{Effect, Event, Segment};
use crate::key::ClaimKey;
use crate::message::{Entry, Hold, Instance, NodeId, State, Version};
use crate::moment::Moment;
use crate::order::{self, Contender};
use crate::peer::Peer;
use crate::view::Place;

/// How long it is said of an address that it was given up.
const REMEMBERED: Duration = Duration::from_secs(10);

impl Segment {
    /// Looks at each address about which something changed.
    pub(super) fn consider_all(&mut self, now: Moment) {
        self.look_at_groups();
        for address in std::mem::take(&mut self.attention) {
            match self.own.hold(address).copied() {
                Some(hold) => self.keep_or_give_up(address, hold, now),
                None => self.look_for_holder(address, now),
            }
        }
    }

    fn keep_or_give_up(&mut self, address: IpAddr, hold: Hold, now: Moment) {
        self.orphans.remove(&address);
        if let Some((key, winner)) = self.strongest_now(address)
            && key > self.key(self.me, address, &hold)
        {
            let event = match hold.yield_to == Some(winner.node) {
                true => Event::GaveUp(address, hold.yield_to),
                false => Event::Lost(address, winner.node),
            };
            self.release(address, hold, Some(winner), now);
            self.tell(event);
        } else if self.state != State::Joining {
            self.review(address, hold, now);
        }
    }

    fn look_for_holder(&mut self, address: IpAddr, now: Moment) {
        let wanted = self.place(address).is_some_and(|place| !place.fit.is_empty());
        if self.answer_yield(address, now) {
            return;
        }
        if wanted && self.presumed_holder(address, now).is_none() {
            self.orphans.entry(address).or_insert(now);
        } else {
            self.orphans.remove(&address);
        }
    }

    pub(super) fn place(&self, address: IpAddr) -> Option<&Place> {
        self.view.as_ref()?.places.get(&address).map(|place| &**place)
    }

    pub(super) fn key(&self, instance: Instance, address: IpAddr, hold: &Hold) -> ClaimKey {
        ClaimKey::of(instance.node, address, hold)
    }

    /// The claims of those who are up.
    pub(super) fn live_holds(&self, address: IpAddr) -> impl Iterator<Item = (Instance, Hold)> + '_ {
        self.holders.of(address).filter_map(move |instance| {
            let peer = self.peers.get(&instance).filter(|peer| peer.is_up())?;
            match peer.claims.entry(address)? {
                Entry::Hold(hold) => Some((instance, *hold)),
                Entry::Released { .. } | Entry::Declined { .. } => None,
            }
        })
    }

    pub(super) fn strongest(&self, address: IpAddr) -> Option<(ClaimKey, Instance)> {
        let key = |(instance, hold): (Instance, Hold)| (self.key(instance, address, &hold), instance);
        self.live_holds(address).map(key).max()
    }

    /// The backing that one had before he was down says nothing: both would give up the address.
    fn strongest_now(&self, address: IpAddr) -> Option<(ClaimKey, Instance)> {
        let key = |(instance, mut hold): (Instance, Hold)| {
            hold.backed &= self.peers.get(&instance).is_some_and(Peer::is_current);
            (self.key(instance, address, &hold), instance)
        };
        self.live_holds(address).map(key).max()
    }

    /// Who holds the address, or will be seen to hold it as soon as his claims are known up to the version that a
    /// release names.
    fn presumed_holder(&self, address: IpAddr, now: Moment) -> Option<NodeId> {
        if let Some((_, instance)) = self.strongest(address) {
            return Some(instance.node);
        }
        let heir = |instance: Instance| {
            let peer = self.peers.get(&instance)?;
            match peer.claims.entry(address)? {
                Entry::Released {
                    to: Some((node, version)),
                    ..
                } => self.is_coming(address, *node, *version, now).then_some(*node),
                _ => None,
            }
        };
        self.holders.of(address).find_map(heir)
    }

    /// Who is heard counts too: after a partition some meet him sooner.
    fn is_coming(&self, address: IpAddr, node: NodeId, version: Version, now: Moment) -> bool {
        let is_there = |peer: &Peer| peer.is_up() || peer.is_heard(now, self.conduct.profile);
        let holds = |peer: &Peer| matches!(peer.claims.entry(address), Some(Entry::Hold(_)));
        let coming = |peer: &Peer| is_there(peer) && (peer.claims.version() < version || holds(peer));
        let of_node = |peer: &Peer| peer.instance.node == node && coming(peer);
        self.peers.values().any(of_node)
    }

    pub(super) fn release(&mut self, address: IpAddr, hold: Hold, to: Option<Instance>, now: Moment) {
        let version = |heir: Instance| {
            let version = self.peers.get(&heir).map(|peer| peer.claims.version());
            Some((heir.node, version?))
        };
        let entry = Entry::Released {
            epoch: hold.epoch,
            to: to.and_then(version),
        };
        self.say(address, entry, now);
        self.yields.remove(&address);
        self.splits.remove(&address);
        self.forget_unconfirmed(address);
        self.released_last = now;
        self.effects.push(Effect::Release(address));
        self.attention.insert(address);
    }

    /// Publishes something of an address that is not held, for a while.
    pub(super) fn say(&mut self, address: IpAddr, entry: Entry, now: Moment) {
        self.own.set(address, Some(entry));
        self.expiries.insert(address, now + REMEMBERED);
        self.expiring.push_back((now + REMEMBERED, address));
    }

    pub(super) fn expire(&mut self, now: Moment) {
        while let Some((at, address)) = self.expiring.pop_front_if(|(at, _)| *at <= now) {
            // What was said again, or is held by now, expires later or not at all.
            if self.expiries.get(&address) == Some(&at) {
                self.expiries.remove(&address);
                self.own.set(address, None);
            }
        }
    }

    pub(super) fn claim(&mut self, address: IpAddr, now: Moment) {
        let epoch = self.holders.next_epoch(address);
        self.holders.saw(address, epoch);
        let hold = Hold {
            epoch,
            backed: self.has_majority(),
            yield_to: None,
        };
        self.own.set(address, Some(Entry::Hold(hold)));
        self.expiries.remove(&address);
        self.orphans.remove(&address);
        if !self.must_confirm(address, now) {
            self.effects.push(Effect::Hold(address));
            self.announce(address);
        }
    }

    pub(super) fn announce(&mut self, address: IpAddr) {
        if !self.is_unconfirmed(address) {
            self.effects.push(Effect::Announce(address));
        }
    }

    /// Claims what nobody holds, as far as it is this instance's turn.
    pub(super) fn claim_orphans(&mut self, now: Moment) {
        if self.orphans.is_empty() || self.state != State::Active || self.stunned.is_some() {
            return;
        }
        let alone = !self.is_not_alone(now);
        if alone && self.carrier {
            self.ask_neighbours(now);
        }
        if alone || !self.carrier || !self.may_claim(now) {
            // The slots begin when this instance may claim: everybody at once would be no order.
            self.orphans.values_mut().for_each(|since| *since = now);
            return;
        }
        let slot = self.conduct.profile.slot();
        let patience = if self.all_synced() {
            Duration::ZERO
        } else {
            slot * 2
        };
        for (address, waited) in self.turns(patience, slot, now) {
            self.claim(address, now);
            self.tell(Event::Claimed(address, waited));
        }
    }

    /// The orphans that it is this instance's turn to claim, and for how long nobody held them: after each slot it is the
    /// turn of one more.
    fn turns(&self, patience: Duration, slot: Duration, now: Moment) -> Vec<(IpAddr, Duration)> {
        let Some(view) = &self.view else { return Vec::new() };
        let living = self.living();
        let orphans = self.orphans.keys().copied();
        let holder = |mate| self.holder(mate);
        let turn = |(address, order): (IpAddr, Vec<Contender>)| {
            let position = order.iter().position(|one| one.node == self.me.node)?;
            let since = self.orphans[&address];
            let due = self.slots_begin(since) + patience + slot * position as u32;
            (now >= due).then_some((address, now.since(since)))
        };
        order::place(view, orphans, &living, self.loads(&living), holder)
            .into_iter()
            .filter_map(turn)
            .collect()
    }

    /// When the first slot of an orphan begins: at once, but for D after a peer that was down is heard again nobody
    /// claims, since it may hold what seems to be free. No orphan waits longer than D for that, however many return.
    fn slots_begin(&self, since: Moment) -> Moment {
        let detection = self.conduct.profile.detection();
        since.max(
            self.returned_last
                .map_or(since, |at| (at + detection).min(since + detection)),
        )
    }

    /// Somebody hears this node: another speaker, or a neighbour that answered; or there is no other node.
    fn is_not_alone(&self, now: Moment) -> bool {
        let profile = self.conduct.profile;
        let heard = self.peers.values().any(|peer| peer.is_heard(now, profile));
        heard || self.is_only_node() || self.has_witness(now) || self.is_used_to_being_alone(now)
    }

    /// Nobody was ever heard here, for so long that nobody is to be expected: the only node on its segment. If that is
    /// wrong, its claims are without backing and give way.
    fn is_used_to_being_alone(&self, now: Moment) -> bool {
        let profile = self.conduct.profile;
        let patience = profile.joining() + profile.interval * 10;
        self.peers.is_empty() && self.known.is_empty() && now.since(self.started) >= patience
    }

    pub(super) fn is_only_node(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.nodes.len() == 1)
    }
}
