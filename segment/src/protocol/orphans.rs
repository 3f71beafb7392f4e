//! Addresses that no node holds, and whose turn it is to claim them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::conflicts::{Conflicts, PROBING};
use super::facts::Facts;
use crate::Moment;
use crate::message::NodeId;
use crate::order;

/// Addresses without a holder, and since when.
#[derive(Clone, Debug, Default)]
pub(super) struct Orphans(BTreeMap<IpAddr, Moment>);

impl Orphans {
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.0.contains_key(&address)
    }

    /// Whether it can be somebody's turn: for all but those that are in quarantine.
    pub(super) fn any_waits(&self, conflicts: &Conflicts) -> bool {
        self.0.keys().any(|address| !conflicts.is_apart(*address))
    }

    pub(super) fn add(&mut self, address: IpAddr, now: Moment) {
        self.0.entry(address).or_insert(now);
    }

    pub(super) fn remove(&mut self, address: IpAddr) {
        self.0.remove(&address);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The slots of this one begin then.
    pub(super) fn begin_at(&mut self, address: IpAddr, at: Moment) {
        if let Some(since) = self.0.get_mut(&address) {
            *since = at;
        }
    }

    /// The slots of these begin now.
    pub(super) fn begin_again_if(&mut self, holds: impl Fn(IpAddr) -> bool, now: Moment) {
        let these = self.0.iter_mut().filter(|(address, _)| holds(**address));
        these.for_each(|(_, since)| *since = now);
    }

    /// The slots of all begin now: everybody at once would be no order.
    pub(super) fn begin_again(&mut self, now: Moment) {
        self.0.values_mut().for_each(|since| *since = now);
    }

    /// The orphans that it is this instance's turn to claim, and for how long no node held them: after each slot it is the
    /// turn of one more (C10). Where no claim is known, slots are longer: nobody misses the address yet, and the first in the
    /// order may learn of it later than the others, or may ask first whether another station has it (N2).
    pub(super) fn turns(&self, facts: &Facts, conflicts: &Conflicts, now: Moment) -> Vec<(IpAddr, Duration)> {
        let slot = |address| match facts.ledger.others.knows(address) {
            true => facts.profile.slot(),
            false => facts.profile.slot() + PROBING,
        };
        let patience = match facts.roll.all_synced() {
            true => Duration::ZERO,
            false => facts.profile.slot() * 2,
        };
        let living = facts.living();
        let holder = |mate: IpAddr| -> Option<NodeId> { facts.holder(mate) };
        let orphans = self.0.keys().copied();
        let orphans = orphans.filter(|address| !conflicts.is_apart(*address));
        let turns = order::each(&facts.view, orphans, &living, facts.loads(&living), holder);
        let turn = |(address, order): (IpAddr, Vec<order::Contender>)| {
            let position = order.iter().position(|one| one.node == facts.me.node)?;
            let since = self.0[&address];
            let due = slots_begin(since, facts) + patience + slot(address) * position as u32;
            (now >= due).then_some((address, now.since(since)))
        };
        turns.into_iter().filter_map(turn).collect()
    }
}

/// When the first slot of an orphan begins: at once, but for D after a peer that was down is heard again nobody
/// claims, since it may hold what seems to be free. No orphan waits longer than D for that, however many return.
fn slots_begin(since: Moment, facts: &Facts) -> Moment {
    let detection = facts.profile.detection();
    let returned = facts.roll.returned_last;
    let heard = returned.map(|at| (at + detection).min(since + detection)); // C11
    heard.map_or(since, |heard| heard.max(since))
}
