//! Every claim: those of this instance, an index of those of the others, and the addresses about which something changed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use crate::Moment;
use crate::holders::Holders;
use crate::message::{Entry, Epoch, Hold, NodeId, Version};
use crate::own::OwnClaims;
use crate::view::SegmentView;

/// How long it is said of an address that it was given up.
const REMEMBERED: Duration = Duration::from_secs(10);
/// How often epochs that nothing needs are looked for.
const PRUNED: Duration = Duration::from_secs(60);
/// How long an instance that leaves stays after its last release.
const AFTERWARDS: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) own: OwnClaims,
    pub(super) others: Holders,
    /// Addresses about which something changed.
    attention: BTreeSet<IpAddr>,
    /// When what was said of an address that is not held may be forgotten.
    expiries: BTreeMap<IpAddr, Moment>,
    /// The same in order of time, with those that were put off or dropped since.
    expiring: VecDeque<(Moment, IpAddr)>,
    /// Since when this instance is up with more than half of the known nodes.
    backed_since: Option<Moment>,
    released_last: Moment,
    /// When epochs that nothing needs were last looked for.
    pruned: Moment,
}

impl Ledger {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            released_last: now,
            pruned: now,
            ..Self::default()
        }
    }

    pub(super) fn look_at(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.attention.extend(addresses);
    }

    pub(super) fn look_at_held(&mut self) {
        let held = self.own.holds().map(|(address, _)| address);
        self.attention.extend(held);
    }

    /// The addresses to look at; none of them is any more.
    pub(super) fn attention(&mut self) -> BTreeSet<IpAddr> {
        std::mem::take(&mut self.attention)
    }

    pub(super) fn claim(&mut self, address: IpAddr, backed: bool) {
        let hold = Hold {
            epoch: self.others.next_epoch(address), // C12
            backed,
            yield_to: None,
        };
        self.hold(address, hold);
        self.expiries.remove(&address);
    }

    /// Yields the address to this heir, or to none any more. An answer to an earlier question must lose against this
    /// claim.
    pub(super) fn yield_to(&mut self, address: IpAddr, mut hold: Hold, heir: Option<NodeId>) {
        hold.epoch.0 += if hold.yield_to.is_some() { 2 } else { 0 }; // H6
        hold.yield_to = heir;
        self.hold(address, hold);
    }

    fn hold(&mut self, address: IpAddr, hold: Hold) {
        self.others.saw(address, hold.epoch);
        self.own.set(address, Some(Entry::Hold(hold)));
    }

    pub(super) fn release(
        &mut self,
        address: IpAddr,
        epoch: Epoch,
        to: Option<(NodeId, Version)>,
        now: Moment,
    ) {
        self.say(address, Entry::Released { epoch, to }, now);
        self.released_last = now;
        self.attention.insert(address);
    }

    /// Publishes something of an address that is not held, for a while.
    pub(super) fn say(&mut self, address: IpAddr, entry: Entry, now: Moment) {
        let until = now + REMEMBERED; // C13
        self.own.set(address, Some(entry));
        self.expiries.insert(address, until);
        self.expiring.push_back((until, address));
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

    /// A claim of one that lost sight of most others must not win when they meet again.
    pub(super) fn back(&mut self, has_majority: bool, patience: Duration, now: Moment) {
        if !has_majority {
            if self.backed_since.is_some() {
                self.unback();
            }
            return;
        }
        let since = *self.backed_since.get_or_insert(now);
        // C5
        if self.own.held == 0 || now.since(since) >= patience {
            self.set_backed(true);
        }
    }

    pub(super) fn unback(&mut self) {
        self.backed_since = None;
        self.set_backed(false);
    }

    fn set_backed(&mut self, backed: bool) {
        let as_it_should = if backed { self.own.held } else { 0 };
        if self.own.backed == as_it_should {
            return;
        }
        let holds = self.own.holds().filter(|(_, hold)| hold.backed != backed);
        let holds: Vec<_> = holds.map(|(address, hold)| (address, *hold)).collect();
        for (address, hold) in holds {
            self.own.set(address, Some(Entry::Hold(Hold { backed, ..hold })));
            self.attention.insert(address);
        }
    }

    /// It holds nothing, and did not a short while ago.
    pub(super) fn has_let_go(&self, now: Moment) -> bool {
        self.own.held == 0 && now.since(self.released_last) >= AFTERWARDS // H9
    }

    /// Once in a while forgets the epochs that nobody needs; whether it was time (C14).
    pub(super) fn forget_epochs(&mut self, view: &SegmentView, now: Moment) -> bool {
        let due = now.since(self.pruned) >= PRUNED;
        if due {
            self.pruned = now;
            let own = &self.own;
            let needs = |address| own.entry(address).is_some() || view.groups.contains_key(&address);
            self.others.forget_epochs(now, needs);
        }
        due
    }
}
