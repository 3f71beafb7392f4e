//! Which instance claims which address: an index over the copies of all peers' claims.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::Moment;
use super::copy::Change;
use super::message::{Entry, Epoch, Instance};

/// Nobody remembers a claim longer: instances that are not up are forgotten after this.
const UNNEEDED: Duration = Duration::from_secs(600);

/// The instances with an entry for an address, and the highest epoch that was ever seen of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Holders {
    by_address: BTreeMap<IpAddr, BTreeSet<Instance>>,
    counts: BTreeMap<Instance, usize>,
    epochs: BTreeMap<IpAddr, Epoch>,
    /// The greatest that was ever seen of any address.
    pub(super) greatest: Epoch,
    /// Since when nobody needed the epoch of an address.
    unneeded: BTreeMap<IpAddr, Moment>,
}

impl Holders {
    pub(super) fn change(&mut self, instance: Instance, change: &Change) {
        let holds = |entry: Option<Entry>| usize::from(matches!(entry, Some(Entry::Hold(_))));
        let count = self.counts.entry(instance).or_default();
        *count = *count + holds(change.after) - holds(change.before);
        match change.after {
            Some(entry) => {
                self.by_address
                    .entry(change.address)
                    .or_default()
                    .insert(instance);
                self.saw(change.address, entry.epoch());
            }
            None => self.remove(instance, change.address),
        }
    }

    /// Everything that an instance said goes, but for the epochs.
    pub(super) fn forget<'a>(
        &mut self,
        instance: Instance,
        entries: impl Iterator<Item = (IpAddr, &'a Entry)>,
    ) {
        for (address, _) in entries {
            self.remove(instance, address);
        }
        self.counts.remove(&instance);
    }

    fn remove(&mut self, instance: Instance, address: IpAddr) {
        if let Some(named) = self.by_address.get_mut(&address) {
            named.remove(&instance);
            if named.is_empty() {
                self.by_address.remove(&address);
            }
        }
    }

    /// The instances that say something of the address.
    pub(super) fn of(&self, address: IpAddr) -> impl Iterator<Item = Instance> + '_ {
        self.by_address.get(&address).into_iter().flatten().copied()
    }

    /// How many addresses the instance holds.
    pub(super) fn count(&self, instance: Instance) -> usize {
        self.counts.get(&instance).copied().unwrap_or_default()
    }

    pub(super) fn saw(&mut self, address: IpAddr, epoch: Epoch) {
        let highest = self.epochs.entry(address).or_default();
        *highest = epoch.max(*highest);
        self.greatest = epoch.max(self.greatest);
    }

    /// Forgets the epochs of addresses that no entry names, and that nothing needs, at all looks within [`UNNEEDED`].
    pub(super) fn forget_epochs(&mut self, now: Moment, needs: impl Fn(IpAddr) -> bool) {
        let before = std::mem::take(&mut self.unneeded);
        self.epochs.retain(|address, _| {
            if self.by_address.contains_key(address) || needs(*address) {
                return true;
            }
            let since = before.get(address).copied().unwrap_or(now);
            let keeps = now.since(since) < UNNEEDED; // C14
            self.unneeded.extend(keeps.then_some((*address, since)));
            keeps
        });
    }

    /// Whether it is known that anybody ever claimed the address.
    pub(super) fn knows(&self, address: IpAddr) -> bool {
        self.epochs.contains_key(&address)
    }

    /// The epoch of a new claim.
    pub(super) fn next_epoch(&self, address: IpAddr) -> Epoch {
        Epoch(self.epochs.get(&address).map_or(0, |epoch| epoch.0) + 1)
    }
}

#[cfg(test)]
mod tests;
