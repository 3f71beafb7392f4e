//! Who says that he holds what: an index over the copies of all instances.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::copy::Change;
use super::message::{Entry, Epoch, Instance};

/// The instances with an entry for an address, and the highest epoch that was ever seen of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Holders {
    by_address: BTreeMap<IpAddr, BTreeSet<Instance>>,
    counts: BTreeMap<Instance, usize>,
    epochs: BTreeMap<IpAddr, Epoch>,
}

impl Holders {
    pub(super) fn change(&mut self, instance: Instance, change: &Change) {
        let holds = |entry: Option<Entry>| usize::from(matches!(entry, Some(Entry::Hold(_))));
        let count = self.counts.entry(instance).or_default();
        *count = *count + holds(change.after) - holds(change.before);
        let named = self.by_address.entry(change.address).or_default();
        match change.after {
            Some(entry) => {
                named.insert(instance);
                self.saw(change.address, epoch(&entry));
            }
            None => {
                named.remove(&instance);
            }
        }
    }

    /// Everything that an instance said goes, but for the epochs.
    pub(super) fn forget<'a>(
        &mut self,
        instance: Instance,
        entries: impl Iterator<Item = (IpAddr, &'a Entry)>,
    ) {
        for (address, _) in entries {
            if let Some(named) = self.by_address.get_mut(&address) {
                named.remove(&instance);
            }
        }
        self.counts.remove(&instance);
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
    }

    /// The epoch of a new claim.
    pub(super) fn next_epoch(&self, address: IpAddr) -> Epoch {
        Epoch(self.epochs.get(&address).map_or(0, |epoch| epoch.0) + 1)
    }
}

fn epoch(entry: &Entry) -> Epoch {
    match entry {
        Entry::Hold(hold) => hold.epoch,
        Entry::Released { epoch, .. } | Entry::Declined { epoch } => *epoch,
    }
}
